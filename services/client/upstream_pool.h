/* Endpoints, their connections of HTTP/1.1, and blocks of memory. Inside the client only. */
#ifndef SV_UPSTREAM_POOL_H
#define SV_UPSTREAM_POOL_H

#include "upstream_state.h"

/* Of SV_UP_BLOCK bytes, or less where many are held. */
sv_up_block *sv_up_block_take(const sv_up_exchange *exchange);
void sv_up_block_give(sv_up_loop *up, sv_up_block *block);

/* The buffers of a new connection in the kernel, as sv_connect takes them: smaller where there are
 * many connections. */
int sv_up_buffer_size(const sv_up_loop *up);

/* The newest idle connection that is still good, or NULL. `careful`: look whether the peer has
 * closed it although no event came yet. */
sv_up_conn *sv_up_conn_reuse(sv_up_endpoint *endpoint, int careful);
/* A new connection under way (sv_up_exchange_connected is called), or NULL if the system refuses at
 * once. */
sv_up_conn *sv_up_conn_open(sv_up_endpoint *endpoint, sv_up_exchange *exchange);
/* After a complete exchange: keeps it for the next, or closes it. */
void sv_up_conn_release(sv_up_conn *conn, int reusable);
void sv_up_conn_close(sv_up_conn *conn);
/* The options of its socket that the endpoint's settings ask for. */
void sv_up_conn_keep_alive(const sv_up_endpoint *endpoint, int fd);
/* Counts a connection that is opened (1) or closed (-1). */
void sv_up_conn_count(const sv_up_endpoint *endpoint, int by);
/* Starts a look-up where the address is missing or old. Returns 1 if there is an address to use. */
int sv_up_endpoint_resolve(sv_up_endpoint *endpoint);

#endif
