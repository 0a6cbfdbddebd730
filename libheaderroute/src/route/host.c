/* Which virtual host an authority belongs to, as Envoy looks it up. */
#include "octets.h"
#include "text.h"
#include "view.h"

/* Istio tells Envoy to ignore the port: what follows the last ':' outside of brackets. */
hr_str hr_authority_host(hr_str authority) {
    size_t i = authority.len;
    while (i > 0 && authority.p[i - 1] != ']' && authority.p[i - 1] != ':')
        i--;
    return i > 0 && authority.p[i - 1] == ':' ? hr_str_of(authority.p, i - 1) : authority;
}

static const hr_vhost *find_suffix(const hr_host_index *index, hr_str host, char *buf) {
    for (size_t i = 0; i < host.len && index->n_suffix_lengths > 0; i++)
        buf[i] = hr_lower(host.p[i]);
    for (size_t i = 0; i < index->n_suffix_lengths; i++) {
        size_t len = index->suffix_lengths[i];
        if (len >= host.len) /* a wildcard stands for one character at least */
            continue;
        const hr_vhost *found = hr_map_get(&index->suffixes, hr_str_of(buf + host.len - len, len));
        if (found != NULL)
            return found;
    }
    return index->any;
}

/* Of one length. */
static bool same_host(hr_str name, hr_str host) {
    return hr_octets_equal(name.p, host.p, host.len) || hr_str_eq_nocase(name, host);
}

const hr_vhost *hr_host_find(const hr_host_index *index, hr_str authority, char *buf) {
    hr_str host = hr_authority_host(authority);
    for (size_t i = 0; i < index->n_few; i++)
        if (index->few[i].name.len == host.len && same_host(index->few[i].name, host))
            return index->few[i].vhost;
    if (index->few == NULL) {
        for (size_t i = 0; i < host.len; i++)
            buf[i] = hr_lower(host.p[i]);
        const hr_vhost *found = hr_map_get(&index->exact, hr_str_of(buf, host.len));
        if (found != NULL)
            return found;
    }
    return find_suffix(index, host, buf);
}
