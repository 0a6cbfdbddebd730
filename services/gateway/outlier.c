/* outlierDetection and warm-up: what an endpoint's past says about its next request. Times are read
 * from the loop's clock, counters are atomics: no loop waits for another. */
#include "outlier.h"

#include <math.h>

#define MAX_EJECTION_MS 300000 /* Envoy's max_ejection_time */

static int counts_as_5xx(const hr_traffic_policy *p, int status) {
    if (p->n_outlier_http_codes == 0)
        return status >= 500;
    for (size_t i = 0; i < p->n_outlier_http_codes; i++)
        if (p->outlier_http_codes[i] == status)
            return 1;
    return 0;
}

/* Not more than maxEjectionPercent of the endpoints at a time. */
static int may_eject(const gw_cluster *cluster) {
    uint64_t ejected = atomic_load_explicit(&cluster->shared->ejected, memory_order_relaxed) + 1;
    return ejected * 100 <=
           (uint64_t)cluster->cluster->policy->max_ejection_percent * cluster->cluster->n_endpoints;
}

static void eject(const gw_cluster *cluster, gw_endpoint *endpoint) {
    const hr_traffic_policy *p = cluster->cluster->policy;
    uint64_t none = 0;
    if (!may_eject(cluster))
        return;
    uint64_t times = atomic_load_explicit(&endpoint->ejections, memory_order_relaxed) + 1;
    uint64_t ms = (uint64_t)p->base_ejection_time_ms * times;
    if (ms > MAX_EJECTION_MS && p->base_ejection_time_ms < MAX_EJECTION_MS)
        ms = MAX_EJECTION_MS;
    /* Two loops may see the last failure at once: one of them ejects. */
    if (!atomic_compare_exchange_strong(&endpoint->ejected_until, &none, sv_timers_now() + ms))
        return;
    atomic_fetch_add(&endpoint->ejections, 1);
    atomic_fetch_add(&cluster->shared->ejected, 1);
    atomic_fetch_add(&cluster->shared->ejections, 1);
}

static int reached(_Atomic uint32_t *counter, int failed, int64_t threshold) {
    if (!failed) {
        if (atomic_load_explicit(counter, memory_order_relaxed) != 0)
            atomic_store_explicit(counter, 0, memory_order_relaxed);
        return 0;
    }
    uint32_t now = atomic_fetch_add_explicit(counter, 1, memory_order_relaxed) + 1;
    if (threshold <= 0 || now < threshold)
        return 0;
    atomic_store_explicit(counter, 0, memory_order_relaxed);
    return 1;
}

void gw_outlier_note(const gw_cluster *cluster, gw_endpoint *endpoint, int status) {
    const hr_traffic_policy *p = cluster->cluster->policy;
    int bad = 0;
    if (!p->outlier || endpoint == NULL)
        return;
    if (p->split_external_local_origin_errors) {
        bad |= reached(&endpoint->consecutive_local, status == 0,
                       p->consecutive_local_origin_failures);
        if (status == 0) {
            if (bad)
                eject(cluster, endpoint);
            return;
        }
    } else if (status == 0) {
        status = 503; /* a failure of our own counts as the answer it becomes */
    }
    bad |= reached(&endpoint->consecutive_5xx, counts_as_5xx(p, status), p->consecutive_5xx);
    bad |= reached(&endpoint->consecutive_gateway, status >= 502 && status <= 504,
                   p->consecutive_gateway_errors);
    if (bad)
        eject(cluster, endpoint);
}

static void look_at(const gw_cluster *cluster, gw_endpoint *endpoint, uint64_t now) {
    uint64_t until = atomic_load(&endpoint->ejected_until);
    if (until == 0) {
        /* An interval without ejection makes the next one shorter. */
        uint32_t times = atomic_load(&endpoint->ejections);
        if (times > 0)
            atomic_compare_exchange_strong(&endpoint->ejections, &times, times - 1);
        return;
    }
    if (until > now)
        return;
    atomic_store(&endpoint->consecutive_5xx, 0);
    atomic_store(&endpoint->consecutive_gateway, 0);
    atomic_store(&endpoint->consecutive_local, 0);
    atomic_fetch_sub(&cluster->shared->ejected, 1);
    atomic_store(&endpoint->ejected_until, 0);
}

void gw_outlier_sweep(const gw_config *config) {
    uint64_t now = sv_timers_now();
    for (size_t c = 0; c < config->n_clusters; c++) {
        const gw_cluster *cluster = &config->clusters[c];
        if (!cluster->cluster->policy->outlier || now < cluster->shared->next_look)
            continue;
        cluster->shared->next_look = now + (uint64_t)cluster->cluster->policy->interval_ms;
        for (size_t i = 0; i < cluster->cluster->n_endpoints; i++)
            look_at(cluster, cluster->endpoints[i], now);
    }
}

static uint8_t warmth(const hr_traffic_policy *p, const gw_endpoint *endpoint, uint64_t now) {
    uint64_t age = now - endpoint->born_at;
    if (p->warmup_ms <= 0 || age >= (uint64_t)p->warmup_ms)
        return 100;
    double share = (double)(age > 0 ? age : 1) / (double)p->warmup_ms;
    double percent =
        100 * (p->warmup_aggression == 1 ? share : pow(share, 1 / p->warmup_aggression));
    if (percent < p->warmup_minimum_percent)
        percent = p->warmup_minimum_percent;
    return percent < 1 ? 1 : percent > 100 ? 100 : (uint8_t)percent;
}

/* The number of distinct priorities. Istio produces fewer: one for each property that localities
 * can share. */
#define MAX_PRIORITIES 32

static size_t priority_of(const gw_cluster *cluster, size_t endpoint) {
    uint32_t priority = cluster->cluster->endpoints[endpoint]->priority;
    return priority < MAX_PRIORITIES ? priority : MAX_PRIORITIES - 1;
}

/* minHealthPercent: in a priority that has fewer left, ejections do not count. Envoy panics only if
 * those that are left everywhere, times 1.4, are not enough for all. */
static void calm(const gw_cluster *cluster, hr_endpoint_state *states) {
    size_t n = cluster->cluster->n_endpoints;
    uint64_t known[MAX_PRIORITIES] = {0}, healthy[MAX_PRIORITIES] = {0}, available = 0;
    uint64_t least = (uint64_t)cluster->cluster->policy->min_health_percent;
    for (size_t i = 0; i < n; i++) {
        known[priority_of(cluster, i)]++;
        healthy[priority_of(cluster, i)] += !states[i].unusable;
    }
    for (size_t p = 0; p < MAX_PRIORITIES; p++) {
        uint64_t percent = known[p] == 0 ? 0 : 140 * healthy[p] / known[p];
        available += percent < 100 ? percent : 100;
    }
    for (size_t i = 0; i < n && available < 100; i++)
        if (healthy[priority_of(cluster, i)] * 100 < least * known[priority_of(cluster, i)])
            states[i].unusable = 0;
}

void gw_outlier_states(const gw_cluster *cluster, hr_endpoint_state *states) {
    const hr_traffic_policy *p = cluster->cluster->policy;
    size_t n = cluster->cluster->n_endpoints, n_ejected = 0;
    uint64_t now = sv_timers_now();
    for (size_t i = 0; i < n; i++) {
        states[i].unusable =
            atomic_load_explicit(&cluster->endpoints[i]->ejected_until, memory_order_relaxed) != 0;
        n_ejected += states[i].unusable;
        states[i].warm_percent = warmth(p, cluster->endpoints[i], now);
    }
    if (n_ejected > 0 && p->min_health_percent > 0)
        calm(cluster, states);
}
