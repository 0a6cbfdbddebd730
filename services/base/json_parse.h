/*
 * What every reader of a JSON body does with yajl: one whole document, an error as a sentence, and
 * a string that stays.
 */
#ifndef SV_JSON_PARSE_H
#define SV_JSON_PARSE_H

#include <stddef.h>

#include <yajl/yajl_parse.h>

/* Parses `text`, which must be one JSON document and nothing else. 0; -1 with a sentence in `why`,
 * which begins with `what` ("the body") unless a callback that stopped has put one there. */
int sv_json_parse(const yajl_callbacks *callbacks, void *ctx, const char *text, size_t len,
                  const char *what, char *why, size_t why_size);

/* The same; *parser is set before the first callback, which can ask it how far it has come. */
int sv_json_parse_placed(const yajl_callbacks *callbacks, void *ctx, yajl_handle *parser,
                         const char *text, size_t len, const char *what, char *why,
                         size_t why_size);

/* Where the string `p` of a callback stands: within `text`, or, if it had escapes, in a copy at
 * `*owned`, which is then to be freed (yajl overwrites its own buffer). NULL: no memory. */
char *sv_json_keep(char *text, size_t text_len, const unsigned char *p, size_t len, char **owned);

#endif
