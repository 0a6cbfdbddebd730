/* Writing: what is written is what the parser reads back, and never more than there is room for. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "http1.h"

static const hr_pair fields[] = {{{"host", 4}, {"a", 1}}, {{"x-empty", 7}, {"", 0}}};

static void write_request(sv_http1_writer *w) {
    sv_http1_write_request_line(w, HR_STR("POST"), HR_STR("/a?b"));
    sv_http1_write_fields(w, fields, 2);
    sv_http1_write_content_length(w, 18446744073709551615u);
    sv_http1_write_end(w);
}

Test(http1_write, writes_requests) {
    static const char expected[] = "POST /a?b HTTP/1.1\r\nhost: a\r\nx-empty: \r\ncontent-length: "
                                   "18446744073709551615\r\n\r\n";
    char buf[256];
    size_t size =
        SV_HTTP1_LINE_SIZE + 4 + 4 + sv_http1_fields_size(fields, 2) + SV_HTTP1_LENGTH_SIZE;
    sv_http1_writer w = {.at = buf, .end = buf + size};
    write_request(&w);
    cr_assert_not(w.full);
    cr_assert_eq((size_t)(w.at - buf), sizeof(expected) - 1);
    cr_assert_eq(memcmp(buf, expected, sizeof(expected) - 1), 0);
}

Test(http1_write, writes_answers) {
    static const char expected[] = "HTTP/1.0 404 Not Found\r\ncontent-length: 0\r\n\r\n";
    char buf[64];
    sv_http1_writer w = {.at = buf, .end = buf + sizeof(buf)};
    sv_http1_write_status_line(&w, 0, 404, HR_STR("Not Found"));
    sv_http1_write_content_length(&w, 0);
    sv_http1_write_end(&w);
    cr_assert_eq((size_t)(w.at - buf), sizeof(expected) - 1);
    cr_assert_eq(memcmp(buf, expected, sizeof(expected) - 1), 0);
}

Test(http1_write, stops_at_the_end_of_the_memory) {
    char whole[256], buf[256];
    sv_http1_writer w = {.at = whole, .end = whole + sizeof(whole)};
    write_request(&w);
    size_t len = (size_t)(w.at - whole);
    for (size_t room = 0; room < len; room++) {
        memset(buf, '?', sizeof(buf));
        w = (sv_http1_writer){.at = buf, .end = buf + room};
        write_request(&w);
        cr_assert(w.full, "%zu", room);
        cr_assert_leq((size_t)(w.at - buf), room);
        cr_assert_eq(memcmp(buf, whole, (size_t)(w.at - buf)), 0, "%zu", room);
        cr_assert_eq(buf[room], '?', "%zu", room);
    }
}

Test(http1_write, writes_chunks_that_decode_to_what_they_hold) {
    char buf[256], content[] = "hello";
    size_t n = 0;
    const size_t sizes[] = {1, 5, 3};
    for (size_t i = 0; i < 3; i++) {
        n += sv_http1_chunk_line(buf + n, sizes[i]);
        memcpy(buf + n, content, sizes[i]);
        n += sizes[i];
        hr_str end = sv_http1_chunk_end(i == 2);
        memcpy(buf + n, end.p, end.len);
        n += end.len;
    }
    sv_http1_body body;
    sv_http1_piece piece;
    const char *why;
    sv_http1_body_init(&body, SV_HTTP1_CHUNKED, 0);
    cr_assert_eq(sv_http1_body_decode(&body, buf, n, &piece, &why), SV_HTTP1_DONE);
    cr_assert_eq(piece.used, n);
    cr_assert_eq(piece.n, 9);
    cr_assert_eq(memcmp(piece.content, "hhellohel", 9), 0);
}

Test(http1_write, writes_an_empty_body_and_the_largest_chunk) {
    char buf[SV_HTTP1_CHUNK_SIZE];
    hr_str last = sv_http1_last_chunk();
    cr_assert_eq(last.len, 5);
    cr_assert_eq(memcmp(last.p, "0\r\n\r\n", 5), 0);
    cr_assert_eq(sv_http1_chunk_line(buf, SIZE_MAX), SV_HTTP1_CHUNK_SIZE);
    cr_assert_eq(memcmp(buf, "ffffffffffffffff\r\n", SV_HTTP1_CHUNK_SIZE), 0);
}
