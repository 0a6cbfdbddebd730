/* The addresses of --map: which are bound, and by which listener of the configuration their
 * connections are routed. */
#ifndef SV_GATEWAY_LISTENERS_H
#define SV_GATEWAY_LISTENERS_H

#include "gateway.h"

/* A Gateway may have 64 listeners. */
#define GW_MAX_MAPS 64

/* Parses the --map flags into options->maps. 0, or -1 with a sentence in `why`. */
int gw_maps_parse(gw_options *options, char *why, size_t why_size);
/* What is wrong with the flags beside --map; NULL: nothing. */
const char *gw_maps_conflict(const gw_options *options, const sv_server_options *server);
/* Fills one listener for each --map, of which sv_server_run gets the first ones. */
void gw_maps_listen(sv_listener *out, const gateway *g);

/* Descriptors of the addresses that a configuration adds. */
typedef struct gw_new_listeners {
    int fds[GW_MAX_MAPS]; /* -1: none */
    size_t blocked;       /* if not all could be bound: the --map whose address could not */
} gw_new_listeners;

/* Binds what `config` adds to the addresses that are bound. 0, or -1 with a sentence in `why` and
 * nothing bound. */
int gw_listeners_bind(gw_new_listeners *out, const gateway *g, const gw_config *config, char *why,
                      size_t why_size);
/* The address of a --map that is closed can be bound by now. */
bool gw_listener_is_free(const gateway *g, size_t map);
/* After `config` was sent to the loops: they accept at what was bound, and stop where it has no
 * listener. */
void gw_listeners_switch(gateway *g, const gw_config *config, const gw_new_listeners *added);

/* Defines the metrics of the --map flags. */
void gw_maps_metrics(gateway *g, sv_metrics *m);
/* Keeps what metrics say of the listeners. */
void gw_maps_note(gateway *g, const gw_config *config);
/* The members of a view in /config, each behind a comma. */
void gw_routes_json(sv_text *json, const hr_view *view);
/* ,"listeners":[...] of /config. */
void gw_listeners_json(sv_text *json, const gateway *g, const gw_config *config);

#endif
