/* picohttpparser as libh2o exports it. */
#include "http1_messages.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/types.h>

/* Its interface, for which Debian installs no header. Its header structure has the layout of
 * hr_pair. */
int phr_parse_request(const char *buf, size_t len, const char **method, size_t *method_len,
                      const char **path, size_t *path_len, int *minor_version, hr_pair *headers,
                      size_t *num_headers, size_t last_len);
int phr_parse_response(const char *buf, size_t len, int *minor_version, int *status,
                       const char **reason, size_t *reason_len, hr_pair *headers,
                       size_t *num_headers, size_t last_len);
struct phr_chunked_decoder {
    size_t bytes_left_in_chunk;
    char consume_trailer;
    char hex_count;
    char state;
    char spare[64]; /* later versions count more */
};
ssize_t phr_decode_chunked(struct phr_chunked_decoder *decoder, char *buf, size_t *bufsz);

#define MAX_FIELDS (sizeof(((reference_head *)NULL)->fields) / sizeof(hr_pair))

bool reference_request(reference_head *out, const char *buf, size_t len) {
    out->n_fields = MAX_FIELDS;
    out->length =
        phr_parse_request(buf, len, &out->method.p, &out->method.len, &out->path.p, &out->path.len,
                          &out->minor_version, out->fields, &out->n_fields, 0);
    return true;
}

bool reference_response(reference_head *out, const char *buf, size_t len) {
    hr_str reason;
    out->n_fields = MAX_FIELDS;
    out->length = phr_parse_response(buf, len, &out->minor_version, &out->status, &reason.p,
                                     &reason.len, out->fields, &out->n_fields, 0);
    return true;
}

bool reference_chunked(char *buf, size_t *len, long *surplus) {
    struct phr_chunked_decoder decoder = {.consume_trailer = 1};
    *surplus = (long)phr_decode_chunked(&decoder, buf, len);
    return true;
}

static hr_str trim(hr_str s) {
    while (s.len > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
        s = (hr_str){s.p + 1, s.len - 1};
    while (s.len > 0 && (s.p[s.len - 1] == ' ' || s.p[s.len - 1] == '\t'))
        s.len--;
    return s;
}

void reference_compare_fields(const reference_head *reference, const hr_pair *fields, size_t n) {
    if (reference->n_fields != n)
        abort();
    for (size_t i = 0; i < n; i++) {
        hr_str name = reference->fields[i].name, value = trim(reference->fields[i].value);
        if (name.len != fields[i].name.len || strncasecmp(name.p, fields[i].name.p, name.len) != 0)
            abort();
        if (value.len != fields[i].value.len || memcmp(value.p, fields[i].value.p, value.len) != 0)
            abort();
    }
}
