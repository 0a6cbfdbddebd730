/* Compares a candidate with what is loaded, in a process of its own. */
#include "candidate.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "curl.h"
#include "diff_words.h"
#include "escape.h"
#include "json_out.h"
#include "overlay.h"
#include "refuse.h"

#define REFUSED "the gateway would refuse these rules"
#define MOST_REGIONS 200
#define MOST_FINDINGS 100
#define MOST_BYTES ((size_t)512 << 10) /* of the answer, before the last region */

/* ---- limits ---- */

static bool set_limit(int resource, rlim_t soft, rlim_t hard) {
    return setrlimit(resource, &(struct rlimit){soft, hard}) == 0;
}

/* AddressSanitizer and ThreadSanitizer map terabytes that they do not use. */
static bool limit_memory(rlim_t bytes) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    (void)bytes;
    return true;
#else
    return set_limit(RLIMIT_DATA, bytes, bytes) && set_limit(RLIMIT_STACK, 1 << 20, 1 << 20);
#endif
}

/* What the kernel is to end first where the memory of the gateway's group runs out. */
static void offer_to_killer(void) {
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    if (write(fd, "1000", 4) != 4)
        fputs("headerroute-gateway: oom_score_adj cannot be set\n", stderr);
    close(fd);
}

static bool limit_process(char **argv) {
    rlim_t seconds = (rlim_t)strtoull(argv[2], NULL, 10);
    pid_t parent = (pid_t)strtoll(argv[3], NULL, 10);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        return false;
    offer_to_killer();
    setpriority(PRIO_PROCESS, 0, 10); /* requests come first; not allowed everywhere */
    return set_limit(RLIMIT_CORE, 0, 0) && set_limit(RLIMIT_CPU, seconds, seconds + 1) &&
           limit_memory((rlim_t)strtoull(argv[1], NULL, 10));
}

/* ---- findings ---- */

static void put_text(sv_text *json, const char *name, hr_str value) {
    char *safe = words_escape(value.p, value.len);
    sv_json_member_str(json, name, safe);
    free(safe);
}

static bool is_pasted(hr_str file) {
    return file.len == strlen(GW_CANDIDATE) && memcmp(file.p, GW_CANDIDATE, file.len) == 0;
}

static void put_finding(sv_text *json, size_t before, const hr_diagnostic *d) {
    sv_text_str(json, before > 0 ? ",{" : "{");
    sv_json_member_str(json, "severity", hr_severity_name(d->severity));
    put_text(json, "file", d->file);
    sv_json_member_int(json, "line", d->line);
    sv_json_member_int(json, "column", d->column);
    put_text(json, "field", d->field);
    put_text(json, "message", d->message);
    sv_text_str(json, "}");
}

/* All errors, and the warnings about the candidate. */
static void put_findings(sv_text *json, const hr_diagnostics *found) {
    size_t written = 0;
    sv_json_name(json, "findings");
    sv_text_str(json, "[");
    for (size_t i = 0; i < hr_diagnostics_count(found) && written < MOST_FINDINGS; i++) {
        const hr_diagnostic *d = hr_diagnostics_get(found, i);
        if (d->severity == HR_SEVERITY_ERROR || is_pasted(d->file))
            put_finding(json, written++, d);
    }
    sv_text_str(json, "]");
}

static int refuse_candidate(sv_text *json, const char *why, const hr_diagnostics *found) {
    sv_text_str(json, "{");
    sv_json_member_str(json, "error", why);
    put_findings(json, found);
    sv_text_str(json, "}");
    return GW_CANDIDATE_REFUSED;
}

/* ---- what the gateway does not do ---- */

typedef struct refused_findings {
    sv_text *json;
    size_t n;
} refused_findings;

static void put_refusal(void *ctx, const gw_refusal *refusal) {
    refused_findings *f = ctx;
    hr_diagnostic d = {.severity = HR_SEVERITY_ERROR,
                       .file = refusal->file,
                       .line = refusal->line,
                       .message = hr_str_from(refusal->message)};
    if (f->n < MOST_FINDINGS)
        put_finding(f->json, f->n, &d);
    f->n++;
}

static int put_unserved(refused_findings *f, const hr_view *view) {
    hr_diagnostics *found = NULL;
    int error = hr_view_unserved(&found, view);
    for (size_t i = 0; i < hr_diagnostics_count(found) && f->n < MOST_FINDINGS; i++)
        if (hr_diagnostics_get(found, i)->severity == HR_SEVERITY_ERROR)
            put_finding(f->json, f->n++, hr_diagnostics_get(found, i));
    hr_diagnostics_free(found);
    return error == HR_ECONFIG ? HR_OK : error;
}

/* As config.c asks of what it loads. The answer begins as one that refuses, and is dropped if
 * nothing is refused. */
static int check_served(sv_text *json, hr_table *table, const hr_view_options *options,
                        const char *const *argv) {
    hr_view *view = NULL;
    refused_findings f = {.json = json};
    gw_refuser refuser = {.maps = strcmp(argv[4], "1") == 0,
                          .certificate = strcmp(argv[5], "1") == 0,
                          .refuse = put_refusal,
                          .ctx = &f};
    int error = hr_view_new(&view, table, options);
    if (error == HR_ENOENT) /* the comparison says so */
        return GW_CANDIDATE_COMPARED;
    sv_text_str(json, "{");
    sv_json_member_str(json, "error", REFUSED);
    sv_json_name(json, "findings");
    sv_text_str(json, "[");
    if (error == HR_OK)
        error = put_unserved(&f, view);
    if (error == HR_OK)
        gw_refuse_listeners(&refuser, view);
    for (size_t i = 0; error == HR_OK && i < hr_view_cluster_count(view); i++)
        gw_refuse_cluster(&refuser, hr_view_cluster(view, i));
    sv_text_str(json, "]}");
    hr_view_unref(view);
    if (error != HR_OK)
        return error == HR_ENOMEM ? GW_CANDIDATE_NO_MEMORY : GW_CANDIDATE_FAILED;
    if (f.n > 0)
        return GW_CANDIDATE_REFUSED;
    sv_text_free(json);
    return GW_CANDIDATE_COMPARED;
}

/* ---- regions ---- */

static void put_owned(sv_text *json, const char *name, char *text) {
    sv_json_member_str(json, name, text);
    free(text);
}

static void put_place(sv_text *json, const char *name, const hr_diff_rule *rule) {
    char line[16];
    if (rule->file.p == NULL) {
        sv_json_member(json, name, NULL, 0);
        return;
    }
    char *file = words_escape(rule->file.p, rule->file.len);
    sv_text place = {0};
    snprintf(line, sizeof(line), ":%d", rule->line);
    sv_text_str(&place, file);
    sv_text_str(&place, line);
    sv_json_member(json, name, place.p, place.len);
    sv_text_free(&place);
    free(file);
}

/* "weight drawn as 0.25": only with this draw the difference shows. */
static void put_draws(sv_text *json, const hr_draws *d) {
    const struct {
        const char *name;
        double value;
    } draws[] = {
        {"weight", d->weight}, {"delay", d->delay}, {"abort", d->abort}, {"mirror", d->mirror}};
    sv_text words = {0};
    sv_text_str(&words, "");
    for (size_t i = 0; i < sizeof(draws) / sizeof(draws[0]); i++)
        if (draws[i].value > 0 && draws[i].value < 0.9999)
            sv_text_printf(&words, "%s%s drawn as %.4g", words.len > 0 ? ", " : "", draws[i].name,
                           draws[i].value);
    sv_json_member(json, "draws", words.p != NULL ? words.p : "", words.len);
    sv_text_free(&words);
}

static void put_region(sv_text *json, words_report *r, const hr_diff_view *view,
                       const hr_diff_region *region) {
    sv_text_str(json, "{");
    put_owned(json, "where", words_of_region(region));
    put_owned(json, "before", words_of_outcome(r, view->before, &region->before, region->witness));
    put_place(json, "before_place", &region->before);
    put_owned(json, "after", words_of_outcome(r, view->after, &region->after, region->witness));
    put_place(json, "after_place", &region->after);
    put_owned(json, "changed", words_of_changed(region->changed));
    put_owned(json, "details", words_of_change(r, region));
    put_owned(json, "curl", words_of_request(region->witness));
    put_draws(json, &region->witness->draws);
    sv_text_str(json, "}");
}

static void put_regions(sv_text *json, words_report *r, const hr_diff_view *view) {
    hr_diff_region region = HR_DIFF_REGION_INIT;
    size_t n = hr_diff_region_count(r->diff), i = 0;
    sv_json_name(json, "regions");
    sv_text_str(json, "[");
    for (; i < n && i < MOST_REGIONS && json->len < MOST_BYTES; i++) {
        hr_diff_region_get(&region, r->diff, i);
        sv_text_str(json, i > 0 ? "," : "");
        put_region(json, r, view, &region);
    }
    sv_text_str(json, "]");
    sv_json_member_int(json, "left_out", (int64_t)(n - i));
}

static void put_undecided(sv_text *json, const hr_diff *diff) {
    hr_diff_undecided u = HR_DIFF_UNDECIDED_INIT;
    size_t n = hr_diff_undecided_count(diff), i = 0;
    sv_json_name(json, "undecided");
    sv_text_str(json, "[");
    for (; i < n && i < MOST_REGIONS && json->len < MOST_BYTES; i++) {
        hr_diff_undecided_get(&u, diff, i);
        sv_text_str(json, i > 0 ? ",{" : "{");
        put_text(json, "reason", u.reason);
        put_place(json, "before_place", &u.before);
        put_place(json, "after_place", &u.after);
        sv_text_str(json, "}");
    }
    sv_text_str(json, "]");
    sv_json_member_int(json, "undecided_left_out", (int64_t)(n - i));
}

static void put_names(sv_text *json, const char *name, const gw_overlay *overlay, bool replaced) {
    size_t written = 0;
    sv_json_name(json, name);
    sv_text_str(json, "[");
    for (size_t i = 0; i < overlay->n && written < MOST_REGIONS; i++) {
        if (overlay->v[i].replaced != replaced)
            continue;
        sv_text_str(json, written++ > 0 ? "," : "");
        char *safe = words_escape(overlay->v[i].words, strlen(overlay->v[i].words));
        sv_json_string(json, safe, strlen(safe));
        free(safe);
    }
    sv_text_str(json, "]");
}

/* ---- comparing ---- */

static int put_report(sv_text *json, const hr_diff *diff, const gw_overlay *overlay,
                      const hr_diagnostics *found) {
    words_report r = {.diff = diff, .out = stdout};
    hr_diff_view view = HR_DIFF_VIEW_INIT;
    if (hr_scratch_new(&r.scratch) != HR_OK || hr_diff_view_get(&view, diff, 0) != HR_OK)
        return GW_CANDIDATE_NO_MEMORY;
    sv_text_str(json, "{");
    put_owned(json, "view", words_of_view(&view));
    sv_json_name(json, "complete");
    sv_text_str(json, hr_diff_complete(diff) ? "true" : "false");
    sv_json_member_int(json, "regions_compared", (int64_t)view.regions);
    put_names(json, "replaced", overlay, true);
    put_names(json, "added", overlay, false);
    put_regions(json, &r, &view);
    put_undecided(json, diff);
    put_findings(json, found);
    sv_text_str(json, "}");
    hr_scratch_free(r.scratch);
    free(r.memory);
    return GW_CANDIDATE_COMPARED;
}

static int compare_with(sv_text *json, hr_table *before, hr_table *after, const gw_overlay *overlay,
                        const hr_diagnostics *found, const hr_view_options *view) {
    hr_diff_options options = HR_DIFF_OPTIONS_INIT;
    options.view = view;
    hr_diff *diff = NULL;
    int error = hr_diff_new(&diff, before, after, &options);
    int code = error == HR_ENOMEM ? GW_CANDIDATE_NO_MEMORY
               : error != HR_OK   ? GW_CANDIDATE_FAILED
                                  : put_report(json, diff, overlay, found);
    hr_diff_free(diff);
    return code;
}

/* As the gateway loads: config.c. */
static int load_as_gateway(hr_table **out, hr_diagnostics **found, const hr_source *v, size_t n,
                           gw_overlay *overlay) {
    hr_load_options load = HR_LOAD_OPTIONS_INIT;
    load.no_resources = HR_SEVERITY_ERROR;
    load.serves = 1;
    if (overlay != NULL)
        gw_overlay_apply(overlay, &load);
    return hr_table_load(out, found, v, n, &load);
}

static int load_both(sv_text *json, const gw_mapped *loaded, gw_overlay *overlay,
                     const hr_view_options *view, const char *const *argv) {
    hr_table *before = NULL, *after = NULL;
    hr_diagnostics *found = NULL;
    int code = GW_CANDIDATE_FAILED;
    int error = load_as_gateway(&before, NULL, loaded->v, loaded->n, NULL);
    if (error == HR_OK)
        error = load_as_gateway(&after, &found, overlay->sources, overlay->n_sources, overlay);
    if (overlay->failed)
        error = HR_ENOMEM;
    if (error == HR_OK)
        code = check_served(json, after, view, argv);
    if (error == HR_OK && code == GW_CANDIDATE_COMPARED)
        code = compare_with(json, before, after, overlay, found, view);
    if (error == HR_ENOMEM)
        code = GW_CANDIDATE_NO_MEMORY;
    else if (error != HR_OK && hr_diagnostics_errors(found) > 0)
        code = refuse_candidate(json, REFUSED, found);
    hr_diagnostics_free(found);
    hr_table_unref(before);
    hr_table_unref(after);
    return code;
}

/* All but the last text are options of the view. */
static bool read_view(hr_view_options *out, const gw_mapped *question) {
    *out = (hr_view_options)HR_VIEW_OPTIONS_INIT;
    for (size_t i = 0; i + 1 < question->n; i++)
        if (hr_view_options_set(out, hr_str_from(question->v[i].name), question->v[i].text, NULL) !=
            HR_OK)
            return false;
    return question->n > 0;
}

static int answer_candidate(sv_text *json, const gw_mapped *loaded, const gw_mapped *question,
                            const char *const *argv) {
    hr_view_options view;
    gw_overlay overlay;
    hr_diagnostics *found = NULL;
    if (!read_view(&view, question))
        return GW_CANDIDATE_FAILED;
    int error = gw_overlay_make(&overlay, &found, loaded, &question->v[question->n - 1]);
    int code = error == HR_ENOMEM ? GW_CANDIDATE_NO_MEMORY
               : error != HR_OK
                   ? refuse_candidate(
                         json, overlay.why != NULL ? overlay.why : "the YAML has errors", found)
                   : load_both(json, loaded, &overlay, &view, argv);
    gw_overlay_free(&overlay);
    hr_diagnostics_free(found);
    return code;
}

int gw_candidate_main(int argc, char **argv) {
    gw_mapped loaded, question;
    sv_text json = {0};
    prctl(PR_SET_NAME, GW_CANDIDATE_COMM);
    if (argc != 6 || !limit_process(argv) || !gw_texts_map(&loaded, 3) ||
        !gw_texts_map(&question, 4))
        return GW_CANDIDATE_FAILED;
    int code = answer_candidate(&json, &loaded, &question, (const char *const *)argv);
    if (json.failed)
        code = GW_CANDIDATE_NO_MEMORY;
    bool answers = code == GW_CANDIDATE_COMPARED || code == GW_CANDIDATE_REFUSED;
    if (answers && (fwrite(json.p, 1, json.len, stdout) != json.len || fflush(stdout) != 0))
        code = GW_CANDIDATE_FAILED;
    sv_text_free(&json);
    gw_texts_unmap(&loaded);
    gw_texts_unmap(&question);
    return code;
}
