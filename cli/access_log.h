/*
 * Requests out of access logs: JSON objects as Envoy, Istio and headerroute-gateway write them,
 * Istio's default text format, and the common and combined log formats.
 */
#ifndef HR_CLI_ACCESS_LOG_H
#define HR_CLI_ACCESS_LOG_H

#include <jansson.h>

#include <headerroute/headerroute.h>

enum { CLI_LOG_HEADERS = 8 };

/* What one line says about a request. Strings point into the line or into `json`. */
typedef struct cli_log_line {
    hr_str method, path, authority; /* absent: the line does not have it */
    hr_str scheme;
    json_t *json;                     /* NULL for the text formats */
    int of_gateway;                   /* 1: headerroute-gateway wrote it */
    hr_pair headers[CLI_LOG_HEADERS]; /* of the text formats; the value "-" is an absent header */
    size_t n_headers;
} cli_log_line;

typedef enum cli_log_value { CLI_LOG_UNKNOWN = 0, CLI_LOG_ABSENT, CLI_LOG_VALUE } cli_log_value;

/* Reads one line without its line feed. Returns NULL, or why it does not describe a request.
 * Release the line in both cases. */
const char *cli_log_read(cli_log_line *out, const char *text, size_t len);
void cli_log_release(cli_log_line *line);

/* What the line says about a request header (lower case). In JSON, a header NAME-X is a member
 * name-x or name_x, at the top or in a member request_headers or headers, in any letter case; a
 * value that is neither a text nor null is unknown. */
cli_log_value cli_log_header(hr_str *out, const cli_log_line *line, const char *name);

#endif
