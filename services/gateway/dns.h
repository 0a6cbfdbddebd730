/*
 * Resolves the host names of endpoints periodically and off the event loops, as Envoy's strict DNS
 * does. A dedicated thread sends the queries (c-ares). The code that builds a view reads the last
 * answers from memory, and a file descriptor signals that answers have changed.
 *
 * An answer is valid for its TTL, but at most for one minute. A name that has no address (NXDOMAIN,
 * or no A and AAAA record) loses its endpoints. If the DNS servers do not answer or report a
 * failure, the last addresses stay in use and the query is retried after 1 to 30 seconds. IPv6
 * addresses are used only if the name has no IPv4 address.
 */
#ifndef SV_GATEWAY_DNS_H
#define SV_GATEWAY_DNS_H

#include <stdatomic.h>
#include <stdint.h>

#include <headerroute/headerroute.h>

#include "json_out.h"

typedef struct gw_dns gw_dns;

typedef struct gw_dns_stats {
    _Atomic uint64_t answered, empty, failed; /* look-ups */
    _Atomic uint64_t changes;                 /* of the addresses of a name in use */
} gw_dns_stats;

/* Asks `servers` ("ADDRESS:PORT", comma-separated; NULL: those of the system). NULL after a
 * sentence in `why`. */
gw_dns *gw_dns_new(const char *servers, char *why, size_t why_size);
/* Ends the thread. */
void gw_dns_free(gw_dns *dns);

/* To be called by one thread at a time: a round of questions (gw_dns_resolve is a hr_resolve_fn),
 * then either gw_dns_keep, which forgets names that were not asked for in this round, or another
 * round. */
void gw_dns_begin(gw_dns *dns);
void gw_dns_resolve(void *dns, hr_str name, const hr_str **out, size_t *n);
void gw_dns_keep(gw_dns *dns);
/* Waits until every name of this round was looked up once, but at most `ms` milliseconds. Returns 1
 * if a name had no answer yet when gw_dns_resolve was called: another round returns its addresses.
 */
int gw_dns_wait(gw_dns *dns, uint64_t ms);

/* Readable after a change of addresses; gw_dns_take_change makes it unreadable. Any thread. */
int gw_dns_change_fd(const gw_dns *dns);
void gw_dns_take_change(gw_dns *dns);
const gw_dns_stats *gw_dns_stats_of(const gw_dns *dns);
/* A JSON array: what is known of each name. Any thread. */
void gw_dns_write(gw_dns *dns, sv_text *json);

#endif
