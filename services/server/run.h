/* Runs a server. */
#ifndef SV_RUN_H
#define SV_RUN_H

#include "server.h"

/* Listens, runs `options->threads` loops until SIGTERM or SIGINT, drains, returns the exit code: 0,
 * or 1 with one line on stderr when it cannot start (an address in use, say). `metrics` must have
 * got all its definitions before. */
int sv_server_run(const sv_service *service, const sv_listener *listeners, size_t n_listeners,
                  const sv_server_options *options, sv_metrics *metrics);

#endif
