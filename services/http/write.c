/* Writing heads and chunks. */
#include "http1.h"

#include <string.h>

static void write_put(sv_http1_writer *w, const char *p, size_t len) {
    if (len > (size_t)(w->end - w->at)) {
        w->full = true;
        w->end = w->at; /* nothing that comes later fits either: no gap may arise */
        return;
    }
    memcpy(w->at, p, len);
    w->at += len;
}

static void put_str(sv_http1_writer *w, hr_str s) {
    write_put(w, s.p, s.len);
}

size_t sv_http1_fields_size(const hr_pair *fields, size_t n) {
    size_t size = 0;
    for (size_t i = 0; i < n; i++)
        size += fields[i].name.len + fields[i].value.len + 4;
    return size;
}

void sv_http1_write_request_line(sv_http1_writer *w, hr_str method, hr_str target) {
    put_str(w, method);
    write_put(w, " ", 1);
    put_str(w, target);
    put_str(w, HR_STR(" HTTP/1.1\r\n"));
}

void sv_http1_write_status_line(sv_http1_writer *w, int minor_version, int status, hr_str reason) {
    char line[] = "HTTP/1.1 000 ";
    line[7] = (char)('0' + minor_version);
    line[9] = (char)('0' + status / 100 % 10);
    line[10] = (char)('0' + status / 10 % 10);
    line[11] = (char)('0' + status % 10);
    write_put(w, line, sizeof(line) - 1);
    put_str(w, reason);
    write_put(w, "\r\n", 2);
}

void sv_http1_write_field(sv_http1_writer *w, hr_str name, hr_str value) {
    put_str(w, name);
    write_put(w, ": ", 2);
    put_str(w, value);
    write_put(w, "\r\n", 2);
}

void sv_http1_write_fields(sv_http1_writer *w, const hr_pair *fields, size_t n) {
    for (size_t i = 0; i < n; i++)
        sv_http1_write_field(w, fields[i].name, fields[i].value);
}

void sv_http1_write_content_length(sv_http1_writer *w, uint64_t length) {
    char digits[20], *at = digits + sizeof(digits);
    do {
        *--at = (char)('0' + length % 10);
    } while ((length /= 10) > 0);
    sv_http1_write_field(w, HR_STR("content-length"),
                         (hr_str){at, (size_t)(digits + sizeof(digits) - at)});
}

void sv_http1_write_end(sv_http1_writer *w) {
    write_put(w, "\r\n", 2);
}

void sv_http1_write_last_chunk(sv_http1_writer *w) {
    write_put(w, "0\r\n", 3);
}

size_t sv_http1_chunk_line(char *buf, size_t n) {
    static const char hex[] = "0123456789abcdef";
    char digits[16], *at = digits + sizeof(digits);
    do {
        *--at = hex[n % 16];
    } while ((n /= 16) > 0);
    size_t len = (size_t)(digits + sizeof(digits) - at);
    memcpy(buf, at, len);
    memcpy(buf + len, "\r\n", 2);
    return len + 2;
}

hr_str sv_http1_chunk_end(bool last) {
    return last ? HR_STR("\r\n0\r\n\r\n") : HR_STR("\r\n");
}

hr_str sv_http1_last_chunk(void) {
    return HR_STR("0\r\n\r\n");
}
