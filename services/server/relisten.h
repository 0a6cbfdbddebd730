/* Listeners that open and close while the server runs. */
#ifndef SV_RELISTEN_H
#define SV_RELISTEN_H

#include "server.h"

/* All of these: one thread at a time, not a loop's, from sv_server_ready() until before_drain
 * returns. */

/* True if the listener (an index of what sv_server_run was given) accepts connections. */
bool sv_listener_is_open(const sv_server *server, size_t index);
/* Binds the address of a listener that is closed. The descriptor, or -1 with a sentence in `why`.
 * Connections wait in the kernel's queue until sv_listener_open(); close() gives it up. */
int sv_listener_bind(const sv_server *server, size_t index, char *why, size_t why_size);
/* Every loop begins to accept on `fd`, which becomes the server's, after the messages that it has
 * got so far. False: descriptors or memory are short for one of them, which is logged. */
bool sv_listener_open(sv_server *server, size_t index, int fd);
/* Every loop stops to accept on it, after the messages that it has got so far. Its
 * connections get "Connection: close" or GOAWAY, and are closed once they are idle. */
void sv_listener_close(sv_server *server, size_t index);

#endif
