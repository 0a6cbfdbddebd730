/* Differences as SARIF: a result at the rule of the new side, or of the old one if it is gone. */
#define _GNU_SOURCE
#include "diff_sarif.h"

#include <stdlib.h>
#include <string.h>

#include "curl.h"
#include "diff_words.h"
#include "sarif.h"

static void set_place(cli_finding *out, const hr_diff_rule *before, const hr_diff_rule *after) {
    const hr_diff_rule *rule = after->file.p != NULL ? after : before;
    out->file = rule->file;
    out->line = rule->line;
}

static void add_region(cli_sarif *sarif, words_report *r, const hr_diff_region *region) {
    static const cli_sarif_rule rule = {"routing-change",
                                        "A region of requests is decided differently.",
                                        "headerroute diff prints the region with an example; "
                                        "nothing is to be done if the change is "
                                        "meant."};
    hr_diff_view view = HR_DIFF_VIEW_INIT;
    hr_diff_view_get(&view, r->diff, region->view);
    char *parts[] = {
        words_of_view(&view),
        words_of_region(region),
        words_of_outcome(r, view.before, &region->before, region->witness),
        words_of_outcome(r, view.after, &region->after, region->witness),
        words_of_change(r, region),
        words_of_request(region->witness),
    };
    char *text;
    if (asprintf(&text, "%s: %s: before %s, after %s%s; for example %s", parts[0], parts[1],
                 parts[2], parts[3], parts[4], parts[5]) < 0)
        abort();
    cli_finding finding = {.level = CLI_LEVEL_WARNING, .message = hr_str_from(text)};
    set_place(&finding, &region->before, &region->after);
    cli_sarif_add(sarif, &finding, &rule);
    free(text);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        free(parts[i]);
}

static void add_undecided(cli_sarif *sarif, const hr_diff_undecided *u) {
    static const cli_sarif_rule rule = {"routing-undecided",
                                        "Whether requests are decided differently was not decided.",
                                        "Compare the two rules by hand."};
    char *text;
    if (asprintf(&text, "Not decided: %.*s", (int)u->reason.len, u->reason.p) < 0)
        abort();
    cli_finding finding = {.level = CLI_LEVEL_NOTE, .message = hr_str_from(text)};
    set_place(&finding, &u->before, &u->after);
    cli_sarif_add(sarif, &finding, &rule);
    free(text);
}

void cli_report_sarif(words_report *r) {
    hr_diff_region region = HR_DIFF_REGION_INIT;
    hr_diff_undecided u = HR_DIFF_UNDECIDED_INIT;
    cli_sarif sarif;
    cli_sarif_init(&sarif);
    for (size_t i = 0; hr_diff_region_get(&region, r->diff, i) == HR_OK; i++)
        add_region(&sarif, r, &region);
    for (size_t i = 0; hr_diff_undecided_get(&u, r->diff, i) == HR_OK; i++)
        add_undecided(&sarif, &u);
    cli_sarif_write(r->out, &sarif);
}
