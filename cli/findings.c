/* Collects what a command finds in files. */
#include "findings.h"

#include <stdlib.h>
#include <string.h>

#include "cli.h"

static bool is_same(hr_str a, hr_str b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

static bool is_known(const cli_findings *findings, const cli_finding *f) {
    for (size_t i = 0; i < findings->n; i++) {
        const cli_finding *g = &findings->v[i];
        if (f->line == g->line && f->column == g->column && is_same(f->file, g->file) &&
            is_same(f->field, g->field) && is_same(f->message, g->message))
            return true;
    }
    return false;
}

static hr_str copy(hr_str s) {
    return (hr_str){cli_strdup(s.p, s.len), s.len};
}

void cli_findings_add(cli_findings *findings, const cli_finding *finding) {
    if (findings == NULL || is_known(findings, finding))
        return;
    if (findings->n == findings->capacity) {
        findings->capacity = findings->capacity == 0 ? 16 : findings->capacity * 2;
        findings->v = cli_realloc(findings->v, findings->capacity * sizeof(*findings->v));
    }
    cli_finding *own = &findings->v[findings->n++];
    *own = *finding;
    own->rule = copy(finding->rule);
    own->file = copy(finding->file);
    own->field = copy(finding->field);
    own->message = copy(finding->message);
}

static hr_str rule_of(const hr_diagnostic *d) {
    if (d->code.len > 0)
        return d->code;
    if (d->severity == HR_SEVERITY_ERROR)
        return CLI_RULE_INVALID;
    return d->left_out ? CLI_RULE_NOT_EVALUATED : CLI_RULE_QUESTIONABLE;
}

void cli_findings_add_diagnostic(cli_findings *findings, const hr_diagnostic *d) {
    bool is_error = d->severity == HR_SEVERITY_ERROR;
    cli_finding finding = {
        .level = is_error ? CLI_LEVEL_ERROR : CLI_LEVEL_WARNING,
        .rule = rule_of(d),
        .file = d->file,
        .line = d->line,
        .column = d->column,
        .field = d->field,
        .message = d->message,
    };
    cli_findings_add(findings, &finding);
}

void cli_findings_add_diagnostics(cli_findings *findings, const hr_diagnostics *d) {
    for (size_t i = 0; i < hr_diagnostics_count(d); i++)
        cli_findings_add_diagnostic(findings, hr_diagnostics_get(d, i));
}

size_t cli_findings_count(const cli_findings *findings, cli_level level) {
    size_t n = 0;
    for (size_t i = 0; i < findings->n; i++)
        n += findings->v[i].level == level;
    return n;
}

void cli_findings_free(cli_findings *findings) {
    for (size_t i = 0; i < findings->n; i++) {
        free((char *)findings->v[i].rule.p);
        free((char *)findings->v[i].file.p);
        free((char *)findings->v[i].field.p);
        free((char *)findings->v[i].message.p);
    }
    free(findings->v);
}
