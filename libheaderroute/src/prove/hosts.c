/* Authorities in classes: all authorities of a class lead to the same virtual hosts on both sides.
 */
#include "hosts.h"

#include "decision.h"
#include "host_index.h"
#include "host_names.h"
#include "scratch.h"

/* ---- names ---- */

static void add_class(hr_arena *b, hr_hosts *hosts, hr_host_kind kind, hr_str text) {
    hr_map *map = kind == HR_HOST_EXACT ? &hosts->exact : &hosts->suffix;
    hr_host_class *class = HR_NEW(b, hr_host_class);
    *class = (hr_host_class){.kind = kind, .text = text};
    if (hr_map_add(b, map, text, class))
        HR_PUSH(b, &hosts->classes, class);
}

/* A domain of a virtual host or a server name of a TLS server. One that no authority leads to is
 * left out. */
static void add_domain(hr_arena *b, hr_hosts *hosts, hr_str domain) {
    hr_str lower = hr_arena_lower(b, domain);
    if (lower.len > 0 && lower.p[0] == '*') {
        if (lower.len > 1)
            add_class(b, hosts, HR_HOST_SUFFIX, hr_str_tail(lower, 1));
        return;
    }
    if (hr_authority_host(lower).len == lower.len && hr_domain_has(HR_DOMAIN_AUTHORITY, lower))
        add_class(b, hosts, HR_HOST_EXACT, lower);
}

static void add_table(hr_arena *b, hr_hosts *hosts, const hr_route_table *table) {
    for (size_t i = 0; i < table->n_sni_hosts; i++)
        add_domain(b, hosts, table->sni_hosts[i]);
    for (size_t v = 0; v < table->n_vhosts; v++)
        for (size_t d = 0; d < table->vhosts[v].n_domains; d++)
            add_domain(b, hosts, table->vhosts[v].domains[d]);
}

static void add_view(hr_arena *b, hr_hosts *hosts, const hr_view *view) {
    for (size_t t = 0; t < view->n_tables; t++)
        add_table(b, hosts, &view->tables[t]);
    if (view->listeners != NULL)
        add_table(b, hosts, view->listeners);
}

hr_host_class *hr_host_class_of(const hr_hosts *hosts, hr_str authority, char *buf) {
    hr_str host = hr_authority_host(authority);
    for (size_t i = 0; i < host.len; i++)
        buf[i] = hr_lower(host.p[i]);
    host.p = buf;
    hr_host_class *found = hr_map_get(&hosts->exact, host);
    for (size_t i = 1; found == NULL && i < host.len; i++)
        found = hr_map_get(&hosts->suffix, hr_str_tail(host, i));
    return found != NULL ? found : hosts->classes.v[hosts->classes.n - 1];
}

bool hr_host_narrower(const hr_host_class *inner, const hr_host_class *outer) {
    if (inner == outer || outer->kind == HR_HOST_EXACT || inner->kind == HR_HOST_ANY)
        return false;
    return outer->kind == HR_HOST_ANY ||
           (inner->text.len > outer->text.len && hr_str_ends(inner->text, outer->text));
}

/* ---- examples ---- */

static void find_example(hr_arena *b, const hr_hosts *hosts, hr_host_class *class) {
    static const char *const suffixed[] = {"www", "a", "test", "x1", "y.z", "a1b2", NULL};
    static const char *const any[] = {"example.com", "other.example", "a", "www.example.net",
                                      "x1.y2.test",  "10.9.8.7",      NULL};
    if (class->kind == HR_HOST_EXACT) {
        class->example = class->text;
        return;
    }
    for (const char *const *word = class->kind == HR_HOST_ANY ? any : suffixed; *word != NULL;
         word++) {
        hr_str host = hr_arena_printf(b, "%s%.*s", *word, (int)class->text.len, class->text.p);
        char *room = HR_ARRAY(b, char, host.len);
        if (room == NULL || !hr_domain_has(HR_DOMAIN_AUTHORITY, host) ||
            hr_host_class_of(hosts, host, room) != class)
            continue;
        class->example = host;
        return;
    }
}

/* ---- groups ---- */

const hr_host_class *hr_host_group_example(const hr_host_group *group) {
    for (size_t i = 0; i < group->classes.n; i++)
        if (group->classes.v[i]->example.p != NULL)
            return group->classes.v[i];
    return group->classes.v[0];
}

static void into_group(hr_arena *b, hr_hosts *hosts, hr_map *groups, hr_host_class *class) {
    hr_str key = hr_str_of((const char *)class->lists, sizeof(class->lists));
    void **place = hr_map_at(b, groups, key);
    if (*place == NULL) {
        hr_host_group *group = HR_NEW(b, hr_host_group);
        group->lists[0] = class->lists[0];
        group->lists[1] = class->lists[1];
        *place = group;
        HR_PUSH(b, &hosts->groups, group);
    }
    hr_host_group *group = *place;
    HR_PUSH(b, &group->classes, class);
}

/* Host names of a group are reported together; each suffix is reported alone. */
static void set_clusters(hr_hosts *hosts) {
    for (size_t g = 0; g < hosts->groups.n; g++) {
        uint32_t exact = UINT32_MAX;
        for (size_t i = 0; i < hosts->groups.v[g]->classes.n; i++) {
            hr_host_class *class = hosts->groups.v[g]->classes.v[i];
            bool first = class->kind != HR_HOST_EXACT || exact == UINT32_MAX;
            class->cluster = first ? hosts->n_clusters++ : exact;
            if (class->kind == HR_HOST_EXACT)
                exact = class->cluster;
        }
    }
}

/* The lists that the class leads to. */
static int find_lists(hr_host_class *class, hr_rule_reader *r, const hr_view *const views[2],
                      hr_scratch *scratch) {
    hr_str authority = class->example.p == NULL ? HR_STR("a") : class->example;
    for (size_t side = 0; side < 2; side++) {
        const hr_view_virtual_host *vhost = NULL;
        if (hr_scratch_reset(scratch) != HR_OK ||
            hr_find_vhost(&vhost, views[side], authority, scratch) != HR_OK)
            return HR_ENOMEM;
        class->lists[side] = hr_rules_of(r, vhost);
    }
    return HR_OK;
}

void hr_hosts_build(hr_hosts *out, hr_rule_reader *r, const hr_view *const views[2],
                    hr_scratch *scratch) {
    hr_arena *b = r->u->b;
    hr_map groups = {0};
    add_view(b, out, views[0]);
    add_view(b, out, views[1]);
    add_class(b, out, HR_HOST_ANY, HR_STR(""));
    for (size_t i = 0; i < out->classes.n && !hr_arena_failed(b); i++) {
        hr_host_class *class = out->classes.v[i];
        find_example(b, out, class);
        if (find_lists(class, r, views, scratch) != HR_OK)
            hr_arena_fail(b);
        else
            into_group(b, out, &groups, class);
    }
    set_clusters(out);
}
