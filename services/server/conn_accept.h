/* Accepts the connections of a loop. */
#ifndef SV_CONN_ACCEPT_H
#define SV_CONN_ACCEPT_H

#include "conn.h"

/* Begins to accept on `fd`, which becomes the loop's. False if memory or descriptors are short;
 * then `fd` is closed. */
bool sv_conn_listen(sv_server_loop *loop, const sv_listener *listener, int fd);
/* Stops accepting on this listener. Its connections end once they are idle. */
void sv_conn_stop_listener(sv_server_loop *loop, const sv_listener *listener);
/* Stops accepting for good. */
void sv_conn_stop_listening(sv_server_loop *loop);

#endif
