/* The buffers of connections, kept for reuse. */
#include "conn_buffer.h"

#include <stdlib.h>

#define MAX_KEPT_BUFFERS 32

typedef struct kept_buffer {
    struct kept_buffer *next;
} kept_buffer;

void sv_conn_take_buffer(sv_conn *conn) {
    sv_server_loop *loop = conn->loop;
    if (conn->in != NULL)
        return;
    kept_buffer *kept = loop->buffers;
    if (kept != NULL) {
        loop->buffers = kept->next;
        loop->n_buffers--;
    }
    conn->in = kept != NULL ? (char *)kept : sv_alloc(SV_FIRST_READ);
    conn->in_size = SV_FIRST_READ;
    conn->in_len = 0;
}

void sv_conn_give_buffer(sv_conn *conn) {
    sv_server_loop *loop = conn->loop;
    if (conn->in != NULL && conn->in_size == SV_FIRST_READ && loop->n_buffers < MAX_KEPT_BUFFERS) {
        kept_buffer *kept = (kept_buffer *)conn->in;
        kept->next = loop->buffers;
        loop->buffers = kept;
        loop->n_buffers++;
    } else {
        free(conn->in);
    }
    conn->in = NULL;
    conn->in_size = conn->in_len = 0;
}

void sv_conn_free_buffers(sv_server_loop *loop) {
    for (kept_buffer *kept; (kept = loop->buffers) != NULL;) {
        loop->buffers = kept->next;
        free(kept);
    }
    loop->n_buffers = 0;
}
