/* LoadBalancerSettings: algorithm, consistent hash, locality and warm-up, read and checked. */
#ifndef HR_LOAD_BALANCER_H
#define HR_LOAD_BALANCER_H

#include "reader.h"

typedef struct hr_spec_locality_distribute {
    hr_str from;
    struct {
        hr_str to;
        uint32_t percent;
    } * to;
    size_t n_to;
    hr_pos pos;
} hr_spec_locality_distribute;

typedef struct hr_spec_load_balancer {
    bool present;
    bool has_simple;
    int simple; /* 0 UNSPECIFIED, 1 LEAST_CONN, 2 RANDOM, 3 PASSTHROUGH, 4 ROUND_ROBIN, 5
                   LEAST_REQUEST */
    bool has_consistent_hash;
    hr_hash_kind hash_kind;
    bool has_hash_key;
    hr_str hash_name, cookie_path;
    int64_t cookie_ttl_ns;                /* -1: unset */
    int hash_algorithm;                   /* 0 unset, 1 ringHash, 2 maglev */
    int64_t minimum_ring_size;            /* ringHash's; -1: unset */
    int64_t deprecated_minimum_ring_size; /* consistentHash.minimumRingSize, in force without an
                                             algorithm; -1: unset */
    int64_t maglev_table_size;            /* -1: unset */
    bool has_warmup;
    int64_t warmup_duration_ns;      /* warmup.duration; -1: unset */
    int64_t warmup_duration_secs_ns; /* deprecated warmupDurationSecs, in force without `warmup`;
                                        -1: unset */
    double warmup_minimum_percent, warmup_aggression; /* -1: unset */
    bool has_locality;                                /* localityLbSetting */
    int locality_enabled;                             /* -1 unset */
    hr_spec_locality_distribute *distribute;
    size_t n_distribute;
    hr_pair *failover; /* from region -> to region */
    size_t n_failover;
    hr_str_list failover_priority;
    hr_pos pos, locality_pos, warmup_pos;
} hr_spec_load_balancer;

extern const hr_schema hr_load_balancer_schema; /* hr_spec_load_balancer */

#endif
