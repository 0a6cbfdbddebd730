#include "forward.h"

#include <stdio.h>
#include <string.h>

#include "answer.h"

static int pair_is(const hr_pair *pair, hr_str name) {
    return pair->name.len == name.len && memcmp(pair->name.p, name.p, name.len) == 0;
}

/* ---- requests ---------------------------------------------------------------------------- */

hr_pair *hr_forward_fields(hr_exchange *ex, size_t *n, size_t spare) {
    const h2o_headers_t *headers = &ex->req->headers;
    hr_pair *fields =
        h2o_mem_alloc_pool(&ex->req->pool, (headers->size + spare + 1) * sizeof(*fields));
    for (size_t i = 0; i < headers->size; i++) {
        const h2o_header_t *h = &headers->entries[i];
        fields[i] = (hr_pair){hr_str_of(*h->name), hr_str_of(h->value)};
    }
    *n = hr_strip_hop_by_hop(fields, headers->size);
    return fields;
}

size_t hr_forward_add(hr_exchange *ex, hr_pair *fields, size_t n) {
    const char *name = hr_server_options_of(ex->loop->server)->name;
    h2o_iovec_t via = h2o_concat(&ex->req->pool, h2o_iovec_init(H2O_STRLIT("1.1 ")),
                                 h2o_iovec_init(name, strlen(name)));
    int has_id = 0;
    for (size_t i = 0; i < n && !has_id; i++)
        has_id = pair_is(&fields[i], HR_STR("x-request-id")) && fields[i].value.len > 0;
    if (!has_id)
        fields[n++] = (hr_pair){HR_STR("x-request-id"), hr_str_of(ex->request_id)};
    /* A list field may come in many lines: a line of our own after the others says the same. */
    fields[n++] = (hr_pair){HR_STR("via"), hr_str_of(via)};
    return n;
}

hr_str hr_forward_body(const hr_exchange *ex) {
    const h2o_req_t *req = ex->req;
    if (req->entity.base != NULL)
        return (hr_str){req->entity.base, req->entity.len};
    /* RFC 9110 section 8.6: these say Content-Length: 0 where there is nothing. */
    if (h2o_memis(req->method.base, req->method.len, H2O_STRLIT("POST")) ||
        h2o_memis(req->method.base, req->method.len, H2O_STRLIT("PUT")) ||
        h2o_memis(req->method.base, req->method.len, H2O_STRLIT("PATCH")))
        return HR_STR("");
    return (hr_str){NULL, 0};
}

/* ---- answers ----------------------------------------------------------------------------- */

static void on_proceed(h2o_generator_t *generator, h2o_req_t *req) {
    hr_relay *relay = H2O_STRUCT_FROM_MEMBER(hr_relay, generator, generator);
    (void)req;
    /* The client was found gone while this piece was being written, and the upstream was let go. */
    if (relay->up == NULL)
        hr_relay_abort(relay);
    else
        hr_up_continue(relay->up);
}

static void on_stop(h2o_generator_t *generator, h2o_req_t *req) {
    hr_relay *relay = H2O_STRUCT_FROM_MEMBER(hr_relay, generator, generator);
    (void)req;
    hr_up_free(relay->up);
    relay->up = NULL;
}

/* One copy of all names and values: the upstream's buffer is gone before the log line is written.
 */
void hr_forward_answer_fields(hr_exchange *ex, const hr_pair *fields, size_t n) {
    h2o_req_t *req = ex->req;
    size_t size = 0;
    for (size_t i = 0; i < n; i++)
        size += fields[i].name.len + fields[i].value.len;
    char *at = h2o_mem_alloc_pool(&req->pool, size + 1);
    h2o_vector_reserve(&req->pool, &req->res.headers, n + 6);
    for (size_t i = 0; i < n; i++) {
        if (pair_is(&fields[i], HR_STR("date")))
            continue;
        const h2o_token_t *token = h2o_lookup_token(fields[i].name.p, fields[i].name.len);
        char *value = at;
        memcpy(value, fields[i].value.p, fields[i].value.len);
        at += fields[i].value.len;
        if (token != NULL) {
            h2o_add_header(&req->pool, &req->res.headers, token, NULL, value, fields[i].value.len);
            continue;
        }
        memcpy(at, fields[i].name.p, fields[i].name.len);
        h2o_add_header_by_str(&req->pool, &req->res.headers, at, fields[i].name.len, 0, NULL, value,
                              fields[i].value.len);
        at += fields[i].name.len;
    }
}

static int has_body(const h2o_req_t *req) {
    return !(req->res.status < 200 || req->res.status == 204 || req->res.status == 304 ||
             h2o_memis(req->input.method.base, req->input.method.len, H2O_STRLIT("HEAD")));
}

void hr_relay_begin(hr_relay *relay, int status, const hr_pair *fields, size_t n,
                    size_t content_length) {
    h2o_req_t *req = relay->ex->req;
    relay->started = 1;
    relay->generator = (h2o_generator_t){on_proceed, on_stop};
    req->res.status = status;
    req->res.reason = hr_status_reason(status);
    req->res.content_length = content_length;
    hr_forward_answer_fields(relay->ex, fields, n);
    hr_answer_finish_headers(relay->ex);

    int persistent = req->http1_is_persistent;
    if (content_length == SIZE_MAX && has_body(req)) {
        if (req->version >= 0x101) {
            /* libh2o frames only a 200 in chunks and closes the connection after the others. */
            relay->chunked = 1;
            h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_TRANSFER_ENCODING, NULL,
                           H2O_STRLIT("chunked"));
        } else {
            /* An HTTP/1.0 client learns the end from the close; libh2o would keep the connection.
             */
            persistent = 0;
        }
    }
    h2o_start_response(req, &relay->generator);
    req->http1_is_persistent = persistent != 0;
}

void hr_relay_send(hr_relay *relay, const char *bytes, size_t n, int final) {
    h2o_req_t *req = relay->ex->req;
    h2o_send_state_t state = final ? H2O_SEND_STATE_FINAL : H2O_SEND_STATE_IN_PROGRESS;
    h2o_iovec_t pieces[3];
    size_t n_pieces = 0;
    if (relay->chunked) {
        if (n > 0) {
            int len = sprintf(relay->chunk_line, "%zx\r\n", n);
            pieces[n_pieces++] = h2o_iovec_init(relay->chunk_line, (size_t)len);
            pieces[n_pieces++] = h2o_iovec_init(bytes, n);
            pieces[n_pieces++] = final ? h2o_iovec_init(H2O_STRLIT("\r\n0\r\n\r\n"))
                                       : h2o_iovec_init(H2O_STRLIT("\r\n"));
        } else if (final) {
            pieces[n_pieces++] = h2o_iovec_init(H2O_STRLIT("0\r\n\r\n"));
        }
        /* libh2o will count all of it; the log tells of the content alone, as Envoy's does. */
        for (size_t i = 0; i < n_pieces; i++)
            req->bytes_sent -= pieces[i].len;
        req->bytes_sent += n;
    } else if (n > 0) {
        pieces[n_pieces++] = h2o_iovec_init(bytes, n);
    }
    h2o_send(req, pieces, n_pieces, state);
}

void hr_relay_abort(hr_relay *relay) {
    /* Neither the announced length nor the last chunk arrives: the client sees that it was cut
     * short. */
    relay->ex->req->http1_is_persistent = 0;
    h2o_send(relay->ex->req, NULL, 0, H2O_SEND_STATE_ERROR);
}
