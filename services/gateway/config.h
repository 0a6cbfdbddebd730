/* Configurations: loading, refreshing, and looking up their clusters. */
#ifndef SV_GATEWAY_CONFIG_H
#define SV_GATEWAY_CONFIG_H

#include "gateway.h"

/* Loads what the options name. NULL, and all findings on stderr, where there is an error;
 * `previous` (may be NULL) lends its endpoints. Waits a moment for the addresses of names that are
 * new. Names of both are looked up from then on: gw_dns_keep forgets those of `previous` alone once
 * this one is in force; gw_config_refresh(previous) undoes what a refused one has changed.
 * `*named`, to be freed by the caller, receives the files with certificates and keys that
 * DestinationRules and listeners name, each once, of a configuration that is refused as well: as
 * far as it got. */
gw_config *gw_config_load(const gw_options *options, gw_dns *dns, const gw_config *previous,
                          uint64_t generation, gw_files *named);
/* The same resources with the addresses that their names have by now; files that they name are not
 * read again. NULL: no memory. */
gw_config *gw_config_refresh(const gw_options *options, gw_dns *dns, const gw_config *previous);
gw_config *gw_config_ref(gw_config *config);
/* The view of a listener, the first that has one. */
const hr_view *gw_config_view(const gw_config *config);
/* The first listener that is served. */
const gw_listener *gw_first_listener(const gw_config *config);
/* Its views are a Gateway's, not a sidecar's. */
int gw_config_is_gateway(const gw_config *config);
/* The listener of the configuration by which this request is routed. Returns NULL if there is none
 * any more, or if it speaks TLS and the client does not, or the reverse: the files have changed
 * since the client connected. */
const gw_listener *gw_listener_of(const gw_config *config, const sv_exchange *ex);
/* The index of a cluster, n_clusters where there is none of that name. */
size_t gw_config_find(const gw_config *config, hr_str name);
void gw_config_unref(gw_config *config);
void gw_files_free(gw_files *files);

#endif
