/* The HTTP/2 codec: messages of a server read from frames written by hand, exchanges between a
 * client and a server of this codec, and what a hostile peer is allowed. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http2_frames.h"

/* ---- a recording end --------------------------------------------------------------------- */

#define MAX_STREAMS 1200

struct end {
    sv_http2 *h2;
    char log[16384]; /* events as text, one a line */
    size_t n_log;
    sv_http2_stream *stream; /* the last one of which an event came */
    size_t heads, n_data, closed;
    bool consumes, answers;
    struct wire out;
};

static void note(struct end *end, const char *text, hr_str value) {
    if (end->n_log + value.len + strlen(text) + 4 > sizeof(end->log))
        return;
    end->n_log += (size_t)sprintf(end->log + end->n_log, "%s%.*s\n", text, (int)value.len,
                                  value.len > 0 ? value.p : "");
}

static void note_fields(struct end *end, const hr_pair *fields, size_t n) {
    char line[256];
    for (size_t i = 0; i < n; i++) {
        snprintf(line, sizeof(line), "%.*s=", (int)fields[i].name.len, fields[i].name.p);
        note(end, line, fields[i].value);
    }
}

static void on_request(void *ctx, sv_http2_stream *stream, const sv_http1_request *request,
                       sv_http1_result result, const char *why) {
    struct end *end = ctx;
    char line[128];
    end->stream = stream;
    end->heads++;
    snprintf(line, sizeof(line), "request %d %d %llu ", result, request->framing,
             (unsigned long long)request->content_length);
    note(end, line, result == SV_HTTP1_DONE ? request->method : (hr_str){why, strlen(why)});
    if (result == SV_HTTP1_DONE) {
        if (request->upgrade.p != NULL)
            note(end, "upgrade ", request->upgrade);
        note(end, "path ", request->path);
        note(end, "authority ", request->authority);
        note_fields(end, request->fields, request->n_fields);
    }
    if (end->answers)
        sv_http2_respond(stream, 200, NULL, 0, false);
}

static void on_response(void *ctx, sv_http2_stream *stream, const sv_http1_response *response,
                        sv_http1_result result, const char *why) {
    struct end *end = ctx;
    char line[128];
    end->stream = stream;
    end->heads++;
    snprintf(line, sizeof(line), "response %d %d %d ", result, response->status, response->framing);
    note(end, line, result == SV_HTTP1_DONE ? HR_STR("") : (hr_str){why, strlen(why)});
    note_fields(end, response->fields, response->n_fields);
}

static void on_data(void *ctx, sv_http2_stream *stream, const char *bytes, size_t n) {
    struct end *end = ctx;
    end->stream = stream;
    end->n_data += n;
    if (n <= 16)
        note(end, "data ", (hr_str){bytes, n});
    if (end->consumes)
        sv_http2_consume(stream, n);
}

static void on_end(void *ctx, sv_http2_stream *stream, const hr_pair *trailers, size_t n) {
    struct end *end = ctx;
    (void)stream;
    note(end, "end", HR_STR(""));
    note_fields(end, trailers, n);
}

static void on_drained(void *ctx, sv_http2_stream *stream) {
    (void)stream;
    note(ctx, "drained", HR_STR(""));
}

static void on_closed(void *ctx, sv_http2_stream *stream, uint32_t code) {
    struct end *end = ctx;
    char line[32];
    end->closed++;
    if (end->stream == stream)
        end->stream = NULL;
    snprintf(line, sizeof(line), "closed %u", code);
    note(end, line, HR_STR(""));
}

static const sv_http2_events events = {on_request, on_response, on_data, on_end,
                                       on_drained, on_closed,   NULL};

static const sv_http2_options server_options = {.max_head = 8192,
                                                .max_fields = 20,
                                                .max_streams = 100,
                                                .stream_window = 65536,
                                                .connection_window = 262144,
                                                .extended_connect = true};

static struct end *end_new(bool client) {
    struct end *end = calloc(1, sizeof(*end));
    sv_http2_options options = server_options;
    options.client = client;
    end->h2 = sv_http2_new(&options, &events, end);
    cr_assert(end->h2 != NULL);
    return end;
}

static void end_free(struct end *end) {
    sv_http2_free(end->h2);
    free(end);
}

/* What the end has to say, into out; in pieces of `step` bytes. */
static void collect(struct end *end, size_t step) {
    size_t n;
    while (end->out.n + step <= sizeof(end->out.bytes) &&
           (n = sv_http2_send(end->h2, end->out.bytes + end->out.n, step)) > 0)
        end->out.n += n;
}

static bool feed(struct end *end, const struct wire *wire, size_t step) {
    bool ok = true;
    for (size_t at = 0; at < wire->n && ok; at += step)
        ok = sv_http2_receive(end->h2, wire->bytes + at, wire->n - at < step ? wire->n - at : step);
    collect(end, 65536);
    return ok;
}

/* What the two have to say to each other, until both are silent. */
static void converse(struct end *a, struct end *b) {
    do {
        a->out.n = b->out.n = 0;
        collect(a, 20000);
        sv_http2_receive(b->h2, a->out.bytes, a->out.n);
        collect(b, 20000);
        sv_http2_receive(a->h2, b->out.bytes, b->out.n);
    } while (a->out.n + b->out.n > 0);
}

struct seen {
    unsigned counts[16];
    uint32_t goaway_code, reset_code;
};

static void see(void *ctx, int type, int flags, uint32_t stream, const char *payload, size_t len) {
    struct seen *seen = ctx;
    (void)flags, (void)stream;
    if (type < 16)
        seen->counts[type]++;
    if (type == FRAME_GOAWAY && len >= 8)
        seen->goaway_code = get_number(payload + 4, 4);
    if (type == FRAME_RST_STREAM && len == 4)
        seen->reset_code = get_number(payload, 4);
}

static struct seen seen_of(const struct end *end) {
    struct seen seen = {.goaway_code = 99, .reset_code = 99};
    each_frame(end->out.bytes, end->out.n, &seen, see);
    return seen;
}

/* ---- heads of requests ------------------------------------------------------------------- */

struct head_case {
    const char *name;
    const char *const fields[12][2];
    const char *log; /* NULL: the stream is reset without an event */
};

static const struct head_case head_cases[] = {
    {"plain",
     {{":method", "GET"}, {":scheme", "http"}, {":authority", "a:80"}, {":path", "/x?y"}},
     "request 1 0 0 GET\npath /x?y\nauthority a:80\nhost=a:80\nend\n"},
    {"host instead of authority",
     {{":method", "GET"}, {":scheme", "https"}, {":path", "/"}, {"host", "b"}, {"x", "1"}},
     "request 1 0 0 GET\npath /\nauthority b\nhost=b\nx=1\nend\n"},
    {"both alike",
     {{":method", "GET"}, {":scheme", "http"}, {":authority", "A"}, {":path", "/"}, {"host", "a"}},
     "request 1 0 0 GET\npath /\nauthority a\nhost=a\nend\n"},
    {"both, different",
     {{":method", "GET"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/"}, {"host", "b"}},
     "request -1 0 0 :authority and Host differ\nend\n"},
    {"no host at all", {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}}, NULL},
    {"userinfo",
     {{":method", "GET"}, {":scheme", "http"}, {":authority", "u@a"}, {":path", "/"}},
     "request -1 0 0 :authority is not a host name with an optional port\nend\n"},
    {"open bracket",
     {{":method", "GET"}, {":scheme", "http"}, {":authority", "[::1"}, {":path", "/"}},
     "request -1 0 0 :authority is not a host name with an optional port\nend\n"},
    {"another scheme",
     {{":method", "GET"}, {":scheme", "ftp"}, {":authority", "a"}, {":path", "/"}},
     "request -1 0 0 the scheme is neither http nor https\nend\n"},
    {"asterisk",
     {{":method", "OPTIONS"}, {":scheme", "http"}, {":authority", "a"}, {":path", "*"}},
     "request 1 0 0 OPTIONS\npath *\nauthority a\nhost=a\nend\n"},
    {"raw bytes in the path",
     {{":method", "GET"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/\xc3\xa4"}},
     "request -1 0 0 the request target is malformed\nend\n"},
    {"connect",
     {{":method", "CONNECT"}, {":authority", "a:1"}},
     "request -3 0 0 CONNECT is not supported\nend\n"},
    {"extended connect",
     {{":method", "CONNECT"},
      {":protocol", "websocket"},
      {":scheme", "https"},
      {":authority", "a"},
      {":path", "/chat"}},
     "request 1 2 0 GET\nupgrade websocket\npath /chat\nauthority a\nhost=a\nend\n"},
    {"extended connect with a length",
     {{":method", "CONNECT"},
      {":protocol", "websocket"},
      {":scheme", "http"},
      {":authority", "a"},
      {":path", "/"},
      {"content-length", "0"}},
     "request -1 1 0 a CONNECT has no Content-Length\nend\n"},
    {"extended connect with a malformed protocol",
     {{":method", "CONNECT"},
      {":protocol", "web/socket"},
      {":scheme", "http"},
      {":authority", "a"},
      {":path", "/"}},
     "request -1 0 0 the protocol is malformed\nend\n"},
    {"extended connect to the asterisk",
     {{":method", "CONNECT"},
      {":protocol", "websocket"},
      {":scheme", "http"},
      {":authority", "a"},
      {":path", "*"}},
     NULL},
    {"extended connect without a path",
     {{":method", "CONNECT"}, {":protocol", "websocket"}, {":scheme", "http"}, {":authority", "a"}},
     NULL},
    {"extended connect without a scheme",
     {{":method", "CONNECT"}, {":protocol", "websocket"}, {":authority", "a"}, {":path", "/"}},
     NULL},
    {"extended connect without an authority",
     {{":method", "CONNECT"},
      {":protocol", "websocket"},
      {":scheme", "http"},
      {":path", "/"},
      {"host", "a"}},
     NULL},
    {"protocol with another method",
     {{":method", "GET"},
      {":protocol", "websocket"},
      {":scheme", "http"},
      {":authority", "a"},
      {":path", "/"}},
     NULL},
    {"protocol twice",
     {{":method", "CONNECT"},
      {":protocol", "websocket"},
      {":protocol", "websocket"},
      {":scheme", "http"},
      {":authority", "a"},
      {":path", "/"}},
     NULL},
    {"cookies are joined",
     {{":method", "GET"},
      {":scheme", "http"},
      {":authority", "a"},
      {":path", "/"},
      {"cookie", "a=1"},
      {"x", "y"},
      {"cookie", "b=2"},
      {"cookie", "c=3"}},
     "request 1 0 0 GET\npath /\nauthority a\ncookie=a=1; b=2; c=3\nx=y\nhost=a\nend\n"},
    {"te: trailers",
     {{":method", "GET"},
      {":scheme", "http"},
      {":authority", "a"},
      {":path", "/"},
      {"te", "trailers"}},
     "request 1 0 0 GET\npath /\nauthority a\nte=trailers\nhost=a\nend\n"},
    {"te: gzip",
     {{":method", "GET"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/"}, {"te", "gzip"}},
     NULL},
    {"upper case",
     {{":method", "GET"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/"}, {"X-A", "1"}},
     NULL},
    {"connection-specific",
     {{":method", "GET"},
      {":scheme", "http"},
      {":authority", "a"},
      {":path", "/"},
      {"connection", "close"}},
     NULL},
    {"transfer-encoding",
     {{":method", "GET"},
      {":scheme", "http"},
      {":authority", "a"},
      {":path", "/"},
      {"transfer-encoding", "chunked"}},
     NULL},
    {"method twice",
     {{":method", "GET"},
      {":method", "PUT"},
      {":scheme", "http"},
      {":authority", "a"},
      {":path", "/"}},
     NULL},
    {"pseudo-header field after another",
     {{":method", "GET"}, {":scheme", "http"}, {"x", "1"}, {":authority", "a"}, {":path", "/"}},
     NULL},
    {"unknown pseudo-header field",
     {{":method", "GET"}, {":scheme", "http"}, {":x", "1"}, {":authority", "a"}, {":path", "/"}},
     NULL},
    {"a status in a request",
     {{":method", "GET"},
      {":scheme", "http"},
      {":authority", "a"},
      {":path", "/"},
      {":status", "200"}},
     NULL},
    {"a blank in a name",
     {{":method", "GET"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/"}, {"x y", "1"}},
     "request -1 0 0 a header field contains a character that is not allowed\nend\n"},
    {"a line feed in a value",
     {{":method", "GET"},
      {":scheme", "http"},
      {":authority", "a"},
      {":path", "/"},
      {"x", "1\ny: 2"}},
     "request -1 0 0 a header field contains a character that is not allowed\nend\n"},
    {"a blank around a value",
     {{":method", "GET"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/"}, {"x", " 1"}},
     "request -1 0 0 a header field contains a character that is not allowed\nend\n"},
    {"content-length of nothing",
     {{":method", "GET"},
      {":scheme", "http"},
      {":authority", "a"},
      {":path", "/"},
      {"content-length", "0"}},
     "request 1 1 0 GET\npath /\nauthority a\ncontent-length=0\nhost=a\nend\n"},
    {"content-length without content",
     {{":method", "GET"},
      {":scheme", "http"},
      {":authority", "a"},
      {":path", "/"},
      {"content-length", "1"}},
     NULL},
    {"content-length with a sign",
     {{":method", "GET"},
      {":scheme", "http"},
      {":authority", "a"},
      {":path", "/"},
      {"content-length", "+0"}},
     NULL},
};

static void check_head(const struct head_case *c, size_t step) {
    struct end *end = end_new(false);
    static struct wire wire, block;
    wire.n = block.n = 0;
    put_preface(&wire);
    put_fields(&block, c->fields);
    put_frame(&wire, FRAME_HEADERS, FLAG_END_STREAM | FLAG_END_HEADERS, 1, block.bytes, block.n);
    feed(end, &wire, step);
    struct seen seen = seen_of(end);
    if (c->log == NULL) {
        cr_expect(eq(sz, end->heads, 0), "%s: an event came", c->name);
        cr_expect(seen.reset_code == SV_HTTP2_PROTOCOL_ERROR, "%s: reset with %u", c->name,
                  seen.reset_code);
    } else {
        cr_expect_str_eq(end->log, c->log, "%s", c->name);
        cr_expect(seen.counts[FRAME_RST_STREAM] == 0 && seen.counts[FRAME_GOAWAY] == 0, "%s",
                  c->name);
    }
    end_free(end);
}

Test(http2, heads_of_requests) {
    for (size_t i = 0; i < sizeof(head_cases) / sizeof(head_cases[0]); i++) {
        check_head(&head_cases[i], 100000);
        check_head(&head_cases[i], 1);
    }
}

/* RFC 8441 section 3: without the setting, a client must not send :protocol. */
Test(http2, an_extended_connect_is_reset_where_it_is_not_announced) {
    static const char *const fields[][2] = {{":method", "CONNECT"}, {":protocol", "websocket"},
                                            {":scheme", "http"},    {":authority", "a"},
                                            {":path", "/"},         {NULL, NULL}};
    struct end *end = calloc(1, sizeof(*end));
    sv_http2_options options = server_options;
    options.extended_connect = false;
    end->h2 = sv_http2_new(&options, &events, end);
    static struct wire wire, block;
    wire.n = block.n = 0;
    put_preface(&wire);
    put_fields(&block, fields);
    put_frame(&wire, FRAME_HEADERS, FLAG_END_HEADERS, 1, block.bytes, block.n);
    feed(end, &wire, 100000);
    cr_expect(eq(sz, end->heads, 0));
    cr_expect(eq(u32, seen_of(end).reset_code, SV_HTTP2_PROTOCOL_ERROR));
    end_free(end);
}

Test(http2, a_head_with_too_many_fields_is_reported) {
    struct end *end = end_new(false);
    static struct wire wire, block;
    put_preface(&wire);
    put_field(&block, ":method", "GET");
    put_field(&block, ":scheme", "http");
    put_field(&block, ":authority", "a");
    put_field(&block, ":path", "/");
    for (int i = 0; i < 21; i++)
        put_field(&block, "x", "1");
    put_frame(&wire, FRAME_HEADERS, FLAG_END_STREAM | FLAG_END_HEADERS, 1, block.bytes, block.n);
    cr_assert(feed(end, &wire, 100000));
    cr_expect_str_eq(end->log, "request -2 0 0 the head is too large\nend\n");
    end_free(end);
}

/* A field of 4 KB in the dynamic table, referred to by one byte each time (an HPACK bomb). */
static struct wire *unfolding_head(int times) {
    static struct wire wire, block;
    wire.n = block.n = 0;
    static char large[3900];
    memset(large, 'x', sizeof(large));
    put_preface(&wire);
    put_field(&block, ":method", "GET");
    put_field(&block, ":scheme", "http");
    put_field(&block, ":authority", "a");
    put_field(&block, ":path", "/");
    put_number(&block, 0x40, 1); /* with indexing */
    put_hpack_number(&block, 0, 7, 1);
    put(&block, "x", 1);
    put_hpack_number(&block, 0, 7, sizeof(large));
    put(&block, large, sizeof(large));
    for (int i = 0; i < times; i++)
        put_number(&block, 0x80 | 62, 1); /* 3,900 bytes each */
    put_frame(&wire, FRAME_HEADERS, FLAG_END_STREAM | FLAG_END_HEADERS, 1, block.bytes, block.n);
    return &wire;
}

Test(http2, a_head_that_unfolds_is_reported) {
    struct end *end = end_new(false);
    struct wire *wire = unfolding_head(5);
    put_get(wire, 3, NULL);
    cr_assert(feed(end, wire, 100000));
    cr_expect_str_eq(end->log, "request -2 0 0 the head is too large\nend\n"
                               "request 1 0 0 GET\npath /\nauthority a\nhost=a\nend\n");
    end_free(end);
}

/* Decoding it would cost a second of CPU time for a request of some KB. */
Test(http2, a_head_that_unfolds_further_ends_the_connection) {
    struct end *end = end_new(false);
    cr_expect(feed(end, unfolding_head(12000), 100000) == false);
    cr_expect_str_eq(end->log, "");
    cr_expect_str_eq(sv_http2_failure(end->h2), "a head unfolds to more than is decoded");
    end_free(end);
}

/* ---- content ----------------------------------------------------------------------------- */

static void put_post(struct wire *wire, uint32_t stream, const char *length) {
    struct wire block = {.n = 0};
    put_field(&block, ":method", "POST");
    put_field(&block, ":scheme", "http");
    put_field(&block, ":authority", "a");
    put_field(&block, ":path", "/");
    if (length != NULL)
        put_field(&block, "content-length", length);
    put_frame(wire, FRAME_HEADERS, FLAG_END_HEADERS, stream, block.bytes, block.n);
}

Test(http2, content_and_trailers_are_reported) {
    struct end *end = end_new(false);
    static struct wire wire, block;
    put_preface(&wire);
    put_post(&wire, 1, NULL);
    put_frame(&wire, FRAME_DATA, 0, 1, "hel", 3);
    put_frame(&wire, FRAME_DATA, 0, 1, "lo", 2);
    put_field(&block, "grpc-status", "0");
    put_frame(&wire, FRAME_HEADERS, FLAG_END_STREAM | FLAG_END_HEADERS, 1, block.bytes, block.n);
    cr_assert(feed(end, &wire, 100000));
    cr_expect_str_eq(end->log, "request 1 2 0 POST\npath /\nauthority a\nhost=a\n"
                               "data hel\ndata lo\nend\ngrpc-status=0\n");
    end_free(end);
}

Test(http2, content_must_have_the_length_that_was_announced) {
    for (int more = 0; more < 2; more++) {
        struct end *end = end_new(false);
        struct wire *wire = calloc(1, sizeof(*wire));
        put_preface(wire);
        put_post(wire, 1, "3");
        put_frame(wire, FRAME_DATA, FLAG_END_STREAM, 1, "hello", more ? 5 : 2);
        feed(end, wire, 100000);
        cr_expect(seen_of(end).reset_code == SV_HTTP2_PROTOCOL_ERROR);
        cr_expect(strstr(end->log, "end\n") == NULL);
        free(wire);
        end_free(end);
    }
}

Test(http2, a_peer_gets_no_window_before_content_is_consumed) {
    struct end *client = end_new(true), *server = end_new(false);
    static char content[200000];
    const sv_http2_request request = {.method = HR_STR("POST"),
                                      .scheme = HR_STR("http"),
                                      .authority = HR_STR("a"),
                                      .path = HR_STR("/"),
                                      .has_content = true};
    sv_http2_stream *stream = sv_http2_submit_request(client->h2, &request, NULL);
    hr_str part = {content, sizeof(content)};
    sv_http2_write(stream, &part, 1, true, NULL, 0);
    converse(client, server);
    cr_expect(eq(sz, server->n_data, 65536));
    sv_http2_consume(server->stream, 40000);
    converse(client, server);
    cr_expect(eq(sz, server->n_data, 105536));
    server->consumes = true;
    sv_http2_consume(server->stream, 65536);
    converse(client, server);
    cr_expect(eq(sz, server->n_data, sizeof(content)));
    end_free(client);
    end_free(server);
}

/* ---- exchanges --------------------------------------------------------------------------- */

Test(http2, a_request_and_its_answer_with_trailers) {
    struct end *client = end_new(true), *server = end_new(false);
    const hr_pair fields[] = {{HR_STR("x-a"), HR_STR("1")}};
    const hr_pair trailers[] = {{HR_STR("grpc-status"), HR_STR("5")}};
    const sv_http2_request request = {.method = HR_STR("POST"),
                                      .scheme = HR_STR("http"),
                                      .authority = HR_STR("host.test"),
                                      .path = HR_STR("/p"),
                                      .fields = fields,
                                      .n_fields = 1,
                                      .has_content = true};
    sv_http2_stream *stream = sv_http2_submit_request(client->h2, &request, NULL);
    const hr_str parts[] = {HR_STR("abc"), HR_STR(""), HR_STR("def")};
    sv_http2_write(stream, parts, 3, false, NULL, 0);
    converse(client, server);
    cr_expect_str_eq(client->log, "drained\n");
    sv_http2_write(stream, NULL, 0, true, trailers, 1);
    converse(client, server);
    cr_expect_str_eq(server->log,
                     "request 1 2 0 POST\npath /p\nauthority host.test\nx-a=1\nhost=host.test\n"
                     "data abcdef\nend\ngrpc-status=5\n");
    sv_http2_respond(server->stream, 103, fields, 1, false);
    sv_http2_respond(server->stream, 200, fields, 1, true);
    converse(client, server);
    sv_http2_write(server->stream, parts, 1, false, NULL, 0);
    converse(client, server);
    sv_http2_write(server->stream, parts, 1, true, trailers, 1);
    converse(client, server);
    cr_expect_str_eq(client->log, "drained\nresponse 1 103 2 \nx-a=1\nresponse 1 200 2 \nx-a=1\n"
                                  "data abc\ndata abc\nend\ngrpc-status=5\nclosed 0\n");
    cr_expect(eq(sz, sv_http2_streams(client->h2), 0));
    cr_expect(eq(sz, sv_http2_streams(server->h2), 0));
    end_free(client);
    end_free(server);
}

Test(http2, an_answer_before_the_end_of_its_request_stops_the_request) {
    struct end *server = end_new(false);
    static struct wire wire;
    put_preface(&wire);
    put_post(&wire, 1, NULL);
    cr_assert(feed(server, &wire, 100000));
    sv_http2_respond(server->stream, 413, NULL, 0, false);
    collect(server, 65536);
    cr_expect(seen_of(server).reset_code == SV_HTTP2_NO_ERROR);
    cr_expect(eq(sz, server->closed, 1));
    cr_expect(eq(sz, sv_http2_streams(server->h2), 0));
    end_free(server);
}

Test(http2, output_of_any_size_carries_large_content) {
    for (size_t step = SV_HTTP2_MIN_OUTPUT; step <= 40000; step += 1999) {
        struct end *client = end_new(true), *server = end_new(false);
        static char content[60000];
        sv_http2_request request = {
            HR_STR("GET"), HR_STR("http"), HR_STR("a"), HR_STR("/"), NULL, 0, false};
        client->consumes = true;
        sv_http2_submit_request(client->h2, &request, NULL);
        converse(client, server);
        hr_str part = {content, sizeof(content)};
        sv_http2_respond(server->stream, 200, NULL, 0, true);
        sv_http2_write(server->stream, &part, 1, true, NULL, 0);
        server->out.n = 0;
        collect(server, step);
        sv_http2_receive(client->h2, server->out.bytes, server->out.n);
        cr_expect(eq(sz, client->n_data, sizeof(content)), "step %zu", step);
        end_free(client);
        end_free(server);
    }
}

Test(http2, freeing_a_connection_closes_its_streams) {
    struct end *server = end_new(false);
    static struct wire wire;
    put_preface(&wire);
    put_post(&wire, 1, NULL);
    put_post(&wire, 3, NULL);
    cr_assert(feed(server, &wire, 100000));
    sv_http2_free(server->h2);
    cr_expect(eq(sz, server->closed, 2));
    free(server);
}

Test(http2, a_shutdown_serves_streams_on_their_way) {
    struct end *server = end_new(false);
    struct wire *wire = calloc(1, sizeof(*wire));
    put_preface(wire);
    put_post(wire, 1, NULL);
    cr_assert(feed(server, wire, 100000));
    sv_http2_shutdown(server->h2, false);
    wire->n = 0;
    put_get(wire, 3, NULL);
    cr_assert(feed(server, wire, 100000));
    cr_expect(eq(sz, server->heads, 2));
    sv_http2_shutdown(server->h2, true);
    collect(server, 65536);
    wire->n = 0;
    put_get(wire, 5, NULL);
    cr_assert(feed(server, wire, 100000));
    cr_expect(eq(sz, server->heads, 2));
    cr_expect(eq(u32, seen_of(server).counts[FRAME_GOAWAY], 2));
    cr_expect(not(sv_http2_is_finished(server->h2)));
    sv_http2_reset(server->stream, SV_HTTP2_CANCEL);
    free(wire);
    end_free(server);
}

/* ---- hostile peers ----------------------------------------------------------------------- */

/* Feeds frames as `make` writes them until the connection fails, which it must before `limit`.
 * `reads`: the peer takes what this end says. Returns how many frames were accepted. */
static size_t flood(struct end *end, size_t limit, bool reads,
                    void (*make)(struct wire *wire, size_t i)) {
    struct wire *wire = calloc(1, sizeof(*wire));
    size_t i = 0;
    put_preface(wire);
    sv_http2_receive(end->h2, wire->bytes, wire->n);
    for (bool ok = true; ok && i < limit; i++) {
        wire->n = 0;
        make(wire, i);
        ok = sv_http2_receive(end->h2, wire->bytes, wire->n);
        if (ok)
            end->out.n = 0;
        if (reads)
            collect(end, 65536);
    }
    collect(end, 65536);
    free(wire);
    return i;
}

static void make_reset(struct wire *wire, size_t i) {
    static const char cancel[4] = {0, 0, 0, 8};
    uint32_t stream = (uint32_t)(2 * i + 1);
    put_get(wire, stream, NULL);
    put_frame(wire, FRAME_RST_STREAM, 0, stream, cancel, 4);
}

/* CVE-2023-44487. */
Test(http2, rapid_resets_end_the_connection) {
    struct end *end = end_new(false);
    size_t n = flood(end, 1000, true, make_reset);
    cr_expect(lt(sz, n, 220));
    cr_expect(gt(sz, n, 200));
    cr_expect(seen_of(end).goaway_code == SV_HTTP2_ENHANCE_YOUR_CALM);
    cr_expect(sv_http2_is_finished(end->h2));
    end_free(end);
}

static void make_finished(struct wire *wire, size_t i) {
    put_get(wire, (uint32_t)(2 * i + 1), NULL);
}

Test(http2, completed_requests_give_credit_for_resets) {
    struct end *end = end_new(false);
    struct wire *wire = calloc(1, sizeof(*wire));
    end->answers = true;
    cr_expect(eq(sz, flood(end, 1000, true, make_finished), 1000));
    cr_expect(sv_http2_failure(end->h2) == NULL);
    for (size_t i = 0; i < 1000; i++) {
        wire->n = 0;
        end->answers = i % 2 == 0;
        make_reset(wire, 1000 + i);
        cr_assert(sv_http2_receive(end->h2, wire->bytes, wire->n) || i > 200);
        collect(end, 65536);
        if (i % 100 == 99)
            sv_http2_refill(end->h2);
    }
    free(wire);
    end_free(end);
}

/* CVE-2025-8671: the peer makes this end reset streams, here by more content than announced. */
static void make_mismatch(struct wire *wire, size_t i) {
    uint32_t stream = (uint32_t)(2 * i + 1);
    put_post(wire, stream, "3");
    put_frame(wire, FRAME_DATA, FLAG_END_STREAM, stream, "hello", 5);
}

Test(http2, resets_that_the_peer_provokes_count_too) {
    struct end *end = end_new(false);
    size_t n = flood(end, 1000, true, make_mismatch);
    cr_expect(lt(sz, n, 220));
    cr_expect(seen_of(end).goaway_code == SV_HTTP2_ENHANCE_YOUR_CALM);
    end_free(end);
}

static void make_ping(struct wire *wire, size_t i) {
    (void)i;
    put_frame(wire, FRAME_PING, 0, 0, "12345678", 8);
}

static void make_settings(struct wire *wire, size_t i) {
    (void)i;
    put_frame(wire, FRAME_SETTINGS, 0, 0, "", 0);
}

static void make_priority(struct wire *wire, size_t i) {
    static const char priority[5] = {0, 0, 0, 0, 1};
    put_frame(wire, FRAME_PRIORITY, 0, (uint32_t)(2 * i + 1), priority, 5);
}

static void make_unknown(struct wire *wire, size_t i) {
    (void)i;
    put_frame(wire, 0xee, 0, 0, "x", 1);
}

static void make_window(struct wire *wire, size_t i) {
    static const char one[4] = {0, 0, 0, 1};
    (void)i;
    put_frame(wire, FRAME_WINDOW_UPDATE, 0, 0, one, 4);
}

static void make_empty_data(struct wire *wire, size_t i) {
    if (i == 0)
        put_post(wire, 1, NULL);
    put_frame(wire, FRAME_DATA, 0, 1, "", 0);
}

static void make_late_data(struct wire *wire, size_t i) {
    if (i == 0)
        put_get(wire, 1, NULL);
    put_frame(wire, FRAME_RST_STREAM, 0, 1, "\0\0\0\x08", 4);
}

Test(http2, frames_without_use_end_the_connection) {
    static const struct {
        const char *name;
        void (*make)(struct wire *wire, size_t i);
    } cases[] = {{"PING", make_ping},
                 {"SETTINGS", make_settings},
                 {"PRIORITY", make_priority},
                 {"unknown", make_unknown},
                 {"WINDOW_UPDATE", make_window},
                 {"empty DATA", make_empty_data},
                 {"RST_STREAM of a closed stream", make_late_data}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct end *end = end_new(false);
        size_t n = flood(end, 5000, true, cases[i].make);
        cr_expect(lt(sz, n, 1200), "%s: %zu", cases[i].name, n);
        cr_expect(seen_of(end).goaway_code == SV_HTTP2_ENHANCE_YOUR_CALM, "%s: %u", cases[i].name,
                  seen_of(end).goaway_code);
        cr_expect(sv_http2_is_finished(end->h2), "%s", cases[i].name);
        end_free(end);
    }
}

Test(http2, acknowledgements_that_are_not_read_end_the_connection_early) {
    struct end *end = end_new(false);
    cr_expect(lt(sz, flood(end, 5000, false, make_ping), 120));
    cr_expect(seen_of(end).goaway_code == SV_HTTP2_ENHANCE_YOUR_CALM);
    end_free(end);
}

Test(http2, credit_comes_back_with_time) {
    struct end *end = end_new(false);
    struct wire *wire = calloc(1, sizeof(*wire));
    put_preface(wire);
    sv_http2_receive(end->h2, wire->bytes, wire->n);
    for (int second = 0; second < 100; second++) {
        for (int i = 0; i < 150; i++) {
            wire->n = 0;
            make_ping(wire, 0);
            cr_assert(sv_http2_receive(end->h2, wire->bytes, wire->n));
            end->out.n = 0;
            collect(end, 65536);
        }
        sv_http2_refill(end->h2);
    }
    free(wire);
    end_free(end);
}

/* CVE-2024-28182. */
static void make_continuation(struct wire *wire, size_t i) {
    if (i == 0) {
        struct wire block = {.n = 0};
        put_field(&block, ":method", "GET");
        put_frame(wire, FRAME_HEADERS, 0, 1, block.bytes, block.n);
    }
    put_frame(wire, FRAME_CONTINUATION, 0, 1, "", 0);
}

Test(http2, a_flood_of_continuations_ends_the_connection) {
    struct end *end = end_new(false);
    cr_expect(lt(sz, flood(end, 5000, true, make_continuation), 20));
    cr_expect(not(sv_http2_failure(end->h2) == NULL));
    cr_expect(eq(sz, end->heads, 0));
    end_free(end);
}

static void make_open(struct wire *wire, size_t i) {
    put_post(wire, (uint32_t)(2 * i + 1), NULL);
}

Test(http2, streams_beyond_the_limit_are_refused) {
    struct end *end = end_new(false);
    struct wire *wire = calloc(1, sizeof(*wire));
    put_preface(wire);
    for (size_t i = 0; i < 101; i++)
        make_open(wire, i);
    cr_expect(feed(end, wire, 1 << 20));
    cr_expect(eq(sz, end->heads, 100));
    cr_expect(seen_of(end).reset_code == SV_HTTP2_REFUSED_STREAM);
    free(wire);
    end_free(end);
}

Test(http2, what_is_not_http2_is_refused) {
    struct end *end = end_new(false);
    static struct wire wire;
    put(&wire, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27);
    cr_expect(not(feed(end, &wire, 100000)));
    cr_expect(eq(sz, end->heads, 0));
    end_free(end);
}

Test(http2, a_large_frame_is_refused) {
    struct end *end = end_new(false);
    static struct wire wire;
    static char payload[16385];
    put_preface(&wire);
    put_post(&wire, 1, NULL);
    put_frame(&wire, FRAME_DATA, 0, 1, payload, sizeof(payload));
    feed(end, &wire, 100000);
    cr_expect(eq(u32, seen_of(end).goaway_code, 6)); /* FRAME_SIZE_ERROR */
    cr_expect(sv_http2_is_finished(end->h2));
    end_free(end);
}
