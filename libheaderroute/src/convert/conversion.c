/* Resources that are written: their texts, and names that differ. */
#include "conversion.h"

#include "text.h"

hr_str hr_conversion_key(hr_arena *arena, const char *kind, hr_str namespace_, hr_str name) {
    return hr_arena_printf(arena, "%s/%.*s/%.*s", kind, HR_S(namespace_), HR_S(name));
}

bool hr_conversion_has(const hr_conversion_state *s, const char *kind, hr_str namespace_,
                       hr_str name) {
    return hr_map_get(&s->names, hr_conversion_key(s->arena, kind, namespace_, name)) != NULL;
}

hr_str hr_conversion_name(hr_conversion_state *s, const char *kind, hr_str namespace_,
                          hr_str name) {
    hr_str free_name = name;
    for (unsigned i = 2;
         hr_conversion_has(s, kind, namespace_, free_name) && !hr_arena_failed(s->arena); i++)
        free_name = hr_arena_printf(s->arena, "%.*s-%u", HR_S(name), i);
    return free_name;
}

hr_yaml_text hr_conversion_begin(hr_conversion_state *s, const char *api_version, const char *kind,
                                 hr_str namespace_, hr_str name) {
    hr_yaml_text t = {.arena = s->arena};
    hr_yaml_put(&t, "apiVersion: %s\nkind: %s\nmetadata:\n  name: ", api_version, kind);
    hr_yaml_put_scalar(&t, name);
    hr_yaml_put(&t, "\n  namespace: ");
    hr_yaml_put_scalar(&t, namespace_);
    hr_yaml_put(&t, "\n");
    return t;
}

void hr_conversion_add(hr_conversion_state *s, const char *kind, hr_str namespace_, hr_str name,
                       const hr_yaml_text *text) {
    hr_converted resource = {hr_str_from(kind), namespace_, name, hr_yaml_text_of(text)};
    hr_map_add(s->arena, &s->names, hr_conversion_key(s->arena, kind, namespace_, name), s);
    HR_PUSH(s->arena, &s->out, resource);
}

void hr_conversion_remove(hr_conversion_state *s, const char *kind, const hr_meta *meta) {
    hr_map_add(s->arena, &s->removed,
               hr_conversion_key(s->arena, kind, meta->namespace_, meta->name), s);
}

void hr_conversion_put_duration(hr_yaml_text *t, int64_t ns) {
    static const struct {
        int64_t ms;
        const char *unit;
    } units[] = {{3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};
    int64_t ms = (ns + 999999) / 1000000;
    if (ms <= 0)
        hr_yaml_put(t, "0s");
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]) && ms > 0; i++) {
        if (ms >= units[i].ms)
            hr_yaml_put(t, "%lld%s", (long long)(ms / units[i].ms), units[i].unit);
        ms %= units[i].ms;
    }
}

void hr_conversion_lost(hr_conversion_state *s, hr_pos pos, const char *field,
                        const char *sentence) {
    hr_str key = hr_arena_printf(s->arena, "%.*s:%d:%d %s %s", HR_S(pos.file), pos.line, pos.column,
                                 field, sentence);
    if (hr_map_add(s->arena, &s->lost, key, s))
        hr_diag_warn(s->found, pos, field, "%s", sentence);
}
