/*
 * The heads of requests, on any bytes. The first byte is the size of the pieces and whether the
 * connection is encrypted, the rest is what a client sends. Besides the sanitizers: the result does
 * not depend on the pieces; what is accepted, picohttpparser accepts too, and reads alike; and what
 * is written from it is read back as the same.
 */
#include <stdlib.h>
#include <string.h>

#include "http1_messages.h"

#define MAX_FIELDS 64
#define MAX_HEAD 4096

struct outcome {
    sv_http1_result result;
    size_t head_len;
    char *buf;
    sv_http1_request request;
    hr_pair fields[MAX_FIELDS];
};

static void run(struct outcome *o, const char *text, size_t len, size_t step, bool secure) {
    sv_http1_scan scan = {0};
    const char *why = NULL;
    size_t have = 0;
    o->buf = malloc(len + 1);
    o->result = SV_HTTP1_MORE;
    o->request = (sv_http1_request){.fields = o->fields, .max_fields = MAX_FIELDS};
    while (o->result == SV_HTTP1_MORE && have < len) {
        size_t n = len - have < step ? len - have : step;
        memcpy(o->buf + have, text + have, n);
        have += n;
        o->result = sv_http1_find_request(&o->head_len, &scan, o->buf, have, MAX_HEAD, &why);
    }
    if (o->result == SV_HTTP1_DONE)
        o->result = sv_http1_parse_request(&o->request, o->buf, o->head_len, secure, &why);
    if (o->result < 0 && why == NULL)
        abort();
}

static bool same(hr_str a, hr_str b) {
    return a.len == b.len && (a.p == NULL) == (b.p == NULL) &&
           (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

static void compare(const char *text, const struct outcome *o) {
    static reference_head reference;
    size_t empty = 0;
    while (text[empty] == '\r') /* picohttpparser allows one empty line, not two */
        empty += 2;
    if (!reference_request(&reference, text + empty, o->head_len - empty))
        return;
    if (reference.length != (int)(o->head_len - empty) ||
        reference.minor_version != o->request.minor_version)
        abort();
    if (!same(reference.method, o->request.method))
        abort();
    hr_pair fields[MAX_FIELDS];
    memcpy(fields, o->request.fields, o->request.n_fields * sizeof(*fields));
    for (size_t i = 0; i < o->request.n_fields; i++) {
        /* An absolute target replaces Host. */
        if (reference.path.p[0] != '/' && reference.path.p[0] != '*' && fields[i].name.len == 4 &&
            memcmp(fields[i].name.p, "host", 4) == 0)
            fields[i].value = reference.fields[i].value = HR_STR("");
    }
    reference_compare_fields(&reference, fields, o->request.n_fields);
}

static void write_and_read(const struct outcome *o, bool secure) {
    const sv_http1_request *r = &o->request;
    size_t size = SV_HTTP1_LINE_SIZE + r->method.len + r->path.len + 2 +
                  sv_http1_fields_size(r->fields, r->n_fields);
    char *text = malloc(size);
    sv_http1_writer w = {.at = text, .end = text + size};
    sv_http1_write_request_line(&w, r->method, r->path);
    sv_http1_write_fields(&w, r->fields, r->n_fields);
    sv_http1_write_end(&w);
    if (w.full)
        abort();
    static struct outcome again;
    size_t written = (size_t)(w.at - text); /* with a blank behind each colon */
    run(&again, text, written, size, secure);
    /* HTTP/1.0 has laxer rules than what is written. */
    if (r->minor_version > 0 && written < MAX_HEAD &&
        (again.result != SV_HTTP1_DONE || again.request.framing != r->framing ||
         again.request.n_fields != r->n_fields || !same(again.request.authority, r->authority)))
        abort();
    free(again.buf);
    free(text);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
    static struct outcome whole, pieces;
    if (size < 2)
        return 0;
    const char *text = (const char *)data + 1;
    bool secure = data[0] & 1;
    run(&whole, text, size - 1, size, secure);
    run(&pieces, text, size - 1, (size_t)(data[0] >> 1) + 1, secure);
    if (whole.result != pieces.result)
        abort();
    if (whole.result == SV_HTTP1_DONE) {
        if (whole.head_len != pieces.head_len || !same(whole.request.path, pieces.request.path))
            abort();
        compare(text, &whole);
        write_and_read(&whole, secure);
    }
    free(whole.buf);
    free(pieces.buf);
    return 0;
}
