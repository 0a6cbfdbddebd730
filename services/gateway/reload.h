/*
 * Hot reload: on SIGHUP, and when a file that was loaded changes, a configuration is built aside
 * and, if it is good, handed to every loop by message. A broken one changes nothing but the log and
 * the metrics.
 */
#ifndef SV_GATEWAY_RELOAD_H
#define SV_GATEWAY_RELOAD_H

#include "gateway.h"

/* Before sv_server_run, so that its threads do not take SIGHUP. 0, or -1 with a line on stderr. */
int gw_reload_prepare(gateway *g);
/* Begins to watch, on a thread of its own: once the log is open. 0, or -1 after a message. */
int gw_reload_start(gateway *g);
/* Changes when certificate or key does. */
uint64_t gw_tls_fingerprint(const gw_options *options);
/* Before draining begins. */
void gw_reload_stop(void *g);
/* After sv_server_run. */
void gw_reload_dispose(gateway *g);

#endif
