/* Heads and bodies of answers, table-driven: what is accepted and how it is framed, what is refused
 * and why. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <string.h>

#include "http1.h"

#define MAX_HEAD 8192
#define MAX_FIELDS 128

static const sv_http1_context GET = {0, 0}, HEAD = {1, 0}, UPGRADE = {0, 1};

struct answer {
    sv_http1_result result;
    const char *why;
    sv_http1_response head;
    hr_pair fields[MAX_FIELDS];
    char body[4096];
    size_t body_len;
    size_t surplus;
};

/* Feeds `text` in pieces of `step` bytes through head and body, as a connection would. */
static struct answer parse(const char *text, size_t len, const sv_http1_context *context,
                           size_t step, int eof) {
    static char buf[65536], piece[65536];
    static struct answer a;
    size_t have = 0, head_len = 0, at = 0;
    sv_http1_scan scan = {0};
    memset(&a, 0, sizeof(a));
    a.why = "";
    while (a.result == SV_HTTP1_MORE && at < len) {
        size_t n = len - at < step ? len - at : step;
        memcpy(buf + have, text + at, n);
        at += n;
        have += n;
        a.result = sv_http1_find_response(&head_len, &scan, buf, have, MAX_HEAD, &a.why);
    }
    if (a.result != SV_HTTP1_DONE)
        return a;
    a.head.fields = a.fields;
    a.head.max_fields = MAX_FIELDS;
    a.result = sv_http1_parse_response(&a.head, buf, head_len, context, &a.why);
    if (a.result != SV_HTTP1_DONE)
        return a;
    sv_http1_body body;
    sv_http1_body_init(&body, a.head.framing, a.head.content_length);
    size_t n = have - head_len;
    memcpy(piece, buf + head_len, n);
    for (;;) {
        sv_http1_piece got;
        a.result = sv_http1_body_decode(&body, piece, n, &got, &a.why);
        if (a.result < 0)
            return a;
        memcpy(a.body + a.body_len, got.content, got.n);
        a.body_len += got.n;
        if (a.result == SV_HTTP1_DONE) {
            a.surplus = n - got.used + (len - at);
            return a;
        }
        cr_assert_eq(got.used, n);
        if (at == len)
            break;
        n = len - at < step ? len - at : step;
        memcpy(piece, text + at, n);
        at += n;
    }
    if (eof)
        a.result = sv_http1_body_eof(&body, &a.why);
    return a;
}

struct good_case {
    const char *name, *text;
    const sv_http1_context *context;
    int status;
    sv_http1_framing framing;
    const char *body;
    int keep_alive;
    size_t surplus;
};

#define OK11 "HTTP/1.1 200 OK\r\n"

static const struct good_case good_cases[] = {
    {"length", OK11 "Content-Length: 5\r\n\r\nhello", &GET, 200, SV_HTTP1_LENGTH, "hello", 1, 0},
    {"length zero", OK11 "content-length: 0\r\n\r\n", &GET, 200, SV_HTTP1_LENGTH, "", 1, 0},
    {"same length twice", OK11 "Content-Length: 2\r\nContent-Length: 2\r\n\r\nok", &GET, 200,
     SV_HTTP1_LENGTH, "ok", 1, 0},
    {"bytes after the end", OK11 "Content-Length: 2\r\n\r\nokHTTP/1.1", &GET, 200, SV_HTTP1_LENGTH,
     "ok", 1, 8},
    {"chunked", OK11 "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", &GET, 200,
     SV_HTTP1_CHUNKED, "hello", 1, 0},
    {"chunked in capitals", OK11 "TRANSFER-ENCODING: Chunked\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n",
     &GET, 200, SV_HTTP1_CHUNKED, "0123456789", 1, 0},
    {"two chunks", OK11 "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n02\r\nbc\r\n000\r\n\r\n", &GET,
     200, SV_HTTP1_CHUNKED, "abc", 1, 0},
    {"chunk extension", OK11 "Transfer-Encoding: chunked\r\n\r\n1;a=\"b;c\"\r\na\r\n0;last\r\n\r\n",
     &GET, 200, SV_HTTP1_CHUNKED, "a", 1, 0},
    {"blanks before a chunk extension",
     OK11 "Transfer-Encoding: chunked\r\n\r\n1 \t ;a=b\r\na\r\n0 ;last\r\n\r\n", &GET, 200,
     SV_HTTP1_CHUNKED, "a", 1, 0},
    {"trailers", OK11 "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Sum: 1\r\nY:\r\n\r\n",
     &GET, 200, SV_HTTP1_CHUNKED, "a", 1, 0},
    {"until close", OK11 "\r\nall of it", &GET, 200, SV_HTTP1_UNTIL_CLOSE, "all of it", 0, 0},
    {"head", OK11 "Content-Length: 50\r\n\r\n", &HEAD, 200, SV_HTTP1_NO_BODY, "", 1, 0},
    {"head chunked", OK11 "Transfer-Encoding: chunked\r\n\r\n", &HEAD, 200, SV_HTTP1_NO_BODY, "", 1,
     0},
    {"204", "HTTP/1.1 204 No Content\r\n\r\n", &GET, 204, SV_HTTP1_NO_BODY, "", 1, 0},
    {"304 with length", "HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n", &GET, 304,
     SV_HTTP1_NO_BODY, "", 1, 0},
    {"100", "HTTP/1.1 100 Continue\r\n\r\n", &GET, 100, SV_HTTP1_NO_BODY, "", 1, 0},
    {"101", "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n", &UPGRADE,
     101, SV_HTTP1_NO_BODY, "", 1, 0},
    {"close", OK11 "Connection: Close\r\nContent-Length: 1\r\n\r\nx", &GET, 200, SV_HTTP1_LENGTH,
     "x", 0, 0},
    {"close in the second line",
     OK11 "Connection: a\r\nConnection: b, close\r\nContent-Length: 1\r\n\r\nx", &GET, 200,
     SV_HTTP1_LENGTH, "x", 0, 0},
    {"1.0", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", &GET, 200, SV_HTTP1_LENGTH, "x", 0, 0},
    {"1.0 keep-alive", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx",
     &GET, 200, SV_HTTP1_LENGTH, "x", 1, 0},
    {"no reason", "HTTP/1.1 500 \r\nContent-Length: 0\r\n\r\n", &GET, 500, SV_HTTP1_LENGTH, "", 1,
     0},
    {"no blank before no reason", "HTTP/1.1 500\r\nContent-Length: 0\r\n\r\n", &GET, 500,
     SV_HTTP1_LENGTH, "", 1, 0},
    {"obs-text", OK11 "X: \xe9t\xe9\r\nContent-Length: 0\r\n\r\n", &GET, 200, SV_HTTP1_LENGTH, "",
     1, 0},
};

Test(http1_response, accepts_well_formed_answers_in_pieces_of_any_size) {
    for (size_t i = 0; i < sizeof(good_cases) / sizeof(good_cases[0]); i++) {
        const struct good_case *c = &good_cases[i];
        for (size_t step = 1; step <= strlen(c->text); step++) {
            struct answer a = parse(c->text, strlen(c->text), c->context, step, 1);
            cr_assert_eq(a.result, SV_HTTP1_DONE, "%s, step %zu: %s", c->name, step, a.why);
            cr_assert_eq(a.head.status, c->status, "%s", c->name);
            cr_assert_eq(a.head.framing, c->framing, "%s", c->name);
            cr_assert_eq(a.head.keep_alive, c->keep_alive, "%s", c->name);
            cr_assert_eq(a.body_len, strlen(c->body), "%s, step %zu: %zu", c->name, step,
                         a.body_len);
            cr_assert_eq(memcmp(a.body, c->body, a.body_len), 0, "%s", c->name);
            cr_assert_eq(a.surplus, c->surplus, "%s, step %zu: surplus %zu", c->name, step,
                         a.surplus);
        }
    }
}

struct bad_case {
    const char *text;
    const char *why; /* part of the sentence */
    const sv_http1_context *context;
    size_t len; /* 0: strlen */
};

#define CHUNKED OK11 "Transfer-Encoding: chunked\r\n\r\n"

static const struct bad_case bad_cases[] = {
    {"SSH-2.0-OpenSSH\r\n", "status line", &GET, 0},
    {"\r\nHTTP/1.1 200 OK\r\n\r\n", "status line", &GET, 0},
    {"HTTP/2.0 200 OK\r\n\r\n", "status line", &GET, 0},
    {"HTTP/1.2 200 OK\r\n\r\n", "status line", &GET, 0},
    {"HTTP/1.1  200 OK\r\n\r\n", "status line", &GET, 0},
    {"HTTP/1.1 20 OK\r\n\r\n", "status line", &GET, 0},
    {"HTTP/1.1 2000 OK\r\n\r\n", "status line", &GET, 0},
    {"HTTP/1.1 099 OK\r\n\r\n", "status line", &GET, 0},
    {"HTTP/1.1 600 OK\r\n\r\n", "status line", &GET, 0},
    {"HTTP/1.1 200 O\x01K\r\n\r\n", "status line", &GET, 0},
    {"HTTP/1.1 200 OK\n\n", "bare line feed", &GET, 0},
    {OK11 "A: b\nContent-Length: 0\r\n\r\n", "bare line feed", &GET, 0},
    {OK11 "A: b\r\n c\r\n\r\n", "folded", &GET, 0},
    {OK11 "A: b\r\n\tc\r\n\r\n", "folded", &GET, 0},
    {OK11 ": x\r\n\r\n", "no name", &GET, 0},
    {OK11 "nocolon\r\n\r\n", "no colon", &GET, 0},
    {OK11 "A : b\r\n\r\n", "not allowed", &GET, 0},
    {OK11 "A b: c\r\n\r\n", "not allowed", &GET, 0},
    {OK11 "A\xe9: c\r\n\r\n", "not allowed", &GET, 0},
    {OK11 "A: b\rc\r\n\r\n", "control", &GET, 0},
    {OK11 "A: b\0c\r\n\r\n", "control", &GET, sizeof(OK11 "A: b\0c\r\n\r\n") - 1},
    {OK11 "A: b\x7f\r\n\r\n", "control", &GET, 0},
    {OK11 "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "both", &GET, 0},
    {OK11 "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", "both", &GET, 0},
    {OK11 "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", "differ", &GET, 0},
    {OK11 "Content-Length: 5, 5\r\n\r\n", "not a number", &GET, 0},
    {OK11 "Content-Length: 5x\r\n\r\n", "not a number", &GET, 0},
    {OK11 "Content-Length: +5\r\n\r\n", "not a number", &GET, 0},
    {OK11 "Content-Length: -5\r\n\r\n", "not a number", &GET, 0},
    {OK11 "Content-Length:\r\n\r\n", "not a number", &GET, 0},
    {OK11 "Content-Length: 0x5\r\n\r\n", "not a number", &GET, 0},
    {OK11 "Content-Length: 9223372036854775808\r\n\r\n", "not a number", &GET, 0},
    {OK11 "Transfer-Encoding: gzip\r\n\r\n", "supported is chunked", &GET, 0},
    {OK11 "Transfer-Encoding: gzip, chunked\r\n\r\n", "supported is chunked", &GET, 0},
    {OK11 "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
     "supported is chunked", &GET, 0},
    {OK11 "Transfer-Encoding: xchunked\r\n\r\n", "supported is chunked", &GET, 0},
    {OK11 "Transfer-Encoding:\r\n\r\n", "supported is chunked", &GET, 0},
    {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "not allowed in this answer", &GET,
     0},
    {"HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n", "not allowed in this answer", &GET,
     0},
    {"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n", "not asked for", &GET, 0},
    {"HTTP/1.1 101 Switching\r\n\r\n", "not asked for", &UPGRADE, 0},
    {CHUNKED "\r\n", "not hexadecimal", &GET, 0},
    {CHUNKED ";x\r\n", "not hexadecimal", &GET, 0},
    {CHUNKED "3zz\r\nabc\r\n", "not hexadecimal", &GET, 0},
    {CHUNKED "0x3\r\nabc\r\n", "not hexadecimal", &GET, 0},
    {CHUNKED "-1\r\n", "not hexadecimal", &GET, 0},
    {CHUNKED " 3\r\nabc\r\n", "not hexadecimal", &GET, 0},
    {CHUNKED "3 \r\nabc\r\n", "not hexadecimal", &GET, 0},
    {CHUNKED "3 a\r\nabc\r\n", "not hexadecimal", &GET, 0},
    {CHUNKED "3 \nabc\r\n", "not hexadecimal", &GET, 0},
    {CHUNKED "3\nabc\r\n", "not hexadecimal", &GET, 0},
    {CHUNKED "3\rabc\r\n", "bare CR", &GET, 0},
    {CHUNKED "1000000000000000\r\n", "too large", &GET, 0},
    {CHUNKED "3\r\nabcd\r\n", "longer than its size", &GET, 0},
    {CHUNKED "3\r\nabc\n", "longer than its size", &GET, 0},
    {CHUNKED "3;\x01\r\nabc\r\n", "control", &GET, 0},
    {CHUNKED "0\r\n x: y\r\n\r\n", "folded", &GET, 0},
    {CHUNKED "0\r\nnocolon\r\n\r\n", "no colon", &GET, 0},
    {CHUNKED "0\r\nx: y\n\r\n", "control", &GET, 0},
    {CHUNKED "3\r\nabc\r\n", "ended before", &GET, 0},
    {CHUNKED "3\r\nab", "ended before", &GET, 0},
    {CHUNKED "0\r\n", "ended before", &GET, 0},
    {OK11 "Content-Length: 5\r\n\r\nhell", "ended before", &GET, 0},
};

Test(http1_response, refuses_malformed_answers_whatever_the_pieces) {
    for (size_t i = 0; i < sizeof(bad_cases) / sizeof(bad_cases[0]); i++) {
        const struct bad_case *c = &bad_cases[i];
        size_t len = c->len > 0 ? c->len : strlen(c->text);
        for (size_t step = 1; step <= len; step++) {
            struct answer a = parse(c->text, len, c->context, step, 1);
            cr_assert_lt((int)a.result, 0, "row %zu, step %zu: result %d", i, step, a.result);
            cr_assert_not_null(strstr(a.why, c->why), "row %zu, step %zu: '%s'", i, step, a.why);
        }
    }
}

Test(http1_response, incomplete_is_neither_good_nor_bad) {
    const char *text = OK11 "Content-Length: 5\r\n\r\nhello";
    size_t whole = strlen(text);
    for (size_t len = 1; len < whole; len++)
        cr_assert_eq(parse(text, len, &GET, whole, 0).result, SV_HTTP1_MORE, "%zu", len);
}

Test(http1_response, limits_the_head) {
    static char text[MAX_HEAD * 2];
    size_t n = (size_t)sprintf(text, OK11 "A: ");
    memset(text + n, 'x', MAX_HEAD);
    struct answer a = parse(text, n + MAX_HEAD, &GET, 1000, 0);
    cr_assert_eq(a.result, SV_HTTP1_TOO_LARGE);
    cr_assert_not_null(strstr(a.why, "too large"));

    n = (size_t)sprintf(text, OK11);
    for (int i = 0; i < MAX_FIELDS; i++)
        n += (size_t)sprintf(text + n, "A%d: b\r\n", i);
    sprintf(text + n, "\r\n");
    cr_assert_eq(parse(text, n + 2, &HEAD, 1000, 0).result, SV_HTTP1_DONE);
    sprintf(text + n, "one: more\r\n\r\n");
    cr_assert_lt((int)parse(text, strlen(text), &HEAD, 1000, 0).result, 0);
}

Test(http1_response, endless_chunk_extensions_and_trailers_are_refused) {
    static char text[65536];
    size_t n = (size_t)sprintf(text, CHUNKED "1;");
    memset(text + n, 'x', 2000);
    cr_assert_lt((int)parse(text, n + 2000, &GET, 700, 0).result, 0);
    n = (size_t)sprintf(text, CHUNKED "0\r\n");
    while (n < 20000)
        n += (size_t)sprintf(text + n, "x: y\r\n");
    cr_assert_lt((int)parse(text, n, &GET, 700, 0).result, 0);
}

Test(http1_response, removes_what_concerns_one_hop) {
    const char *text =
        OK11 "Connection: close, X-Private\r\nX-PRIVATE: 1\r\nKeep-Alive: timeout=7, max=2\r\n"
             "Proxy-Connection: a\r\nTE: b\r\nTrailer: c\r\nUpgrade: d\r\nX-Public:  kept \t\r\n"
             "Content-Length: 0\r\n\r\n";
    struct answer a = parse(text, strlen(text), &GET, strlen(text), 0);
    cr_assert_eq(a.result, SV_HTTP1_DONE);
    cr_assert_eq(a.head.n_fields, 1);
    cr_assert_eq(a.head.keep_alive_timeout_s, 7);
    hr_pair *field = &a.head.fields[0];
    cr_assert_eq(field->name.len, 8);
    cr_assert_eq(memcmp(field->name.p, "x-public", 8), 0);
    cr_assert_eq(field->value.len, 4);
    cr_assert_eq(memcmp(field->value.p, "kept", 4), 0);
}
