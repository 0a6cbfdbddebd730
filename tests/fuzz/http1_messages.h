/* The services' HTTP/1.1 codec and, where libh2o is installed, picohttpparser beside it. */
#ifndef HR_TESTS_FUZZ_HTTP1_MESSAGES_H
#define HR_TESTS_FUZZ_HTTP1_MESSAGES_H

#include "http1.h"

/* What another parser makes of a head. */
typedef struct reference_head {
    int length; /* of the head; negative: refused */
    int minor_version, status;
    hr_str method, path;
    size_t n_fields;
    hr_pair fields[128]; /* values with outer blanks */
} reference_head;

/* False where there is no other parser to compare with. */
bool reference_request(reference_head *out, const char *buf, size_t len);
bool reference_response(reference_head *out, const char *buf, size_t len);
/* Decodes a whole chunked body in place; *surplus is what follows it, negative where it is refused
 * or incomplete. */
bool reference_chunked(char *buf, size_t *len, long *surplus);

/* Ends the process unless both have the same fields, in any letter case and but for outer blanks.
 */
void reference_compare_fields(const reference_head *reference, const hr_pair *fields, size_t n);

#endif
