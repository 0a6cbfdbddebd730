/* What the gateway refuses of rules that are valid: policies and listeners that it does not do. The
 * same for files that it loads and for a candidate of the page (candidate.h). */
#ifndef SV_GATEWAY_REFUSE_H
#define SV_GATEWAY_REFUSE_H

#include <stdbool.h>

#include <headerroute/headerroute.h>

typedef struct gw_refusal {
    hr_str file;
    int line;
    const char *message;
} gw_refusal;

typedef struct gw_refuser {
    bool maps;                                            /* listeners are served by --map */
    bool certificate;                                     /* there is a --tls-cert */
    void (*refuse)(void *ctx, const gw_refusal *refusal); /* called for each */
    void *ctx;
} gw_refuser;

/* Both return how many refusals there are. */
int gw_refuse_cluster(const gw_refuser *refuser, const hr_cluster *cluster);
/* Of a view, which may be NULL. */
int gw_refuse_listeners(const gw_refuser *refuser, const hr_view *view);

#endif
