/* Manages the state of one event loop: random numbers, scratches and configurations. */
#include "loop.h"

#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "upstream_tls.h"

/* ---- randomness ---- */

/* xoshiro256++ (Blackman, Vigna 2019): draws decide between weights, not secrets. */
uint64_t gw_random(gw_loop *loop) {
    uint64_t *s = loop->random;
    uint64_t sum = s[0] + s[3], result = ((sum << 23) | (sum >> 41)) + s[0], t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = (s[3] << 45) | (s[3] >> 19);
    return result;
}

double gw_draw(gw_loop *loop) {
    return (double)(gw_random(loop) >> 11) * 0x1.0p-53;
}

/* ---- scratches ---- */

/* What is kept for reuse: 2 MiB a loop, whatever the requests were like. */
#define MAX_FREE_SCRATCHES 32
#define MAX_SCRATCH_KEPT ((size_t)64 << 10)

gw_scratch *gw_scratch_take(gw_loop *loop) {
    gw_scratch *s = loop->free_scratches;
    if (s != NULL) {
        loop->free_scratches = s->next;
        loop->n_free_scratches--;
        return s;
    }
    s = calloc(1, sizeof(*s));
    if (s != NULL && hr_scratch_new(&s->scratch) != HR_OK) {
        free(s);
        return NULL;
    }
    if (s != NULL)
        hr_scratch_limit_regexes(s->scratch, (size_t)loop->gateway->options.max_regex_bytes);
    return s;
}

static void scratch_free(gw_scratch *scratch) {
    hr_scratch_free(scratch->scratch);
    free(scratch);
}

void gw_scratch_give(gw_loop *loop, gw_scratch *scratch) {
    if (scratch == NULL)
        return;
    if (loop->n_free_scratches == MAX_FREE_SCRATCHES) {
        scratch_free(scratch);
        return;
    }
    hr_scratch_trim(scratch->scratch, MAX_SCRATCH_KEPT);
    loop->n_free_scratches++;
    scratch->next = loop->free_scratches;
    loop->free_scratches = scratch;
}

void gw_scratches_free(gw_loop *loop) {
    for (gw_scratch *s; (s = loop->free_scratches) != NULL;) {
        loop->free_scratches = s->next;
        scratch_free(s);
    }
}

/* ---- a loop's side of a configuration ---- */

gw_loop_config *gw_loop_config_ref(gw_loop_config *lc) {
    lc->references++;
    return lc;
}

void gw_loop_config_unref(gw_loop_config *lc) {
    if (lc == NULL || --lc->references > 0)
        return;
    lc->next = lc->loop->retired;
    lc->loop->retired = lc;
}

static void loop_config_free(gw_loop_config *lc) {
    for (size_t c = 0; c < lc->config->n_clusters; c++) {
        gw_loop_cluster *cluster = &lc->clusters[c];
        size_t n = lc->config->clusters[c].cluster->n_endpoints;
        for (size_t i = 0; i < n && cluster->up != NULL; i++)
            sv_up_endpoint_unref(cluster->up[i]);
        free(cluster->up);
        free(cluster->states);
        free(cluster->ejected);
        hr_rings_free(cluster->rings);
    }
    gw_config_unref(lc->config);
    free(lc);
}

void gw_loop_free_retired(gw_loop *loop) {
    for (gw_loop_config *lc; (lc = loop->retired) != NULL;) {
        loop->retired = lc->next;
        loop_config_free(lc);
    }
}

static void prepare_cluster(gw_loop_cluster *cluster, size_t n) {
    if (cluster->up != NULL)
        return;
    cluster->up = sv_alloc(n * sizeof(*cluster->up));
    cluster->states = sv_alloc(n * sizeof(*cluster->states));
    cluster->ejected = sv_alloc(n);
    memset(cluster->ejected, 0, n);
    memset(cluster->up, 0, n * sizeof(*cluster->up));
    memset(cluster->states, 0, n * sizeof(*cluster->states));
}

static int same_connections(const hr_traffic_policy *a, const hr_traffic_policy *b) {
    return a->connect_timeout_ms == b->connect_timeout_ms &&
           a->idle_timeout_ms == b->idle_timeout_ms &&
           a->max_requests_per_connection == b->max_requests_per_connection &&
           a->max_connection_duration_ms == b->max_connection_duration_ms &&
           a->max_concurrent_streams == b->max_concurrent_streams &&
           a->http2_keepalive_interval_ms == b->http2_keepalive_interval_ms &&
           a->http2_keepalive_timeout_ms == b->http2_keepalive_timeout_ms &&
           a->tcp_keepalive == b->tcp_keepalive &&
           a->tcp_keepalive_probes == b->tcp_keepalive_probes &&
           a->tcp_keepalive_time_s == b->tcp_keepalive_time_s &&
           a->tcp_keepalive_interval_s == b->tcp_keepalive_interval_s;
}

/* Connections to what stays outlive a reload: they move to the new configuration. */
static void adopt(gw_loop_config *lc, gw_loop_config *previous) {
    for (size_t c = 0; c < lc->config->n_clusters; c++) {
        const gw_cluster *now = &lc->config->clusters[c];
        size_t p = gw_config_find(previous->config, now->cluster->name);
        if (p == previous->config->n_clusters || previous->clusters[p].up == NULL)
            continue;
        gw_loop_cluster *old = &previous->clusters[p];
        const gw_cluster *before = &previous->config->clusters[p];
        if (!same_connections(now->cluster->policy, before->cluster->policy) ||
            !sv_up_tls_same(now->tls, before->tls))
            continue;
        lc->clusters[c].cursor = old->cursor;
        for (size_t i = 0; i < now->cluster->n_endpoints; i++) {
            for (size_t k = 0; k < before->cluster->n_endpoints; k++) {
                if (now->endpoints[i] != before->endpoints[k] || old->up[k] == NULL)
                    continue;
                prepare_cluster(&lc->clusters[c], now->cluster->n_endpoints);
                lc->clusters[c].up[i] = sv_up_endpoint_ref(old->up[k]);
                break;
            }
        }
    }
}

void gw_loop_use(gw_loop *loop, gw_config *config) {
    size_t size = config->n_clusters * sizeof(gw_loop_cluster);
    gw_loop_config *lc = sv_alloc(sizeof(*lc) + size);
    memset(lc, 0, sizeof(*lc) + size);
    lc->config = gw_config_ref(config);
    lc->loop = loop;
    lc->references = 1;
    if (loop->current != NULL)
        adopt(lc, loop->current);
    gw_loop_config_unref(loop->current);
    loop->current = lc;
}

static uint32_t positive(int64_t value) {
    return value <= 0 ? 0 : value < UINT32_MAX ? (uint32_t)value : UINT32_MAX;
}

static uint32_t at_most(int64_t value, uint32_t most) {
    return value > 0 && value < most ? (uint32_t)value : most;
}

/* The idle time is Istio's default of one hour at most, which would outlive most servers' patience:
 * see sv_up_settings. */
static sv_up_settings settings_of(const gw_cluster *cluster) {
    const hr_traffic_policy *p = cluster->cluster->policy;
    return (sv_up_settings){
        .connect_timeout_ms = positive(p->connect_timeout_ms),
        .idle_connection_ms = at_most(p->idle_timeout_ms, 4000),
        .max_requests = positive(p->max_requests_per_connection),
        .max_connection_ms = positive(p->max_connection_duration_ms),
        .tls = cluster->tls,
        .open_connections = &cluster->shared->connections,
        .max_streams = positive(p->max_concurrent_streams),
        .http2_idle_ms = at_most(p->idle_timeout_ms, 60000),
        .ping_interval_ms = positive(p->http2_keepalive_interval_ms),
        .ping_timeout_ms = positive(p->http2_keepalive_timeout_ms),
        .tcp_keepalive = p->tcp_keepalive,
        .tcp_keepalive_probes = positive(p->tcp_keepalive_probes),
        .tcp_keepalive_idle_s = positive(p->tcp_keepalive_time_s),
        .tcp_keepalive_interval_s = positive(p->tcp_keepalive_interval_s),
    };
}

sv_up_endpoint *gw_loop_endpoint(gw_loop *loop, gw_loop_config *lc, size_t c, size_t index) {
    gw_loop_cluster *cluster = &lc->clusters[c];
    const hr_cluster *known = lc->config->clusters[c].cluster;
    prepare_cluster(cluster, known->n_endpoints);
    if (cluster->up[index] == NULL) {
        const sv_up_settings settings = settings_of(&lc->config->clusters[c]);
        const hr_endpoint *endpoint = known->endpoints[index];
        cluster->up[index] =
            sv_up_endpoint_new(loop->up, endpoint->address, endpoint->port, &settings);
    }
    return cluster->up[index];
}
