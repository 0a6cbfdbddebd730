/* What a backend provides: descriptors that are ready. Inside services/net only. */
#ifndef SV_NET_BACKEND_H
#define SV_NET_BACKEND_H

#include "net.h"

typedef struct sv_backend sv_backend;

/* NULL on failure. */
sv_backend *sv_backend_new(void);
void sv_backend_free(sv_backend *backend);
void sv_backend_run(sv_backend *backend, bool wait);

/* As sv_watch_new, sv_watch_set and sv_watch_close. */
sv_watch *sv_backend_watch(sv_backend *backend, int fd, sv_watch_fn on_ready, void *ctx);

/* loop.c, for sockets and timers. */
sv_backend *sv_loop_backend(sv_loop *loop);

#endif
