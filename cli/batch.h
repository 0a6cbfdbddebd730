/* Lines of --batch: a request in JSON in, a decision (or an error) in JSON out. */
#ifndef HR_CLI_BATCH_H
#define HR_CLI_BATCH_H

#include "request.h"

typedef struct cli_batch cli_batch;

/* Answers lines over `table`; what a line leaves out of its view is taken from `defaults`. */
cli_batch *cli_batch_new(hr_table *table, const cli_view *defaults,
                         const hr_connection *connection);
void cli_batch_free(cli_batch *batch);
/* The answer to one line (without its newline): valid until the next call. Never absent. */
hr_str cli_batch_line(cli_batch *batch, const char *line, size_t len);

/* What one line says, read over `defaults` and what is known of the connection. NULL, or what is
 * wrong, which lives as long as *out. */
typedef struct cli_batch_request {
    cli_view view;
    cli_request request;
    char message[256];
    void *json; /* its strings point into it */
} cli_batch_request;
const char *cli_batch_parse(cli_batch_request *out, const cli_view *defaults,
                            const hr_connection *connection, const char *line, size_t len);
void cli_batch_request_free(cli_batch_request *r);

/* Reads `in` to its end, writes an answer a line to `out`. CLI_OK, or CLI_FAILED where reading or
 * writing failed. */
int cli_batch_run(cli_batch *batch, FILE *in, FILE *out);

#endif
