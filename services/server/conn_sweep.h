/* Closes connections that have been idle or stalled for too long. */
#ifndef SV_CONN_SWEEP_H
#define SV_CONN_SWEEP_H

#include "conn.h"

/* Closes what has been idle or stalled for too long. Called about once a second, and more often
 * while draining: then connections between two requests are closed once their grace is over. */
void sv_conn_sweep(sv_server_loop *loop);
/* Cuts all connections off. */
void sv_conn_cut_all(sv_server_loop *loop);

#endif
