/* The public face of comparing: all views of two tables, one after the other. */
#include <headerroute/diff.h>

#include <stdlib.h>

#include "compare.h"
#include "comparison.h"
#include "scratch.h"
#include "views.h"

#define DEFAULT_WORK UINT64_C(200000000)
#define DEFAULT_STEPS 20000

/* A view that was compared. What it found lives in its arena. */
typedef struct compared_view {
    hr_diff_view info;
    hr_arena *arena; /* NULL: nothing was found, or one side has no such view */
    hr_view *views[2];
    hr_scratch *scratch;
    hr_comparison *comparison;
    size_t first_region;    /* of the diff */
    hr_diff_region absence; /* where one side has no such view */
} compared_view;

typedef struct region_place {
    size_t view, index; /* index SIZE_MAX: the view's `absence` */
} region_place;

struct hr_diff {
    hr_table *tables[2];
    hr_arena *arena;
    hr_diff_options options;
    HR_LIST(compared_view *) views;
    HR_LIST(region_place) regions;
    HR_LIST(hr_diff_undecided) undecided;
};

const char *hr_change_name(size_t bit) {
    static const char *const names[HR_CHANGE_COUNT] = {
        "destination", "weights",       "redirect",  "rewrite",        "direct_response",
        "timeout",     "retries",       "mirrors",   "fault",          "cors",
        "headers",     "load_balancer", "endpoints", "traffic_policy", "view",
    };
    return bit < HR_CHANGE_COUNT ? names[bit] : NULL;
}

/* ---- one view ---- */

static void release_view(compared_view *v) {
    hr_view_unref(v->views[0]);
    hr_view_unref(v->views[1]);
    hr_scratch_free(v->scratch);
    hr_arena_free(v->arena);
    v->views[0] = v->views[1] = NULL;
    v->scratch = NULL;
    v->arena = NULL;
    v->comparison = NULL;
    v->info.before = v->info.after = NULL;
}

static int run_comparison(compared_view *v, const hr_diff_options *options) {
    hr_arena *b = v->arena;
    hr_comparison *c = HR_NEW(b, hr_comparison);
    hr_comparison_init(c, b, v->views[0], v->views[1], v->scratch);
    c->max_steps = options->max_steps;
    c->reader.only = options->only;
    hr_universe_init(&c->u, b, v->views[0]->path_normalization, options->max_work);
    if (!hr_arena_failed(b))
        hr_compare_views(c);
    v->comparison = c;
    return hr_arena_failed(b) ? HR_ENOMEM : HR_OK;
}

static int compare_both(compared_view *v, const hr_diff_options *options) {
    v->arena = hr_arena_new();
    if (v->arena == NULL || hr_scratch_new(&v->scratch) != HR_OK)
        return HR_ENOMEM;
    int error = run_comparison(v, options);
    if (error != HR_OK)
        return error;
    v->info.regions = v->comparison->n_regions;
    v->info.changed = v->comparison->regions.n;
    v->info.undecided = v->comparison->undecided.n;
    return HR_OK;
}

/* A view that one side lacks: one region, of all requests. */
static void note_absence(hr_arena *b, compared_view *v) {
    hr_request *witness = HR_NEW(b, hr_request);
    *witness = (hr_request)HR_REQUEST_INIT;
    witness->method = HR_STR("GET");
    witness->scheme = HR_STR("http");
    witness->authority = HR_STR("example.com");
    witness->path = HR_STR("/");
    hr_diff_rule none = {.route_index = -1, .match_index = -1};
    v->absence = (hr_diff_region){
        .changed = HR_CHANGE_VIEW, .before = none, .after = none, .witness = witness};
    v->info.regions = v->info.changed = 1;
}

/* ---- all views ---- */

typedef struct diff_run {
    hr_diff *diff;
    int error;
    size_t compared;
} diff_run;

static void keep_findings(hr_arena *b, hr_diff *diff, compared_view *v, size_t number) {
    v->first_region = diff->regions.n;
    if (v->absence.changed != 0) {
        region_place place = {number, SIZE_MAX};
        HR_PUSH(b, &diff->regions, place);
        return;
    }
    for (size_t i = 0; i < v->comparison->regions.n; i++) {
        region_place place = {number, i};
        HR_PUSH(b, &diff->regions, place);
    }
    for (size_t i = 0; i < v->comparison->undecided.n; i++) {
        hr_diff_undecided u = v->comparison->undecided.v[i];
        u.view = number;
        HR_PUSH(b, &diff->undecided, u);
    }
    if (v->info.changed == 0 && v->info.undecided == 0)
        release_view(v);
}

static int open_views(compared_view *v, hr_table *const tables[2], const hr_view_options *options) {
    int error[2];
    for (size_t side = 0; side < 2; side++) {
        error[side] = hr_view_new(&v->views[side], tables[side], options);
        if (error[side] != HR_OK && error[side] != HR_ENOENT)
            return error[side];
    }
    return error[0] == HR_OK || error[1] == HR_OK ? HR_OK : HR_ENOENT;
}

/* With the labels that were stated: a view adds to them what every proxy has. */
static void describe_view(hr_arena *b, compared_view *v) {
    const hr_view *view = v->views[0] != NULL ? v->views[0] : v->views[1];
    hr_pair *labels = HR_ARRAY(b, hr_pair, view->n_stated_labels);
    for (size_t i = 0; labels != NULL && i < view->n_stated_labels; i++)
        labels[i] = (hr_pair){hr_arena_copy(b, view->labels[i].name),
                              hr_arena_copy(b, view->labels[i].value)};
    v->info = (hr_diff_view){
        .gateway = hr_arena_copy(b, view->gateway_id),
        .port = view->port,
        .namespace_ = hr_arena_copy(b, view->namespace_),
        .source_labels = view->gateway ? NULL : labels,
        .n_source_labels = view->gateway ? 0 : view->n_stated_labels,
        .before = v->views[0],
        .after = v->views[1],
    };
}

static void compare_view(hr_arena *b, diff_run *run, const hr_view_options *options) {
    hr_diff *diff = run->diff;
    compared_view *v = HR_NEW(b, compared_view);
    HR_PUSH(b, &diff->views, v); /* hr_diff_free looks after it from here on */
    if (hr_arena_failed(b))
        return;
    run->error = open_views(v, diff->tables, options);
    if (run->error == HR_ENOENT) {
        diff->views.n--;
        run->error = HR_OK;
        return;
    }
    if (run->error != HR_OK)
        return;
    run->compared++;
    describe_view(b, v);
    if (v->views[0] != NULL && v->views[1] != NULL)
        run->error = compare_both(v, &diff->options);
    else if ((diff->options.only & HR_CHANGE_VIEW) != 0)
        note_absence(b, v);
    if (run->error == HR_OK && (v->comparison != NULL || v->absence.changed != 0))
        keep_findings(b, diff, v, diff->views.n - 1);
}

static int run_diff(diff_run *run) {
    hr_diff *diff = run->diff;
    hr_arena *b = diff->arena;
    hr_view_list list = {0};
    hr_view_options base = HR_VIEW_OPTIONS_INIT;
    const hr_table *tables[2] = {diff->tables[0], diff->tables[1]};
    if (diff->options.view != NULL)
        HR_PUSH(b, &list.v, *diff->options.view);
    else
        hr_views_collect(b, &list, tables, diff->options.base != NULL ? diff->options.base : &base);
    for (size_t i = 0; i < list.v.n && run->error == HR_OK && !hr_arena_failed(b); i++)
        compare_view(b, run, &list.v.v[i]);
    hr_diff_rule none = {.route_index = -1, .match_index = -1};
    hr_diff_undecided u = {HR_DIFF_UNDECIDED_VERSION, 0,
                           HR_STR("more than 32 combinations of source labels"), none, none};
    if (list.labels_left_out)
        HR_PUSH(b, &diff->undecided, u);
    return hr_arena_failed(b) ? HR_ENOMEM : run->error;
}

/* ---- life ---- */

static int check_options(hr_diff_options *out, const hr_diff_options *options) {
    static const hr_diff_options defaults = HR_DIFF_OPTIONS_INIT;
    *out = options != NULL ? *options : defaults;
    if (out->version != HR_DIFF_OPTIONS_VERSION || out->only >= 1u << HR_CHANGE_COUNT)
        return HR_EINVAL;
    out->only = out->only == 0 ? HR_CHANGE_DEFAULT : out->only;
    out->max_work = out->max_work == 0 ? DEFAULT_WORK : out->max_work;
    out->max_steps = out->max_steps == 0 ? DEFAULT_STEPS : out->max_steps;
    return HR_OK;
}

int hr_diff_new(hr_diff **out, hr_table *before, hr_table *after, const hr_diff_options *options) {
    hr_diff_options checked;
    if (out != NULL)
        *out = NULL;
    if (out == NULL || before == NULL || after == NULL || check_options(&checked, options) != HR_OK)
        return HR_EINVAL;
    hr_diff *diff = calloc(1, sizeof(*diff));
    if (diff == NULL)
        return HR_ENOMEM;
    diff->tables[0] = hr_table_ref(before);
    diff->tables[1] = hr_table_ref(after);
    diff->options = checked;
    diff->arena = hr_arena_new();
    diff_run run = {.diff = diff};
    int error = diff->arena == NULL ? HR_ENOMEM : run_diff(&run);
    if (error == HR_OK && run.compared == 0)
        error = HR_ENOENT;
    diff->options.view = diff->options.base = NULL; /* the caller's */
    if (error != HR_OK) {
        hr_diff_free(diff);
        return error;
    }
    *out = diff;
    return HR_OK;
}

void hr_diff_free(hr_diff *diff) {
    if (diff == NULL)
        return;
    for (size_t i = 0; i < diff->views.n; i++)
        release_view(diff->views.v[i]);
    hr_arena_free(diff->arena);
    hr_table_unref(diff->tables[0]);
    hr_table_unref(diff->tables[1]);
    free(diff);
}

/* ---- answers ---- */

size_t hr_diff_view_count(const hr_diff *diff) {
    return diff == NULL ? 0 : diff->views.n;
}

int hr_diff_view_get(hr_diff_view *out, const hr_diff *diff, size_t index) {
    if (out == NULL || diff == NULL || out->version != HR_DIFF_VIEW_VERSION)
        return HR_EINVAL;
    *out = (hr_diff_view)HR_DIFF_VIEW_INIT;
    if (index >= diff->views.n)
        return HR_ENOENT;
    *out = diff->views.v[index]->info;
    out->version = HR_DIFF_VIEW_VERSION;
    return HR_OK;
}

const char *hr_where_op_name(hr_where_op op) {
    static const char *const names[] = {[HR_WHERE_EXACT] = "exact",
                                        [HR_WHERE_PREFIX] = "prefix",
                                        [HR_WHERE_SUFFIX] = "suffix",
                                        [HR_WHERE_REGEX] = "regex",
                                        [HR_WHERE_PRESENT] = "present"};
    return (int)op < 0 || (size_t)op >= sizeof(names) / sizeof(names[0]) ? NULL : names[op];
}

size_t hr_diff_region_count(const hr_diff *diff) {
    return diff == NULL ? 0 : diff->regions.n;
}

int hr_diff_region_get(hr_diff_region *out, const hr_diff *diff, size_t index) {
    if (out == NULL || diff == NULL || out->version != HR_DIFF_REGION_VERSION)
        return HR_EINVAL;
    *out = (hr_diff_region)HR_DIFF_REGION_INIT;
    if (index >= diff->regions.n)
        return HR_ENOENT;
    const region_place *place = &diff->regions.v[index];
    const compared_view *v = diff->views.v[place->view];
    *out = place->index == SIZE_MAX ? v->absence : v->comparison->regions.v[place->index].region;
    out->view = place->view;
    out->version = HR_DIFF_REGION_VERSION;
    return HR_OK;
}

size_t hr_diff_undecided_count(const hr_diff *diff) {
    return diff == NULL ? 0 : diff->undecided.n;
}

int hr_diff_undecided_get(hr_diff_undecided *out, const hr_diff *diff, size_t index) {
    if (out == NULL || diff == NULL || out->version != HR_DIFF_UNDECIDED_VERSION)
        return HR_EINVAL;
    *out = (hr_diff_undecided)HR_DIFF_UNDECIDED_INIT;
    if (index >= diff->undecided.n)
        return HR_ENOENT;
    *out = diff->undecided.v[index];
    out->version = HR_DIFF_UNDECIDED_VERSION;
    return HR_OK;
}

int hr_diff_complete(const hr_diff *diff) {
    return diff != NULL && diff->undecided.n == 0;
}

/* ---- locating ---- */

/* The rules that decide on both sides, and the path that was matched. */
static int ask(size_t index[2], hr_str *path, const compared_view *v, const hr_host_class *class,
               const hr_request *request, hr_scratch *scratch) {
    *path = (hr_str){0};
    for (size_t side = 0; side < 2; side++) {
        hr_decision d = HR_DECISION_INIT;
        int error = hr_route(&d, v->views[side], request, scratch);
        if (error != HR_OK)
            return error;
        index[side] = hr_rule_chosen(class->lists[side], &d);
        const hr_chosen *chosen = d.internal;
        if (chosen != NULL)
            *path = hr_str_of(chosen->path.p, chosen->path_len);
    }
    return HR_OK;
}

/* `request` is as rules see it. */
static int locate_compared(size_t *out, const compared_view *v, const hr_request *request,
                           hr_scratch *scratch, char *buf) {
    const hr_comparison *c = v->comparison;
    const hr_host_class *class = hr_host_class_of(&c->hosts, request->authority, buf);
    size_t index[2];
    hr_str path;
    int error = ask(index, &path, v, class, request, scratch);
    if (error != HR_OK)
        return error;
    hr_region_name name = hr_region_name_of(class->lists, index, class->cluster);
    uintptr_t number =
        (uintptr_t)hr_map_get(&c->by_pair, hr_str_of((const char *)&name, sizeof(name)));
    if (number == 0)
        return HR_ENOENT;
    const hr_found_region *found = &c->regions.v[number - 1];
    hr_values value = {&path, 1};
    if (found->pair.only_outside && hr_literal_holds(&c->u, found->pair.window, value))
        return HR_ENOENT;
    *out = v->first_region + number - 1;
    return HR_OK;
}

int hr_diff_locate(size_t *out, const hr_diff *diff, size_t view, const hr_request *request,
                   hr_scratch *scratch) {
    if (out == NULL || diff == NULL || request == NULL || scratch == NULL ||
        view >= diff->views.n || request->connect_to.p != NULL)
        return HR_EINVAL;
    *out = SIZE_MAX;
    const compared_view *v = diff->views.v[view];
    if (v->absence.changed != 0) {
        *out = v->first_region;
        return HR_OK;
    }
    if (v->comparison == NULL)
        return HR_ENOENT;
    hr_request edge;
    size_t size = 0;
    int error = hr_edge_request(&edge, v->views[0], request, NULL, &size);
    if (error != HR_ENOSPC)
        return error;
    char *memory = malloc(size + request->authority.len + 1); /* and a name in lower case behind */
    if (memory == NULL)
        return HR_ENOMEM;
    error = hr_edge_request(&edge, v->views[0], request, memory, &size);
    if (error == HR_OK)
        error = locate_compared(out, v, &edge, scratch, memory + size);
    free(memory);
    return error;
}
