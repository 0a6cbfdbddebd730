/* Bodies: chunks, lengths and their limits. http1_response_test.c has the table of malformed
 * chunks. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <string.h>

#include "http1.h"

struct decoded {
    sv_http1_result result;
    const char *why;
    char content[8192];
    size_t n, used;
};

static struct decoded decode(const char *text, size_t len, size_t step) {
    static char piece[65536];
    struct decoded d = {.result = SV_HTTP1_MORE, .why = ""};
    sv_http1_body body;
    sv_http1_body_init(&body, SV_HTTP1_CHUNKED, 0);
    for (size_t at = 0; at < len && d.result == SV_HTTP1_MORE;) {
        sv_http1_piece got;
        size_t n = len - at < step ? len - at : step;
        memcpy(piece, text + at, n);
        d.result = sv_http1_body_decode(&body, piece, n, &got, &d.why);
        if (d.result < 0)
            break;
        memcpy(d.content + d.n, got.content, got.n);
        d.n += got.n;
        d.used += got.used;
        at += n;
    }
    return d;
}

Test(http1_body, decodes_chunks_in_pieces_of_any_size) {
    static const char text[] = "5\r\nhello\r\n00a ; x=\"y;z\"\r\n, chunked "
                               "\r\n1\t;a\r\n!\r\n0;end\r\nA: b\r\nC:\r\n\r\nnext";
    for (size_t step = 1; step <= sizeof(text); step++) {
        struct decoded d = decode(text, sizeof(text) - 1, step);
        cr_assert_eq(d.result, SV_HTTP1_DONE, "%zu: %s", step, d.why);
        cr_assert_eq(d.n, 16);
        cr_assert_eq(memcmp(d.content, "hello, chunked !", 16), 0);
        cr_assert_eq(d.used, sizeof(text) - 5, "step %zu: %zu", step, d.used);
    }
}

Test(http1_body, leaves_trailers_behind_the_content) {
    char text[] = "1\r\nx\r\n0\r\nA: b \r\nC:\r\n\r\nnext";
    sv_http1_body body;
    sv_http1_piece piece;
    hr_pair fields[2];
    size_t n;
    const char *why;
    sv_http1_body_init(&body, SV_HTTP1_CHUNKED, 0);
    cr_assert_eq(sv_http1_body_decode(&body, text, sizeof(text) - 1, &piece, &why), SV_HTTP1_DONE);
    cr_assert_eq(piece.trailers, text + 9);
    cr_assert_eq(piece.n_trailers, 13);
    cr_assert_eq(sv_http1_parse_trailers(fields, &n, 1, piece.trailers, piece.n_trailers, &why),
                 SV_HTTP1_TOO_LARGE);
    cr_assert_eq(sv_http1_parse_trailers(fields, &n, 2, piece.trailers, piece.n_trailers, &why),
                 SV_HTTP1_DONE);
    cr_assert_eq(n, 2);
    cr_assert_eq(memcmp(fields[0].name.p, "a", 1), 0);
    cr_assert_eq(fields[0].value.len, 1);
    cr_assert_eq(fields[1].value.len, 0);
    cr_assert_eq(sv_http1_parse_trailers(fields, &n, 2, piece.trailers, piece.n_trailers - 1, &why),
                 SV_HTTP1_MALFORMED);
}

Test(http1_body, leaves_one_stretch_of_content_where_it_is) {
    char text[] = "5;x\r\nhello\r\n0\r\n\r\n";
    sv_http1_body body;
    sv_http1_piece piece;
    const char *why;
    sv_http1_body_init(&body, SV_HTTP1_CHUNKED, 0);
    cr_assert_eq(sv_http1_body_decode(&body, text, sizeof(text) - 1, &piece, &why), SV_HTTP1_DONE);
    cr_assert_eq(piece.content, text + 5);
    cr_assert_eq(piece.n, 5);
}

static const char *const bad_chunks[] = {
    "\r\n",
    ";a\r\n",
    " 1\r\n",
    "1 \r\n",
    "1\t\r\n",
    "1 2\r\n",
    "1 x;\r\n",
    "g\r\n",
    "0x1\r\n",
    "+1\r\n",
    "-1\r\n",
    "1\n",
    "1\ra",
    "1;\n",
    "1;\x1b\r\n",
    "1; \x7f\r\n",
    "1\r\nab",
    "1\r\na\n",
    "1\r\na\r\r",
    "1000000000000000\r\n",
    "0\r\n: a\r\n",
    "0\r\n a: b\r\n",
    "0\r\na b: c\r\n",
    "0\r\na : c\r\n",
    "0\r\na\r\n",
    "0\r\na: b\n",
    "0\r\na: b\rc",
    "0\r\n\ra",
    "0\r\n\n",
    "0\r\nA: b\r\n c\r\n",
};

Test(http1_body, refuses_malformed_chunks_and_trailers) {
    for (size_t i = 0; i < sizeof(bad_chunks) / sizeof(bad_chunks[0]); i++) {
        size_t len = strlen(bad_chunks[i]);
        for (size_t step = 1; step <= len; step++) {
            struct decoded d = decode(bad_chunks[i], len, step);
            cr_assert_eq(d.result, SV_HTTP1_MALFORMED, "%zu, step %zu", i, step);
            cr_assert_gt(strlen(d.why), 0);
        }
    }
}

Test(http1_body, limits_extensions_and_trailers) {
    static char text[40000];
    size_t n = (size_t)sprintf(text, "1;");
    memset(text + n, 'x', 1100);
    cr_assert_eq(decode(text, n + 1000, 100).result, SV_HTTP1_MORE);
    cr_assert_eq(decode(text, n + 1100, 100).result, SV_HTTP1_MALFORMED);
    n = (size_t)sprintf(text, "0\r\n");
    while (n < 16000)
        n += (size_t)sprintf(text + n, "x: y\r\n");
    cr_assert_eq(decode(text, n, 100).result, SV_HTTP1_MORE);
    while (n < 17000)
        n += (size_t)sprintf(text + n, "x: y\r\n");
    cr_assert_eq(decode(text, n, 100).result, SV_HTTP1_MALFORMED);
    cr_assert_eq(decode(text, n, n).result, SV_HTTP1_MALFORMED);
}

Test(http1_body, counts_a_length) {
    char text[] = "abcdef";
    sv_http1_body body;
    sv_http1_piece piece;
    const char *why;
    sv_http1_body_init(&body, SV_HTTP1_LENGTH, 5);
    cr_assert_eq(sv_http1_body_decode(&body, text, 3, &piece, &why), SV_HTTP1_MORE);
    cr_assert_eq(sv_http1_body_eof(&body, &why), SV_HTTP1_MALFORMED);
    cr_assert_eq(sv_http1_body_decode(&body, text + 3, 3, &piece, &why), SV_HTTP1_DONE);
    cr_assert_eq(piece.n, 2);
    cr_assert_eq(piece.used, 2);
    sv_http1_body_init(&body, SV_HTTP1_LENGTH, 0);
    cr_assert_eq(sv_http1_body_decode(&body, text, 0, &piece, &why), SV_HTTP1_DONE);
    sv_http1_body_init(&body, SV_HTTP1_NO_BODY, 0);
    cr_assert_eq(sv_http1_body_decode(&body, text, 3, &piece, &why), SV_HTTP1_DONE);
    cr_assert_eq(piece.used, 0);
}
