/*
 * Names that endpoints are given by: looked up off the event loops, again and again, as Envoy's strict DNS
 * does. A thread of its own asks (c-ares); whoever makes a view reads the last answers from memory, and learns
 * by a descriptor that answers have changed.
 *
 * An answer is good for its TTL, one minute at most. A name that has no address (NXDOMAIN, or no A and AAAA
 * record) loses its endpoints; while nobody answers, or the server fails, the last addresses stay in use and
 * the question is asked again after 1 to 30 seconds. IPv6 addresses are taken where there is no IPv4 one.
 */
#ifndef HR_SERVICES_GATEWAY_DNS_H
#define HR_SERVICES_GATEWAY_DNS_H

#include <stdatomic.h>
#include <stdint.h>

#include <headerroute/headerroute.h>

#include "json_out.h"

typedef struct gw_dns gw_dns;

typedef struct gw_dns_stats {
    _Atomic uint64_t answered, empty, failed; /* look-ups */
    _Atomic uint64_t changes;                 /* of the addresses of a name in use */
} gw_dns_stats;

/* Asks `servers` ("ADDRESS:PORT", comma-separated; NULL: those of the system). NULL after a sentence in `why`. */
gw_dns *gw_dns_new(const char *servers, char *why, size_t why_size);
/* Ends the thread. */
void gw_dns_free(gw_dns *dns);

/* To be called by one thread at a time: a round of questions (gw_dns_resolve is a hr_resolve_fn), then either
 * gw_dns_keep, which forgets names that were not asked for in this round, or another round. */
void gw_dns_begin(gw_dns *dns);
void gw_dns_resolve(void *dns, hr_str name, const hr_str **out, size_t *n);
void gw_dns_keep(gw_dns *dns);
/* Waits until every name of this round was looked up once, `ms` at most. 1 if one of them was not known when it
 * was asked for: another round tells more. */
int gw_dns_wait(gw_dns *dns, uint64_t ms);

/* Readable after a change of addresses; gw_dns_take_change makes it unreadable. Any thread. */
int gw_dns_change_fd(const gw_dns *dns);
void gw_dns_take_change(gw_dns *dns);
const gw_dns_stats *gw_dns_stats_of(const gw_dns *dns);
/* A JSON array: what is known of each name. Any thread. */
void gw_dns_write(gw_dns *dns, hr_text *json);

#endif
