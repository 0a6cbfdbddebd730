/* Names of hosts and Gateways as the control plane resolves them, and Istio's algebra of wildcard
 * hosts. */
#include "host_names.h"

#include <arpa/inet.h>

#include "text.h"

bool hr_is_ip(hr_str s) {
    char text[INET6_ADDRSTRLEN];
    unsigned char address[16];
    if (s.p == NULL || s.len == 0 || s.len >= sizeof(text))
        return false;
    memcpy(text, s.p, s.len);
    text[s.len] = '\0';
    return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

hr_str hr_resolve_host(hr_arena *arena, hr_str host, hr_str namespace_, hr_str domain) {
    if (host.len == 0 || hr_str_eq_c(host, "*") || hr_str_has(host, '.') || hr_is_ip(host))
        return host;
    return hr_arena_printf(arena, "%.*s.%.*s.svc.%.*s", (int)host.len, host.p, (int)namespace_.len,
                           namespace_.p, (int)domain.len, domain.p);
}

hr_str hr_resolve_gateway(hr_arena *arena, hr_str name, hr_str namespace_) {
    if (hr_str_eq_c(name, "mesh"))
        return name;
    size_t slash = hr_str_find(name, '/', 0);
    if (slash < name.len) {
        if (slash != 1 || name.p[0] != '.')
            return name;
        return hr_arena_printf(arena, "%.*s%.*s", (int)namespace_.len, namespace_.p,
                               (int)(name.len - 1), name.p + 1);
    }
    size_t dot = hr_str_find(name, '.', 0);
    if (dot == name.len)
        return hr_arena_printf(arena, "%.*s/%.*s", (int)namespace_.len, namespace_.p, (int)name.len,
                               name.p);
    size_t end = hr_str_find(name, '.', dot + 1);
    return hr_arena_printf(arena, "%.*s/%.*s", (int)(end - dot - 1), name.p + dot + 1, (int)dot,
                           name.p);
}

bool hr_host_is_wild(hr_str host) {
    return host.len > 0 && host.p[0] == '*';
}

bool hr_host_subset_of(hr_str a, hr_str b) {
    if (!hr_host_is_wild(b))
        return hr_str_eq(a, b);
    if (hr_host_is_wild(a))
        return a.len >= b.len && hr_str_ends(a, hr_str_tail(b, 1));
    return hr_str_ends(a, hr_str_tail(b, 1));
}

bool hr_host_overlaps(hr_str a, hr_str b) {
    return hr_host_subset_of(a, b) || hr_host_subset_of(b, a);
}
