/* Localities of pods and workloads, as text and in parts. */
#include "locality.h"

#include "text.h"

hr_str hr_label_value(const hr_pair *labels, size_t n, hr_str name) {
    for (size_t i = 0; i < n; i++)
        if (hr_str_eq(labels[i].name, name))
            return labels[i].value;
    return (hr_str){0};
}

hr_str hr_locality_stated(hr_arena *arena, const hr_pair *labels, size_t n) {
    hr_str given = hr_label_value(labels, n, HR_STR("topology.istio.io/locality"));
    if (given.p == NULL)
        given = hr_label_value(labels, n, HR_STR("istio-locality"));
    if (given.len == 0 || hr_str_has(given, '/'))
        return given;
    hr_str copy = hr_arena_copy(arena, given);
    char *p = (char *)(uintptr_t)copy.p;
    for (size_t i = 0; i < copy.len; i++)
        if (p[i] == '.')
            p[i] = '/';
    return copy;
}

hr_locality hr_locality_split(hr_str text) {
    hr_locality out = {0};
    hr_str *const parts[] = {&out.region, &out.zone, &out.subzone};
    size_t from = 0;
    for (size_t i = 0; i < 3 && from <= text.len && text.p != NULL; i++) {
        size_t slash = hr_str_find(text, '/', from);
        *parts[i] = hr_str_from_to(text, from, slash);
        from = slash + 1;
    }
    return out;
}
