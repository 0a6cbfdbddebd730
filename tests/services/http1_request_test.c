/* Heads of requests, table-driven: what is accepted and how it is read, what is refused and why. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <string.h>

#include "http1.h"

#define MAX_HEAD 8192
#define MAX_FIELDS 100

struct read {
    sv_http1_result result;
    const char *why;
    size_t head_len;
    sv_http1_request request;
    hr_pair fields[MAX_FIELDS];
    char buf[3 * MAX_HEAD];
};

/* Feeds `text` in pieces of `step` bytes, as a connection would. */
static const struct read *read_request(const char *text, size_t len, size_t step, bool secure) {
    static struct read r;
    sv_http1_scan scan = {0};
    size_t have = 0;
    r.result = SV_HTTP1_MORE;
    r.why = "";
    while (r.result == SV_HTTP1_MORE && have < len) {
        size_t n = len - have < step ? len - have : step;
        memcpy(r.buf + have, text + have, n);
        have += n;
        r.result = sv_http1_find_request(&r.head_len, &scan, r.buf, have, MAX_HEAD, &r.why);
    }
    r.request = (sv_http1_request){.fields = r.fields, .max_fields = MAX_FIELDS};
    if (r.result == SV_HTTP1_DONE)
        r.result = sv_http1_parse_request(&r.request, r.buf, r.head_len, secure, &r.why);
    return &r;
}

static bool is(hr_str s, const char *text) {
    if (text == NULL)
        return s.p == NULL;
    return s.p != NULL && s.len == strlen(text) && memcmp(s.p, text, s.len) == 0;
}

static const char *field(const sv_http1_request *request, const char *name) {
    static char value[256];
    for (size_t i = 0; i < request->n_fields; i++) {
        if (is(request->fields[i].name, name)) {
            snprintf(value, sizeof(value), "%.*s", (int)request->fields[i].value.len,
                     request->fields[i].value.p);
            return value;
        }
    }
    return NULL;
}

/* ---- start line and target ---- */

struct line_case {
    const char *text, *method, *path, *authority;
    int minor_version;
    bool secure;
};

static const struct line_case line_cases[] = {
    {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "/", "a", 1, false},
    {"G / HTTP/1.1\r\nHost: a\r\n\r\n", "G", "/", "a", 1, false},
    {"brew!#$%&'*+-.^_`|~ /x HTTP/1.1\r\nHost: a\r\n\r\n", "brew!#$%&'*+-.^_`|~", "/x", "a", 1,
     false},
    {"get /a?b=c&d HTTP/1.1\r\nhost: a:80\r\n\r\n", "get", "/a?b=c&d", "a:80", 1, false},
    {"GET //a/../b HTTP/1.1\r\nHOST:a\r\n\r\n", "GET", "//a/../b", "a", 1, false},
    {"GET / HTTP/1.0\r\n\r\n", "GET", "/", NULL, 0, false},
    {"GET / HTTP/1.0\r\nHost: a\r\n\r\n", "GET", "/", "a", 0, false},
    {"GET / HTTP/1.7\r\nHost: a\r\n\r\n", "GET", "/", "a", 7, false},
    {"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "/", "a", 1, false},
    {"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "/", "a", 1, false},
    {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS", "*", "a", 1, false},
    {"GET http://b/x?y HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "/x?y", "b", 1, false},
    {"GET HTTP://b:81 HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "/", "b:81", 1, false},
    {"GET http://b?x=1 HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "/?x=1", "b", 1, false},
    {"GET http://b? HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "/?", "b", 1, false},
    {"GET http://b?x=/1 HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "/?x=/1", "b", 1, false},
    {"GET http://[::1]:8?x HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "/?x", "[::1]:8", 1, false},
    {"GET http://b/ HTTP/1.0\r\n\r\n", "GET", "/", "b", 0, false},
    {"GET https://b/ HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "/", "b", 1, true},
    {"GET / HTTP/1.1\r\nHost:\r\n\r\n", "GET", "/", "", 1, false},
    {"GET / HTTP/1.1\r\nHost: [2001:db8::1]\r\n\r\n", "GET", "/", "[2001:db8::1]", 1, false},
    {"GET / HTTP/1.1\r\nHost: a:\r\n\r\n", "GET", "/", "a:", 1, false},
    {"GET / HTTP/1.1\r\nHost: a:65535\r\n\r\n", "GET", "/", "a:65535", 1, false},
    {"GET / HTTP/1.1\r\nHost: a_b~c!$&'()*+;=%4a\r\n\r\n", "GET", "/", "a_b~c!$&'()*+;=%4a", 1,
     false},
};

Test(http1_request, reads_start_lines_and_targets_in_pieces_of_any_size) {
    for (size_t i = 0; i < sizeof(line_cases) / sizeof(line_cases[0]); i++) {
        const struct line_case *c = &line_cases[i];
        for (size_t step = 1; step <= strlen(c->text); step++) {
            const struct read *r = read_request(c->text, strlen(c->text), step, c->secure);
            cr_assert_eq(r->result, SV_HTTP1_DONE, "%zu, step %zu: %s", i, step, r->why);
            cr_assert_eq(r->head_len, strlen(c->text), "%zu", i);
            cr_assert(is(r->request.method, c->method), "%zu", i);
            cr_assert(is(r->request.path, c->path), "%zu: %.*s", i, (int)r->request.path.len,
                      r->request.path.p);
            cr_assert(is(r->request.authority, c->authority), "%zu: %.*s", i,
                      (int)r->request.authority.len, r->request.authority.p);
            cr_assert_eq(r->request.minor_version, c->minor_version, "%zu", i);
            if (field(&r->request, "host") != NULL)
                cr_assert_str_eq(field(&r->request, "host"), c->authority, "%zu", i);
        }
    }
}

/* ---- what the fields say ---- */

struct framing_case {
    const char *fields;
    int minor_version;
    sv_http1_framing framing;
    uint64_t length;
    bool keep_alive, expect_continue, expect_other;
    const char *upgrade;
};

static const struct framing_case framing_cases[] = {
    {"", 1, SV_HTTP1_NO_BODY, 0, true, false, false, NULL},
    {"", 0, SV_HTTP1_NO_BODY, 0, false, false, false, NULL},
    {"Content-Length: 0\r\n", 1, SV_HTTP1_LENGTH, 0, true, false, false, NULL},
    {"Content-Length:\t42 \r\n", 1, SV_HTTP1_LENGTH, 42, true, false, false, NULL},
    {"content-length: 007\r\n", 0, SV_HTTP1_LENGTH, 7, false, false, false, NULL},
    {"Content-Length: 999999999999999999\r\n", 1, SV_HTTP1_LENGTH, 999999999999999999, true, false,
     false, NULL},
    {"Transfer-Encoding: chunked\r\n", 1, SV_HTTP1_CHUNKED, 0, true, false, false, NULL},
    {"TRANSFER-ENCODING: ChunKed\r\n", 1, SV_HTTP1_CHUNKED, 0, true, false, false, NULL},
    {"Connection: close\r\n", 1, SV_HTTP1_NO_BODY, 0, false, false, false, NULL},
    {"Connection: a, CLOSE ,b\r\nConnection: keep-alive\r\n", 1, SV_HTTP1_NO_BODY, 0, false, false,
     false, NULL},
    {"Connection: keep-alive\r\n", 0, SV_HTTP1_NO_BODY, 0, true, false, false, NULL},
    {"Connection: closed\r\n", 1, SV_HTTP1_NO_BODY, 0, true, false, false, NULL},
    {"Expect: 100-continue\r\n", 1, SV_HTTP1_NO_BODY, 0, true, true, false, NULL},
    {"Expect: 100-Continue\r\n", 0, SV_HTTP1_NO_BODY, 0, false, false, false, NULL},
    {"Expect: tea\r\n", 1, SV_HTTP1_NO_BODY, 0, true, false, true, NULL},
    {"Expect: 100-continue\r\nExpect: 100-continue\r\n", 1, SV_HTTP1_NO_BODY, 0, true, false, true,
     NULL},
    {"Upgrade: websocket\r\nConnection: upgrade\r\n", 1, SV_HTTP1_NO_BODY, 0, true, false, false,
     "websocket"},
    {"Upgrade: websocket\r\n", 1, SV_HTTP1_NO_BODY, 0, true, false, false, NULL},
    {"Upgrade: websocket\r\nConnection: upgrade\r\n", 0, SV_HTTP1_NO_BODY, 0, false, false, false,
     NULL},
};

Test(http1_request, reads_framing_and_connection) {
    for (size_t i = 0; i < sizeof(framing_cases) / sizeof(framing_cases[0]); i++) {
        const struct framing_case *c = &framing_cases[i];
        char text[512];
        int n = snprintf(text, sizeof(text), "POST / HTTP/1.%d\r\nHost: a\r\n%s\r\n",
                         c->minor_version, c->fields);
        const sv_http1_request *r = &read_request(text, (size_t)n, 7, false)->request;
        cr_assert_eq(r->framing, c->framing, "%zu", i);
        cr_assert_eq(r->content_length, c->length, "%zu", i);
        cr_assert_eq(r->keep_alive, c->keep_alive, "%zu", i);
        cr_assert_eq(r->expect_continue, c->expect_continue, "%zu", i);
        cr_assert_eq(r->expect_other, c->expect_other, "%zu", i);
        cr_assert(is(r->upgrade, c->upgrade), "%zu", i);
    }
}

Test(http1_request, gives_fields_in_order_without_outer_blanks) {
    const char *text = "GET / HTTP/1.1\r\nHost: a\r\nX-One: \t 1 2\t3 \t \r\nx-TWO:\r\nX-One:   "
                       "\r\nX: \xe9:\r\n\r\nrest";
    static const char *const expected[][2] = {
        {"host", "a"}, {"x-one", "1 2\t3"}, {"x-two", ""}, {"x-one", ""}, {"x", "\xe9:"}};
    const struct read *r = read_request(text, strlen(text), 1000, false);
    cr_assert_eq(r->result, SV_HTTP1_DONE);
    cr_assert_eq(r->head_len, strlen(text) - 4);
    cr_assert_eq(r->request.n_fields, 5);
    for (size_t i = 0; i < 5; i++) {
        cr_assert(is(r->request.fields[i].name, expected[i][0]), "%zu", i);
        cr_assert(is(r->request.fields[i].value, expected[i][1]), "%zu", i);
    }
}

/* ---- what is refused ---- */

#define GET11 "GET / HTTP/1.1\r\n"
#define POST11 "POST / HTTP/1.1\r\nHost: a\r\n"

static const struct bad_case {
    const char *text;
    const char *why; /* part of the sentence */
    sv_http1_result result;
    size_t len; /* 0: strlen */
} bad_cases[] = {
    {"\r\n\r\n\r\nGET / HTTP/1.1\r\n", "empty lines", SV_HTTP1_MALFORMED, 0},
    {"\nGET / HTTP/1.1\r\n", "bare line feed", SV_HTTP1_MALFORMED, 0},
    {"\rGET / HTTP/1.1\r\n", "request line", SV_HTTP1_MALFORMED, 0},
    {" GET / HTTP/1.1\r\n", "request line", SV_HTTP1_MALFORMED, 0},
    {"GET / \n\n", "bare line feed", SV_HTTP1_MALFORMED, 0},
    {"GET / HTTP/1.1\n", "bare line feed", SV_HTTP1_MALFORMED, 0},
    {"GET /\r\n", "request line", SV_HTTP1_MALFORMED, 0},
    {"GET / HTTP/1.1 \r\n", "request line", SV_HTTP1_MALFORMED, 0},
    {"GET / HTTP/2.0\r\n", "request line", SV_HTTP1_MALFORMED, 0},
    {"GET / HTTP/1.10\r\n", "request line", SV_HTTP1_MALFORMED, 0},
    {"GET / http/1.1\r\n", "request line", SV_HTTP1_MALFORMED, 0},
    {"GET /\rHTTP/1.1\r\n", "request line", SV_HTTP1_MALFORMED, 0},
    {"PRI * HTTP/2.0\r\n", "request line", SV_HTTP1_MALFORMED, 0},
    {"HTTP/1.1\r\n", "request line", SV_HTTP1_MALFORMED, 0},
    {"\x16\x03\x01\x02", "request line", SV_HTTP1_MALFORMED, 0},
    {"GET /a\0b HTTP/1.1\r\n", "request line", SV_HTTP1_MALFORMED,
     sizeof("GET /a\0b HTTP/1.1\r\n") - 1},
    {"GET /\x7f HTTP/1.1\r\n", "request line", SV_HTTP1_MALFORMED, 0},
    {"G\xc3\x89T / HTTP/1.1\r\nHost: a\r\n\r\n", "method", SV_HTTP1_MALFORMED, 0},
    {"G(T / HTTP/1.1\r\nHost: a\r\n\r\n", "method", SV_HTTP1_MALFORMED, 0},
    {"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", "method", SV_HTTP1_MALFORMED, 0},
    {"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "target", SV_HTTP1_MALFORMED, 0},
    {"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", "request line", SV_HTTP1_MALFORMED, 0},
    {"GET /  HTTP/1.1\r\nHost: a\r\n\r\n", "request line", SV_HTTP1_MALFORMED, 0},
    {"GET /\t HTTP/1.1\r\nHost: a\r\n\r\n", "target", SV_HTTP1_MALFORMED, 0},
    {"GET /\xe9 HTTP/1.1\r\nHost: a\r\n\r\n", "not ASCII", SV_HTTP1_MALFORMED, 0},
    {"GET a HTTP/1.1\r\nHost: a\r\n\r\n", "target", SV_HTTP1_MALFORMED, 0},
    {"GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n", "target", SV_HTTP1_MALFORMED, 0},
    {"GET * HTTP/1.1\r\nHost: a\r\n\r\n", "target", SV_HTTP1_MALFORMED, 0},
    {"OPTIONS ** HTTP/1.1\r\nHost: a\r\n\r\n", "target", SV_HTTP1_MALFORMED, 0},
    {"GET ftp://b/ HTTP/1.1\r\nHost: a\r\n\r\n", "target", SV_HTTP1_MALFORMED, 0},
    {"GET https://b/ HTTP/1.1\r\nHost: a\r\n\r\n", "target", SV_HTTP1_MALFORMED, 0},
    {"GET http:// HTTP/1.1\r\nHost: a\r\n\r\n", "target", SV_HTTP1_MALFORMED, 0},
    {"GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", "target", SV_HTTP1_MALFORMED, 0},
    {"GET http://?x HTTP/1.1\r\nHost: a\r\n\r\n", "target", SV_HTTP1_MALFORMED, 0},
    {"GET http://u@b/ HTTP/1.1\r\nHost: a\r\n\r\n", "target", SV_HTTP1_MALFORMED, 0},
    {"GET http://b#c HTTP/1.1\r\nHost: a\r\n\r\n", "target", SV_HTTP1_MALFORMED, 0},
    {"GET http://b:x/ HTTP/1.1\r\nHost: a\r\n\r\n", "target", SV_HTTP1_MALFORMED, 0},
    {"CONNECT b:80 HTTP/1.1\r\nHost: b:80\r\n\r\n", "CONNECT", SV_HTTP1_CONNECT, 0},
    {"CONNECT / HTTP/1.1\r\nHost: b\r\n\r\n", "CONNECT", SV_HTTP1_CONNECT, 0},
    {GET11 "\r\n", "no Host", SV_HTTP1_MALFORMED, 0},
    {GET11 "Host: a\r\nHost: a\r\n\r\n", "more than one Host", SV_HTTP1_MALFORMED, 0},
    {GET11 "Host: a, b\r\n\r\n", "Host is not", SV_HTTP1_MALFORMED, 0},
    {GET11 "Host: a,b\r\n\r\n", "Host is not", SV_HTTP1_MALFORMED, 0},
    {GET11 "Host: a b\r\n\r\n", "Host is not", SV_HTTP1_MALFORMED, 0},
    {GET11 "Host: a/b\r\n\r\n", "Host is not", SV_HTTP1_MALFORMED, 0},
    {GET11 "Host: u@b\r\n\r\n", "Host is not", SV_HTTP1_MALFORMED, 0},
    {GET11 "Host: [::1\r\n\r\n", "Host is not", SV_HTTP1_MALFORMED, 0},
    {GET11 "Host: ::1\r\n\r\n", "Host is not", SV_HTTP1_MALFORMED, 0},
    {GET11 "Host: [::1]x\r\n\r\n", "Host is not", SV_HTTP1_MALFORMED, 0},
    {GET11 "Host: []\r\n\r\n", "Host is not", SV_HTTP1_MALFORMED, 0},
    {GET11 "Host: [fe80::1%25eth0]\r\n\r\n", "Host is not", SV_HTTP1_MALFORMED, 0},
    {GET11 "Host: [1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa]\r\n\r\n", "Host is not",
     SV_HTTP1_MALFORMED, 0},
    {GET11 "Host: a:b\r\n\r\n", "Host is not", SV_HTTP1_MALFORMED, 0},
    {GET11 "Host: a:-1\r\n\r\n", "Host is not", SV_HTTP1_MALFORMED, 0},
    {GET11 "Host: a:65536\r\n\r\n", "Host is not", SV_HTTP1_MALFORMED, 0},
    {GET11 "Host: a:4294967376\r\n\r\n", "Host is not", SV_HTTP1_MALFORMED, 0},
    {GET11 "Host: :80\r\n\r\n", "Host is not", SV_HTTP1_MALFORMED, 0},
    {GET11 "Host: a%\r\n\r\n", "Host is not", SV_HTTP1_MALFORMED, 0},
    {GET11 "Host: a%zz\r\n\r\n", "Host is not", SV_HTTP1_MALFORMED, 0},
    {"GET http://b/ HTTP/1.1\r\nHost: a b\r\n\r\n", "Host is not", SV_HTTP1_MALFORMED, 0},
    {POST11 "A: b\r\n c\r\n\r\n", "folded", SV_HTTP1_MALFORMED, 0},
    {POST11 "A: b\r\n\tc\r\n\r\n", "folded", SV_HTTP1_MALFORMED, 0},
    {GET11 " Host: a\r\n\r\n", "folded", SV_HTTP1_MALFORMED, 0},
    {POST11 "A: b\nC: d\r\n\r\n", "bare line feed", SV_HTTP1_MALFORMED, 0},
    {POST11 "A: b\r\n\n", "bare line feed", SV_HTTP1_MALFORMED, 0},
    {POST11 ": b\r\n\r\n", "no name", SV_HTTP1_MALFORMED, 0},
    {POST11 "A\r\n\r\n", "no colon", SV_HTTP1_MALFORMED, 0},
    {POST11 "A : b\r\n\r\n", "name contains", SV_HTTP1_MALFORMED, 0},
    {POST11 "A\xc3\xa9: b\r\n\r\n", "name contains", SV_HTTP1_MALFORMED, 0},
    {POST11 "\"A\": b\r\n\r\n", "name contains", SV_HTTP1_MALFORMED, 0},
    {POST11 "A: b\rc\r\n\r\n", "control", SV_HTTP1_MALFORMED, 0},
    {POST11 "A: b\r\r\n\r\n", "control", SV_HTTP1_MALFORMED, 0},
    {POST11 "A: 0123456789\x1b\r\n\r\n", "control", SV_HTTP1_MALFORMED, 0},
    {POST11 "A: \x7f"
            "0123456789\r\n\r\n",
     "control", SV_HTTP1_MALFORMED, 0},
    {POST11 "A: 01234567\0\r\n\r\n", "control", SV_HTTP1_MALFORMED,
     sizeof(POST11 "A: 01234567\0\r\n\r\n") - 1},
    {POST11 "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", "more than one Content-Length",
     SV_HTTP1_MALFORMED, 0},
    {POST11 "Content-Length: 1\r\nContent-Length: x\r\n\r\n", "more than one Content-Length",
     SV_HTTP1_MALFORMED, 0},
    {POST11 "Content-Length: 1, 1\r\n\r\n", "not a number", SV_HTTP1_MALFORMED, 0},
    {POST11 "Content-Length: +1\r\n\r\n", "not a number", SV_HTTP1_MALFORMED, 0},
    {POST11 "Content-Length: 1 2\r\n\r\n", "not a number", SV_HTTP1_MALFORMED, 0},
    {POST11 "Content-Length: 0x1\r\n\r\n", "not a number", SV_HTTP1_MALFORMED, 0},
    {POST11 "Content-Length:\r\n\r\n", "not a number", SV_HTTP1_MALFORMED, 0},
    {POST11 "Content-Length: 18446744073709551617\r\n\r\n", "not a number", SV_HTTP1_MALFORMED, 0},
    {POST11 "Content-Length: x\r\nTransfer-Encoding: chunked\r\n\r\n", "both", SV_HTTP1_MALFORMED,
     0},
    {POST11 "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", "both", SV_HTTP1_MALFORMED,
     0},
    {POST11 "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
     "more than one Transfer-Encoding", SV_HTTP1_MALFORMED, 0},
    {POST11 "Transfer-Encoding: gzip, chunked\r\n\r\n", "supported is chunked", SV_HTTP1_MALFORMED,
     0},
    {POST11 "Transfer-Encoding: chunked, chunked\r\n\r\n", "supported is chunked",
     SV_HTTP1_MALFORMED, 0},
    {POST11 "Transfer-Encoding: \"chunked\"\r\n\r\n", "supported is chunked", SV_HTTP1_MALFORMED,
     0},
    {POST11 "Transfer-Encoding:\r\n\r\n", "supported is chunked", SV_HTTP1_MALFORMED, 0},
    {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.0", SV_HTTP1_MALFORMED, 0},
};

Test(http1_request, refuses_malformed_heads_whatever_the_pieces) {
    for (size_t i = 0; i < sizeof(bad_cases) / sizeof(bad_cases[0]); i++) {
        const struct bad_case *c = &bad_cases[i];
        size_t len = c->len > 0 ? c->len : strlen(c->text);
        for (size_t step = 1; step <= len; step++) {
            const struct read *r = read_request(c->text, len, step, false);
            cr_assert_eq(r->result, c->result, "row %zu, step %zu: result %d, %s", i, step,
                         r->result, r->why);
            cr_assert_not_null(strstr(r->why, c->why), "row %zu, step %zu: '%s'", i, step, r->why);
        }
    }
}

Test(http1_request, refuses_http_targets_on_encrypted_connections) {
    const char *text = "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n";
    cr_assert_eq(read_request(text, strlen(text), 100, true)->result, SV_HTTP1_MALFORMED);
}

Test(http1_request, gives_the_log_what_was_read_before_an_error) {
    const char *text =
        "POST /x HTTP/1.1\r\nUser-Agent: me\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n";
    const sv_http1_request *r = &read_request(text, strlen(text), 100, false)->request;
    cr_assert(is(r->method, "POST"));
    cr_assert(is(r->target, "/x"));
    cr_assert_str_eq(field(r, "user-agent"), "me");
    text = "CONNECT b:80 HTTP/1.1\r\nHost: b:80\r\n\r\n";
    r = &read_request(text, strlen(text), 100, false)->request;
    cr_assert(is(r->target, "b:80"));
    cr_assert_null(r->path.p);
}

Test(http1_request, incomplete_is_neither_good_nor_bad) {
    const char *text = "\r\nGET /a HTTP/1.1\r\nHost: a\r\nB: c\r\n\r\n";
    for (size_t len = 1; len < strlen(text); len++)
        cr_assert_eq(read_request(text, len, len, false)->result, SV_HTTP1_MORE, "%zu", len);
}

Test(http1_request, limits_the_head) {
    static char text[2 * MAX_HEAD];
    size_t n = (size_t)sprintf(text, POST11 "A: ");
    memset(text + n, 'x', MAX_HEAD);
    for (size_t step = 1; step < 5000; step += 1234)
        cr_assert_eq(read_request(text, n + MAX_HEAD, step, false)->result, SV_HTTP1_TOO_LARGE);
    sprintf(text + MAX_HEAD - 4, "\r\n\r\n");
    cr_assert_eq(read_request(text, MAX_HEAD, 1000, false)->result, SV_HTTP1_DONE);
    sprintf(text + MAX_HEAD - 4, "x\r\n\r\n");
    cr_assert_eq(read_request(text, MAX_HEAD + 1, 1000, false)->result, SV_HTTP1_TOO_LARGE);
    memset(text, 'x', sizeof(text)); /* a request line that never ends */
    cr_assert_eq(read_request(text, sizeof(text), 1000, false)->result, SV_HTTP1_TOO_LARGE);
}

Test(http1_request, limits_the_number_of_fields) {
    static char text[MAX_HEAD];
    size_t n = (size_t)sprintf(text, POST11);
    for (int i = 1; i < MAX_FIELDS; i++)
        n += (size_t)sprintf(text + n, "A%d: b\r\n", i);
    sprintf(text + n, "\r\n");
    cr_assert_eq(read_request(text, n + 2, 1000, false)->request.n_fields, MAX_FIELDS);
    sprintf(text + n, "one: more\r\n\r\n");
    const struct read *r = read_request(text, strlen(text), 1000, false);
    cr_assert_eq(r->result, SV_HTTP1_TOO_LARGE);
    cr_assert_not_null(strstr(r->why, "too many"));
}

Test(http1_request, follows_a_buffer_that_moves) {
    char from[] =
        "GET http://b?x HTTP/1.1\r\nHost: a\r\nUpgrade: w\r\nConnection: a, upgrade\r\n\r\n",
         to[sizeof(from)];
    hr_pair fields[4];
    const char *why;
    sv_http1_request r = {.fields = fields, .max_fields = 4};
    cr_assert_eq(sv_http1_parse_request(&r, from, sizeof(from) - 1, false, &why), SV_HTTP1_DONE);
    memcpy(to, from, sizeof(from));
    memset(from, '?', sizeof(from));
    sv_http1_request_moved(&r, (uintptr_t)from, sizeof(from), to);
    cr_assert(is(r.method, "GET") && is(r.path, "/?x") && is(r.authority, "b") &&
              is(r.upgrade, "w"));
    cr_assert_str_eq(field(&r, "host"), "b");
    cr_assert_str_eq(field(&r, "upgrade"), "w");
}
