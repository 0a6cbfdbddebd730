/* Which connections of HTTP/2 are written to at the end of a turn. */
#include "conn_http2_state.h"

void sv_http2_mark(sv_conn_http2 *c) {
    sv_server_loop *loop = c->conn->loop;
    if (c->marked)
        return;
    c->marked = true;
    c->next_marked = loop->http2_marked;
    loop->http2_marked = c;
}

void sv_http2_unmark(sv_conn_http2 *c) {
    for (sv_conn_http2 **at = &c->conn->loop->http2_marked; *at != NULL; at = &(*at)->next_marked) {
        if (*at != c)
            continue;
        *at = c->next_marked;
        c->marked = false;
        return;
    }
}
