/* One request with the view it is asked in, as `route`, `explain` and lines of --batch give it. */
#ifndef HR_CLI_REQUEST_H
#define HR_CLI_REQUEST_H

#include <stdbool.h>

#include "cli.h"
#include "view_options.h"

typedef struct cli_request {
    hr_request request;
    hr_connection connection; /* of the request, once cli_edge has made it so */
    hr_pair *facts;
    size_t n_facts, facts_capacity;
    void *memory;  /* of cli_edge */
    hr_str called; /* the URL's authority, whatever Host says; absent: the request's own */
    hr_pair *headers;
    size_t n_headers, headers_capacity;
    hr_pair *claims;
    size_t n_claims, claims_capacity;
    cli_list texts; /* names that were made; cli_request_free() frees them */
} cli_request;

/* A request of which nothing is known yet. */
void cli_request_init(cli_request *r);
void cli_request_free(cli_request *r);
/* The request as rules of the view see it: with the headers that its proxies set. HR_OK or why not.
 */
int cli_edge(hr_request *out, cli_request *r, const hr_view *view);
/* "ADDRESS", "ADDRESS:PORT" or "[ADDRESS]:PORT" of the client. False: it is none of them. */
bool cli_set_peer(cli_request *r, hr_str text);
void cli_put_fact(cli_request *r, hr_str command, hr_str value);
/* "COMMAND=VALUE" of a formatter command. False: it is not written so. */
bool cli_add_fact(cli_request *r, hr_str text);

/* A claim of the request's token: claims.h. The name and the value are not copied. */
void cli_put_claim(cli_request *r, hr_str name, hr_str value);
/* A copy of a text that lives as long as the request. */
hr_str cli_keep_text(cli_request *r, const char *text);

/* An authority without its port. */
hr_str cli_authority_host(hr_str authority);
bool cli_is_https(const hr_request *request);
/* The port of HOST:PORT; 0: none. */
uint16_t cli_authority_port(hr_str authority);

void cli_add_header(cli_request *r, hr_str name, hr_str value); /* Host sets the authority */

/* [SCHEME://]AUTHORITY[/PATH]. NULL, or what is wrong. Points into `url`. */
const char *cli_parse_url(cli_request *r, const char *url);
/* "Name: value", "Name:" or "Name;". */
const char *cli_parse_header(cli_request *r, const char *text);

/* Views that were made, by what they were made for: lines of a batch repeat them. Only some are
 * kept. */
typedef struct cli_views {
    hr_table *table;
    struct cli_cached_view *v;
    size_t n, oldest;
} cli_views;
/* The view a request is asked in; HR_OK and a view, valid until the next call, or why there is
 * none. Its port is the one that `wanted` states, else that of `called`, else 80. A Gateway without
 * a server on a port that was not stated is looked at on 443 for https, else on 80, else on its
 * first server's. */
int cli_views_get(const hr_view **out, cli_views *views, const cli_view *wanted, hr_str called,
                  bool https);
/* What HR_ENOENT of the above means, as a sentence. */
void cli_views_missing(char *buf, size_t size, const cli_view *wanted);
void cli_views_free(cli_views *views);

#endif
