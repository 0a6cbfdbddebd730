/* What balancing needs of a cluster and can be prepared: rings, tables, rotations, priorities. */
#ifndef HR_BALANCER_H
#define HR_BALANCER_H

#include <stdbool.h>

#include "arena.h"
#include "balance_level.h"
#include "locality_setting.h"

typedef struct hr_balancer {
    hr_balance_level *levels; /* by priority */
    size_t n_levels;
    hr_members members;
} hr_balancer;

/* Levels over the usable alone: in them only rings and tables count. */
struct hr_rings {
    hr_arena *arena;
    const hr_cluster *cluster;
    hr_balance_level *levels; /* as many as the cluster's */
};

/* Prepares cluster->internal from its policy and members, of which those that are ready are its
 * endpoints. */
void hr_balancer_build(hr_arena *arena, hr_cluster *cluster, const hr_members *members);

#endif
