/*
 * Finds the virtual host of an authority as Envoy does: exact name, then the longest wildcard,
 * then `*`.
 */
#include "host_index.h"

#include <stdlib.h>

#include "host_names.h"
#include "octets.h"
#include "text.h"

/* ---- making ---- */

static int longest_first(const void *a, const void *b) {
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return x > y ? -1 : x < y;
}

static void add_suffix(hr_arena *arena, hr_host_index *index, hr_str suffix,
                       const hr_view_virtual_host *vhost, size_t *capacity) {
    if (!hr_map_add(arena, &index->suffixes, suffix, vhost))
        return;
    for (size_t i = 0; i < index->n_suffix_lengths; i++)
        if (index->suffix_lengths[i] == suffix.len)
            return;
    size_t *grown = hr_arena_grow(arena, index->suffix_lengths, index->n_suffix_lengths, capacity,
                                  sizeof(size_t));
    if (grown == NULL)
        return;
    index->suffix_lengths = grown;
    index->suffix_lengths[index->n_suffix_lengths++] = suffix.len;
}

static bool all_lead_to(const hr_map *map, const hr_view_virtual_host *vhost) {
    for (size_t i = 0; i < map->capacity; i++)
        if (map->slots[i].value != NULL && map->slots[i].value != vhost)
            return false;
    return true;
}

/* Up to this many domains are compared one by one. */
#define FEW_DOMAINS 12

static void list_few(hr_arena *arena, hr_host_index *index) {
    if (index->exact.n > FEW_DOMAINS)
        return;
    index->few = HR_ARRAY(arena, hr_domain, index->exact.n);
    for (size_t i = 0; index->few != NULL && i < index->exact.capacity; i++)
        if (index->exact.slots[i].value != NULL)
            index->few[index->n_few++] =
                (hr_domain){index->exact.slots[i].key, index->exact.slots[i].value};
}

void hr_host_index_build(hr_arena *arena, hr_route_table *table) {
    hr_host_index *index = &table->hosts;
    size_t capacity = 0;
    for (size_t i = 0; i < table->n_vhosts; i++) {
        const hr_view_virtual_host *vhost = &table->vhosts[i];
        for (size_t d = 0; d < vhost->n_domains; d++) {
            hr_str domain = vhost->domains[d];
            if (!hr_host_is_wild(domain))
                hr_map_add(arena, &index->exact, domain, vhost);
            else if (domain.len > 1)
                add_suffix(arena, index, hr_str_tail(domain, 1), vhost, &capacity);
            else if (index->any == NULL)
                index->any = vhost;
        }
    }
    list_few(arena, index);
    if (index->n_suffix_lengths > 1)
        qsort(index->suffix_lengths, index->n_suffix_lengths, sizeof(size_t), longest_first);
    if (all_lead_to(&index->exact, index->any) && all_lead_to(&index->suffixes, index->any))
        table->only = index->any;
}

/* ---- looking up ---- */

/* Istio makes Envoy ignore the port: what follows the last ':' outside of brackets. */
hr_str hr_authority_host(hr_str authority) {
    for (size_t i = authority.len; i-- > 0;) {
        char c = authority.p[i];
        if (c == ':')
            return hr_str_of(authority.p, i);
        if (c == ']')
            break;
    }
    return authority;
}

static const hr_view_virtual_host *find_suffix(const hr_host_index *index, hr_str host, char *buf) {
    for (size_t i = 0; i < host.len && index->n_suffix_lengths > 0; i++)
        buf[i] = hr_lower(host.p[i]);
    for (size_t i = 0; i < index->n_suffix_lengths; i++) {
        size_t len = index->suffix_lengths[i];
        if (len >= host.len) /* a wildcard stands for one character at least */
            continue;
        const hr_view_virtual_host *found =
            hr_map_get(&index->suffixes, hr_str_of(buf + host.len - len, len));
        if (found != NULL)
            return found;
    }
    return index->any;
}

/* Of one length. */
static bool same_host(hr_str name, hr_str host) {
    return hr_octets_equal(name.p, host.p, host.len) || hr_str_eq_nocase(name, host);
}

const hr_view_virtual_host *hr_host_find(const hr_host_index *index, hr_str authority, char *buf) {
    hr_str host = hr_authority_host(authority);
    for (size_t i = 0; i < index->n_few; i++)
        if (index->few[i].name.len == host.len && same_host(index->few[i].name, host))
            return index->few[i].vhost;
    if (index->few == NULL) {
        for (size_t i = 0; i < host.len; i++)
            buf[i] = hr_lower(host.p[i]);
        const hr_view_virtual_host *found = hr_map_get(&index->exact, hr_str_of(buf, host.len));
        if (found != NULL)
            return found;
    }
    return find_suffix(index, host, buf);
}
