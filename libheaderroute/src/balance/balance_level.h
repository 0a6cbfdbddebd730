/* The members that a balancing algorithm chooses among, prepared for it. */
#ifndef HR_BALANCE_LEVEL_H
#define HR_BALANCE_LEVEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct hr_ring_entry {
    uint64_t hash;
    uint32_t endpoint;
} hr_ring_entry;

/* Members that an algorithm chooses among: those of one locality where localities are weighted,
 * else all of one priority. */
typedef struct hr_balance_group {
    const uint32_t *members; /* endpoint indexes */
    const double *weights;   /* of members; only their proportions count */
    size_t n_members;
    size_t n_known;     /* members and those that are not ready */
    bool weighted;      /* weights differ */
    uint32_t *rotation; /* round robin with weights: endpoint indexes in turn; NULL: members as they
                           stand */
    size_t n_rotation;
    uint32_t weight; /* of the locality */
} hr_balance_group;

/* One priority. Without locality failover there is only one. */
typedef struct hr_balance_level {
    hr_balance_group all;     /* weights: their locality's weight taken into account; sum 1 */
    hr_balance_group *groups; /* one a locality; NULL: localities have no weight */
    size_t n_groups;
    hr_ring_entry *ring;
    size_t n_ring;
    uint32_t *maglev; /* endpoint indexes */
    size_t n_maglev;
} hr_balance_level;

#endif
