/* Differences for people: as text, and as Markdown for a pull request. */
#define _GNU_SOURCE
#include "diff_text.h"

#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "curl.h"
#include "diff_words.h"
#include "escape.h"

static void print_safely(FILE *to, hr_str s) {
    char *text = words_escape(s.p, s.len);
    fputs(text, to);
    free(text);
}

static void print_rule_place(words_report *r, const hr_diff_rule *rule) {
    if (rule->file.p == NULL)
        return;
    fputs("  ", r->out);
    print_safely(r->out, rule->file);
    fprintf(r->out, ":%d", rule->line);
}

static void print_draws(words_report *r, const hr_draws *d) {
    const struct {
        const char *name;
        double value;
    } draws[] = {
        {"weight", d->weight}, {"delay", d->delay}, {"abort", d->abort}, {"mirror", d->mirror}};
    for (size_t i = 0; i < 4; i++)
        if (draws[i].value > 0 && draws[i].value < 0.9999)
            fprintf(r->out, "  (%s drawn as %.4g)", draws[i].name, draws[i].value);
}

void cli_region_text(words_report *r, const hr_diff_region *region, const char *head,
                     const char *const sides[2]) {
    hr_diff_view view = HR_DIFF_VIEW_INIT;
    hr_diff_view_get(&view, r->diff, region->view);
    char *where = words_of_region(region), *curl = words_of_request(region->witness);
    char *before = words_of_outcome(r, view.before, &region->before, region->witness);
    char *after = words_of_outcome(r, view.after, &region->after, region->witness);
    char *changes = words_of_change(r, region);
    size_t width = strlen(sides[0]) > strlen(sides[1]) ? strlen(sides[0]) : strlen(sides[1]);
    fprintf(r->out, "  %s  %s\n", head, where);
    fprintf(r->out, "     %-*s  %s", (int)width, sides[0], before);
    print_rule_place(r, &region->before);
    fprintf(r->out, "\n     %-*s  %s%s", (int)width, sides[1], after, changes);
    print_rule_place(r, &region->after);
    fprintf(r->out, "\n     %-*s  %s", (int)width, "e.g.", curl);
    print_draws(r, &region->witness->draws);
    fputc('\n', r->out);
    const char *assumed = words_of_assumption(&view, region);
    if (assumed[0] != '\0')
        fprintf(r->out, "     note: %s\n", assumed);
    free(where);
    free(curl);
    free(before);
    free(after);
    free(changes);
}

static void print_region(words_report *r, const hr_diff_region *region, size_t number) {
    static const char *const sides[2] = {"before", "after"};
    char head[24];
    snprintf(head, sizeof(head), "%zu", number);
    cli_region_text(r, region, head, sides);
}

static void print_summary(words_report *r, const hr_diff_view *view) {
    if (view->changed > 0)
        fprintf(r->out, "%zu of %zu regions of requests change", view->changed, view->regions);
    else if (view->undecided == 0)
        fputs("no request changes", r->out);
    if (view->undecided > 0)
        fprintf(r->out, "%s%zu %s not decided", view->changed > 0 ? ", " : "", view->undecided,
                view->undecided == 1 ? "region was" : "regions were");
}

static void print_undecided(words_report *r, const hr_diff_undecided *u) {
    fputs("  ?  not decided: ", r->out);
    print_safely(r->out, u->reason);
    fputc('\n', r->out);
    const hr_diff_rule *rules[] = {&u->before, &u->after};
    for (size_t side = 0; side < 2; side++) {
        if (rules[side]->file.p == NULL)
            continue;
        fputs(side == 0 ? "     before" : "     after ", r->out);
        print_rule_place(r, rules[side]);
        fputc('\n', r->out);
    }
}

/* Of many places that were not decided the first ones are printed: behind a limit of the search
 * there may be millions. */
#define MOST_UNDECIDED 20

static void print_left_out(words_report *r, const hr_diff_view *view, const char *head) {
    if (view->undecided > MOST_UNDECIDED)
        fprintf(r->out, "%s%zu more regions were not decided: --json lists them\n", head,
                view->undecided - MOST_UNDECIDED);
}

/* The summary of a view and its regions, numbered from 1. */
static void print_body(words_report *r, const hr_diff_view *view, size_t index) {
    hr_diff_region region = HR_DIFF_REGION_INIT;
    hr_diff_undecided u = HR_DIFF_UNDECIDED_INIT;
    size_t number = 0;
    print_summary(r, view);
    fputc('\n', r->out);
    for (size_t i = 0; view->changed > 0 && hr_diff_region_get(&region, r->diff, i) == HR_OK; i++)
        if (region.view == index)
            print_region(r, &region, ++number);
    size_t left = view->undecided > MOST_UNDECIDED ? MOST_UNDECIDED : view->undecided;
    for (size_t i = 0; left > 0 && hr_diff_undecided_get(&u, r->diff, i) == HR_OK; i++)
        if (u.view == index) {
            print_undecided(r, &u);
            left--;
        }
    print_left_out(r, view, "  ?  ");
}

static char *body_text(words_report *r, size_t index) {
    FILE *out = r->out;
    char *text = NULL;
    size_t size;
    hr_diff_view view = HR_DIFF_VIEW_INIT;
    hr_diff_view_get(&view, r->diff, index);
    r->out = open_memstream(&text, &size);
    if (r->out != NULL) {
        print_body(r, &view, index);
        fclose(r->out);
    }
    r->out = out;
    return text != NULL ? text : cli_strdup("", 0);
}

static void print_heading(words_report *r, size_t index, const char *end) {
    hr_diff_view view = HR_DIFF_VIEW_INIT;
    hr_diff_view_get(&view, r->diff, index);
    char *words = words_of_view(&view);
    fprintf(r->out, "%s%s", words, end);
    free(words);
}

/* Views with the same regions are printed together: their names, then the regions once. */
void cli_report_text(words_report *r) {
    size_t n = hr_diff_view_count(r->diff);
    char **bodies = cli_realloc(NULL, n * sizeof(*bodies));
    for (size_t i = 0; i < n; i++)
        bodies[i] = body_text(r, i);
    for (size_t i = 0; i < n; i++) {
        if (bodies[i] == NULL)
            continue;
        const char *behind = strchr(bodies[i], '\n'); /* the summary */
        bool alone = behind == NULL || behind[1] == '\0';
        size_t last = i;
        for (size_t k = i + 1; k < n && !alone; k++) {
            if (bodies[k] == NULL || strcmp(bodies[i], bodies[k]) != 0)
                continue;
            print_heading(r, last, "\n");
            free(bodies[k]);
            bodies[k] = NULL;
            last = k;
        }
        print_heading(r, last, ": ");
        fputs(bodies[i], r->out);
        free(bodies[i]);
    }
    free(bodies);
}

/* ---- Markdown ---- */

/* In a cell of a table, as code: between more backticks than the text has in a row (CommonMark,
 * section 6.1). */
static void put_cell(words_report *r, const char *text) {
    size_t most = 0, row = 0;
    for (const char *p = text; *p != '\0'; p++) {
        row = *p == '`' ? row + 1 : 0;
        most = row > most ? row : most;
    }
    fputc(' ', r->out);
    for (size_t i = 0; i <= most; i++)
        fputc('`', r->out);
    fputs(most > 0 ? " " : "", r->out);
    for (; *text != '\0'; text++)
        fputs(*text == '|' ? "\\|" : (char[]){*text, '\0'}, r->out);
    fputs(most > 0 ? " " : "", r->out);
    for (size_t i = 0; i <= most; i++)
        fputc('`', r->out);
    fputs(" |", r->out);
}

static void markdown_region(words_report *r, const hr_diff_view *view, const hr_diff_region *region,
                            size_t number) {
    char *cells[] = {
        words_of_region(region),
        words_of_outcome(r, view->before, &region->before, region->witness),
        words_of_outcome(r, view->after, &region->after, region->witness),
        words_of_changed(region->changed),
        words_of_request(region->witness),
    };
    fprintf(r->out, "| %zu |", number);
    for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
        put_cell(r, cells[i]);
        free(cells[i]);
    }
    fputc('\n', r->out);
}

static void markdown_view(words_report *r, size_t index) {
    hr_diff_view view = HR_DIFF_VIEW_INIT;
    hr_diff_region region = HR_DIFF_REGION_INIT;
    hr_diff_undecided u = HR_DIFF_UNDECIDED_INIT;
    const char *note = NULL;
    hr_diff_view_get(&view, r->diff, index);
    char *words = words_of_view(&view);
    fprintf(r->out, "\n### %s\n\n", words);
    free(words);
    print_summary(r, &view);
    fputs(".\n", r->out);
    if (view.changed > 0)
        fputs("\n| | requests | before | after | changed | example |\n|---|---|---|---|---|---|\n",
              r->out);
    for (size_t i = 0; view.changed > 0 && hr_diff_region_get(&region, r->diff, i) == HR_OK; i++)
        if (region.view == index) {
            const char *assumed = words_of_assumption(&view, &region);
            note = assumed[0] != '\0' ? assumed : note;
            markdown_region(r, &view, &region, i + 1);
        }
    if (note != NULL)
        fprintf(r->out, "\nNote: %s.\n", note);
    fputs(view.undecided > 0 ? "\n" : "", r->out);
    size_t left = view.undecided > MOST_UNDECIDED ? MOST_UNDECIDED : view.undecided;
    for (size_t i = 0; left > 0 && hr_diff_undecided_get(&u, r->diff, i) == HR_OK; i++)
        if (u.view == index) {
            left--;
            fputs("- not decided: ", r->out);
            print_safely(r->out, u.reason);
            fputc('\n', r->out);
        }
    print_left_out(r, &view, "- ");
}

void cli_report_markdown(words_report *r) {
    size_t n = hr_diff_region_count(r->diff), unchanged = 0;
    hr_diff_view view = HR_DIFF_VIEW_INIT;
    fprintf(r->out, "## Routing: %zu %s of requests %s\n", n, n == 1 ? "region" : "regions",
            n == 1 ? "changes" : "change");
    for (size_t i = 0; hr_diff_view_get(&view, r->diff, i) == HR_OK; i++) {
        if (view.changed + view.undecided > 0)
            markdown_view(r, i);
        else
            unchanged++;
    }
    if (unchanged > 0)
        fprintf(r->out, "\nNo request changes in %zu %s:\n\n", unchanged,
                unchanged == 1 ? "view" : "other views");
    for (size_t i = 0; hr_diff_view_get(&view, r->diff, i) == HR_OK; i++) {
        if (view.changed + view.undecided > 0)
            continue;
        char *words = words_of_view(&view);
        fprintf(r->out, "- %s\n", words);
        free(words);
    }
}
