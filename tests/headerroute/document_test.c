/* Sources and YAML documents as callers get them: texts, places, JSON. */
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include <headerroute/headerroute.h>

static const char yaml[] = "# a comment\n"
                           "kind: One\n"
                           "spec:\n"
                           "  http:\n"
                           "  - name: first\n"
                           "    match:\n"
                           "    - uri: {exact: /a}\n"
                           "  - name: second\n"
                           "  empty:\n"
                           "---\n"
                           "---\n"
                           "[yes, 0x10, 1.5, .inf, ~, \"a\\tb\"]\n";

typedef struct seen {
    hr_scratch *scratch;
    size_t n;
    char json[2][256];
    hr_place at[3];
    int found[3], missing[5];
} seen;

static int keep(void *ctx, const hr_document *document) {
    static const char *const paths[] = {"spec.http[0]", "spec.http[1].name", ""};
    static const char *const absent[] = {"spec.tcp", "spec.http[2]", "spec.http[x]", "spec[0]",
                                         "spec..http"};
    seen *s = ctx;
    hr_str json;
    cr_assert_lt(s->n, 2);
    cr_assert_eq(hr_document_json(&json, document, (hr_str){0}, s->scratch), HR_OK);
    snprintf(s->json[s->n], sizeof(s->json[0]), "%s", json.p);
    for (size_t i = 0; s->n == 0 && i < 3; i++) {
        s->at[i] = (hr_place)HR_PLACE_INIT;
        s->found[i] = hr_document_place(&s->at[i], document, hr_str_from(paths[i]));
    }
    for (size_t i = 0; s->n == 0 && i < 5; i++) {
        hr_place place = HR_PLACE_INIT;
        s->missing[i] = hr_document_place(&place, document, hr_str_from(absent[i]));
    }
    s->n++;
    return HR_OK;
}

static seen read_all(const char *text, hr_diagnostics **d, int expected) {
    seen s = {0};
    hr_source source = {.name = "a.yaml", .text = hr_str_from(text)};
    cr_assert_eq(hr_scratch_new(&s.scratch), HR_OK);
    cr_assert_eq(hr_documents_read(d, &source, 1, NULL, keep, &s), expected);
    hr_scratch_free(s.scratch);
    return s;
}

Test(document, documents_become_json_and_empty_ones_are_passed_over) {
    seen s = read_all(yaml, NULL, HR_OK);
    cr_assert_eq(s.n, 2);
    cr_expect_str_eq(s.json[0],
                     "{\"kind\":\"One\",\"spec\":{\"http\":[{\"name\":\"first\",\"match\":"
                     "[{\"uri\":{\"exact\":\"/a\"}}]},{\"name\":\"second\"}],\"empty\":null}}");
    cr_expect_str_eq(s.json[1], "[true,16,1.5,null,null,\"a\\u0009b\"]");
}

Test(document, a_path_has_a_place) {
    seen s = read_all(yaml, NULL, HR_OK);
    cr_expect(s.found[0] == HR_OK && s.found[1] == HR_OK && s.found[2] == HR_OK);
    cr_expect(s.at[0].line == 5 && s.at[0].column == 5 && s.at[0].last_line == 7);
    cr_expect(s.at[1].line == 8 && s.at[1].column == 5 && s.at[1].last_line == 8);
    cr_expect(s.at[2].line == 2 && s.at[2].column == 1 && s.at[2].last_line == 9);
    for (size_t i = 0; i < 5; i++)
        cr_expect_eq(s.missing[i], HR_ENOENT, "path %zu", i);
}

Test(document, a_mistake_of_syntax_is_reported_after_the_documents_before_it) {
    hr_diagnostics *d = NULL;
    seen s = read_all("a: 1\n---\nb: [\n", &d, HR_ECONFIG);
    cr_expect_eq(s.n, 1);
    cr_assert_eq(hr_diagnostics_errors(d), 1);
    cr_expect_geq(hr_diagnostics_get(d, 0)->line, 3);
    hr_diagnostics_free(d);
}

static int count(void *ctx, hr_str name, hr_str text) {
    size_t *n = ctx;
    cr_expect(name.len > 0 && text.p != NULL);
    ++*n;
    return *n == 2 ? HR_ENOSPC : HR_OK;
}

Test(document, sources_are_read_until_the_callback_fails) {
    hr_source sources[3] = {{.name = "a", .text = HR_STR("x")},
                            {.name = "b", .text = HR_STR("{")},
                            {.name = "c", .text = HR_STR("z")}};
    size_t n = 0;
    cr_expect_eq(hr_sources_read(NULL, sources, 1, NULL, count, &n), HR_OK);
    cr_expect_eq(n, 1, "the text need not be YAML");
    cr_expect_eq(hr_sources_read(NULL, sources, 3, NULL, count, &n), HR_ENOSPC);
    cr_expect_eq(n, 2, "an error of the callback ends the reading");
}

Test(document, an_unreadable_source_is_reported) {
    hr_source source = {.path = HR_SOURCE_DIR "/tests/headerroute/no-such-file.yaml"};
    hr_diagnostics *d = NULL;
    size_t n = 0;
    cr_expect_eq(hr_sources_read(&d, &source, 1, NULL, count, &n), HR_EIO);
    cr_expect_eq(hr_diagnostics_errors(d), 1);
    hr_diagnostics_free(d);
    cr_expect_eq(hr_sources_read(&d, &source, 1, NULL, NULL, &n), HR_EINVAL);
    cr_expect_null(d);
    cr_expect_eq(hr_documents_read(NULL, NULL, 1, NULL, keep, &n), HR_EINVAL);
}
