/* The parameters of a request's query: those that rules ask for are found in one pass. */
#include "match.h"

/* Calls of next_param walk over the items of a query. */
typedef struct query_item {
    hr_str name, value;
} query_item;

/* The items that follow; absent behind the last one. */
static hr_str query_of(hr_str full_path, size_t path_len) {
    return path_len < full_path.len ? hr_str_tail(full_path, path_len + 1) : (hr_str){0};
}

static hr_str next_param(query_item *out, hr_str rest) {
    size_t end = hr_str_find(rest, '&', 0);
    hr_str item = hr_str_of(rest.p, end);
    size_t equals = hr_str_find(item, '=', 0);
    out->name = hr_str_of(item.p, equals);
    out->value = equals == item.len ? HR_STR("") : hr_str_tail(item, equals + 1);
    return end == rest.len ? (hr_str){0} : hr_str_tail(rest, end + 1);
}

hr_str hr_query_value(hr_str full_path, size_t path_len, hr_str name) {
    query_item item;
    for (hr_str rest = query_of(full_path, path_len); rest.p != NULL;) {
        rest = next_param(&item, rest);
        if (hr_str_eq(item.name, name))
            return item.value;
    }
    return (hr_str){0};
}

/* The first value of each name counts. */
static void note_param(hr_scratch *scratch, uint32_t number, hr_str value) {
    hr_param *param = &scratch->params[number];
    if (param->round == scratch->round)
        return;
    *param = (hr_param){scratch->round, value};
    scratch->touched_params[scratch->n_touched_params++] = number;
}

void hr_query_read(hr_subject *subject) {
    hr_scratch *scratch = subject->scratch;
    const hr_name_table *params = subject->params;
    if (scratch->query_read)
        return;
    scratch->query_read = true;
    query_item item;
    for (hr_str rest = query_of(subject->full_path, subject->path.len); rest.p != NULL;) {
        rest = next_param(&item, rest);
        if (!(params->lengths >> (item.name.len < 63 ? item.name.len : 63) & 1))
            continue;
        uintptr_t number = (uintptr_t)hr_map_get(&params->numbers, item.name);
        if (number != 0)
            note_param(scratch, (uint32_t)(number - 1), item.value);
    }
}

hr_str hr_param_value(hr_subject *subject, uint32_t number) {
    hr_query_read(subject);
    const hr_param *param = &subject->scratch->params[number];
    return param->round == subject->scratch->round ? param->value : (hr_str){0};
}
