/* The parameters of a request's query: those that rules ask for are found in one pass. */
#include "query.h"

#include "map.h"
#include "view.h"

/* Calls of next_param walk over the items of a query. */
typedef struct query_item {
    hr_str name, value;
} query_item;

/* The items that follow; absent behind the last one. */
static hr_str query_of_subject(hr_str full_path, size_t path_len) {
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
    for (hr_str rest = query_of_subject(full_path, path_len); rest.p != NULL;) {
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

/* The number of a name, UINT32_MAX: no rule asks for it. */
static uint32_t param_number(const hr_name_table *params, hr_str name) {
    size_t length = name.len % 64;
    if (!(params->lengths >> length & 1))
        return UINT32_MAX;
    if (params->n > HR_FEW_NAMES)
        return (uint32_t)((uintptr_t)hr_map_get(&params->numbers, name) - 1);
    uint32_t i = params->first[length];
    while (i != 0 && !(params->v[i - 1].len == name.len &&
                       hr_octets_equal(params->v[i - 1].p, name.p, name.len)))
        i = params->next[i - 1];
    return i - 1;
}

void hr_query_read(hr_subject *subject) {
    hr_scratch *scratch = subject->scratch;
    if (scratch->query_round == scratch->round)
        return;
    scratch->query_round = scratch->round;
    scratch->n_touched_params = 0;
    query_item item;
    for (hr_str rest = query_of_subject(subject->full_path, subject->path.len); rest.p != NULL;) {
        rest = next_param(&item, rest);
        uint32_t number = param_number(&subject->view->params, item.name);
        if (number != UINT32_MAX)
            note_param(scratch, number, item.value);
    }
}

hr_str hr_param_value(hr_subject *subject, uint32_t number) {
    if (subject->full_path.len == subject->path.len)
        return (hr_str){0};
    hr_query_read(subject);
    const hr_param *param = &subject->scratch->params[number];
    return param->round == subject->scratch->round ? param->value : (hr_str){0};
}
