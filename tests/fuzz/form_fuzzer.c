/*
 * multipart/form-data on any bytes: the first line is a Content-Type, the rest the body. Besides
 * the sanitizers: parts lie within the body, in order, and do not overlap.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint8_t *line = memchr(data, '\n', size);
    char boundary[SV_FORM_BOUNDARY + 1], why[256] = "";
    if (line == NULL)
        return 0;
    hr_str type = {(const char *)data, (size_t)(line - data)};
    if (!sv_form_boundary(boundary, type))
        return 0;
    size_t len = size - type.len - 1;
    char *body = malloc(len + 1);
    memcpy(body, line + 1, len);
    sv_form form;
    sv_form_part part;
    char *from = body;
    int more, parts = 0;
    sv_form_init(&form, boundary, (sv_bytes){body, len});
    while ((more = sv_form_next(&part, &form, why, sizeof(why))) > 0) {
        if (++parts > SV_FORM_PARTS || part.name.p == NULL || part.name.p < from ||
            part.name.p + part.name.len > part.content.p ||
            part.content.p + part.content.len > body + len)
            abort();
        from = part.content.p + part.content.len;
    }
    if (more < 0 && why[0] == '\0')
        abort();
    free(body);
    return 0;
}
