/* Parses one JSON document with yajl and reports errors as sentences. */
#include "json_parse.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int sv_json_parse_placed(const yajl_callbacks *callbacks, void *ctx, yajl_handle *running,
                         const char *text, size_t len, const char *what, char *why,
                         size_t why_size) {
    why[0] = '\0';
    yajl_handle parser = yajl_alloc(callbacks, NULL, ctx);
    *running = parser;
    if (parser == NULL) {
        snprintf(why, why_size, "%s needs more memory than there is", what);
        return -1;
    }
    yajl_status status = yajl_parse(parser, (const unsigned char *)text, len);
    bool at_end = status == yajl_status_ok;
    if (at_end)
        status = yajl_complete_parse(parser);
    if (status != yajl_status_ok && why[0] == '\0') {
        unsigned char *said = yajl_get_error(parser, 0, NULL, 0);
        const char *words = said != NULL ? (const char *)said : "parse error";
        snprintf(why, why_size, "%s is not JSON: %.*s, at byte %zu", what,
                 (int)strcspn(words, ".\n"), words, at_end ? len : yajl_get_bytes_consumed(parser));
        yajl_free_error(parser, said);
    }
    yajl_free(parser);
    return status == yajl_status_ok ? 0 : -1;
}

int sv_json_parse(const yajl_callbacks *callbacks, void *ctx, const char *text, size_t len,
                  const char *what, char *why, size_t why_size) {
    yajl_handle parser;
    return sv_json_parse_placed(callbacks, ctx, &parser, text, len, what, why, why_size);
}

char *sv_json_keep(char *text, size_t text_len, const unsigned char *p, size_t len, char **owned) {
    const char *from = (const char *)p;
    if (from >= text && from + len <= text + text_len)
        return text + (from - text);
    *owned = malloc(len + 1);
    if (*owned != NULL)
        memcpy(*owned, from, len);
    return *owned;
}
