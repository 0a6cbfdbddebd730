/* Without libh2o there is no other parser to compare with. */
#include "http1_messages.h"

bool reference_request(reference_head *out, const char *buf, size_t len) {
    (void)out, (void)buf, (void)len;
    return false;
}

bool reference_response(reference_head *out, const char *buf, size_t len) {
    (void)out, (void)buf, (void)len;
    return false;
}

bool reference_chunked(char *buf, size_t *len, long *surplus) {
    (void)buf, (void)len, (void)surplus;
    return false;
}

void reference_compare_fields(const reference_head *reference, const hr_pair *fields, size_t n) {
    (void)reference, (void)fields, (void)n;
}
