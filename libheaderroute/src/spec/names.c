#include "names.h"

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
    return hr_arena_printf(arena, "%.*s.%.*s.svc.%.*s", (int)host.len, host.p, (int)namespace_.len, namespace_.p,
                       (int)domain.len, domain.p);
}

hr_str hr_resolve_gateway(hr_arena *arena, hr_str name, hr_str namespace_) {
    if (hr_str_eq_c(name, "mesh"))
        return name;
    size_t slash = hr_str_find(name, '/', 0);
    if (slash < name.len) {
        if (slash != 1 || name.p[0] != '.')
            return name;
        return hr_arena_printf(arena, "%.*s%.*s", (int)namespace_.len, namespace_.p, (int)(name.len - 1),
                           name.p + 1);
    }
    size_t dot = hr_str_find(name, '.', 0);
    if (dot == name.len)
        return hr_arena_printf(arena, "%.*s/%.*s", (int)namespace_.len, namespace_.p, (int)name.len, name.p);
    size_t end = hr_str_find(name, '.', dot + 1);
    return hr_arena_printf(arena, "%.*s/%.*s", (int)(end - dot - 1), name.p + dot + 1, (int)dot, name.p);
}

hr_str hr_arena_lower(hr_arena *arena, hr_str s) {
    size_t i = 0;
    while (i < s.len && hr_lower(s.p[i]) == s.p[i])
        i++;
    if (i == s.len)
        return s;
    char *lower = HR_ARRAY(arena, char, s.len + 1);
    if (lower == NULL)
        return (hr_str){0};
    for (i = 0; i < s.len; i++)
        lower[i] = hr_lower(s.p[i]);
    return hr_str_of(lower, s.len);
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

static bool digits(hr_str s, size_t from, size_t n, int64_t *out) {
    if (from + n > s.len)
        return false;
    int64_t value = 0;
    for (size_t i = from; i < from + n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        value = value * 10 + (s.p[i] - '0');
    }
    *out = value;
    return true;
}

/* Days since 1970-01-01 in the proleptic Gregorian calendar, the year beginning in March. */
static int64_t days_from_civil(int64_t year, int64_t month, int64_t day) {
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

int64_t hr_creation_time(hr_str s) {
    int64_t year, month, day, hour, minute, second, fraction = 0;
    if (s.p == NULL || !digits(s, 0, 4, &year) || !digits(s, 5, 2, &month) || !digits(s, 8, 2, &day) ||
        !digits(s, 11, 2, &hour) || !digits(s, 14, 2, &minute) || !digits(s, 17, 2, &second))
        return INT64_MIN;
    size_t at = 19;
    if (at < s.len && s.p[at] == '.') {
        int64_t unit = 100000000;
        for (at++; at < s.len && s.p[at] >= '0' && s.p[at] <= '9'; at++, unit /= 10)
            fraction += unit * (s.p[at] - '0');
    }
    int64_t offset = 0, offset_hours, offset_minutes;
    if (at < s.len && (s.p[at] == '+' || s.p[at] == '-') && digits(s, at + 1, 2, &offset_hours) &&
        digits(s, at + 4, 2, &offset_minutes))
        offset = (offset_hours * 60 + offset_minutes) * (s.p[at] == '-' ? -60 : 60);
    int64_t seconds =
        days_from_civil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset;
    if (seconds > INT64_MAX / 1000000000 - 1 || seconds < INT64_MIN / 1000000000 + 1)
        return INT64_MIN;
    return seconds * 1000000000 + fraction;
}

int hr_meta_cmp(const hr_meta *a, const hr_meta *b) {
    int64_t ta = hr_creation_time(a->creation_timestamp), tb = hr_creation_time(b->creation_timestamp);
    if (ta != tb)
        return ta < tb ? -1 : 1;
    int c = hr_str_cmp(a->name, b->name);
    return c != 0 ? c : hr_str_cmp(a->namespace_, b->namespace_);
}
