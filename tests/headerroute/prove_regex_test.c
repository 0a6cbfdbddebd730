/* prove/'s regexes: the parser accepts what RE2 accepts, and the automaton matches what RE2
 * matches. */
#include <criterion/criterion.h>

#include <string.h>

#include "automaton.h"
#include "regex_pair.h"

static void agree(const char *pattern, const char *const *texts) {
    regex_tally tally = {0};
    hr_str list[32];
    size_t n = 0;
    for (; texts[n] != NULL; n++)
        list[n] = hr_str_from(texts[n]);
    cr_expect(regex_pair_agrees(hr_str_from(pattern), list, n, &tally), "%s", pattern);
    cr_expect_eq(tally.pairs, n, "%s is not covered", pattern);
}

Test(prove_regex, known_patterns_match_as_in_re2) {
    static const char *const texts[] = {"",
                                        "a",
                                        "ab",
                                        "abc",
                                        "a\nb",
                                        "K",
                                        "\xE2\x84\xAA",
                                        "k",
                                        "\xC5\xBF",
                                        "s",
                                        "é",
                                        "É",
                                        "a.b",
                                        "/api/v1/x",
                                        "x1",
                                        "\xE0\x80\x80",
                                        "\xF4\xBF\xBF\xBF",
                                        "\xFF",
                                        NULL};
    static const char *const patterns[] = {
        "",
        ".*",
        "a|b|",
        "(?i)k",
        "(?i)[k-s]",
        "(?i)[^k]",
        "(?i)\\w",
        "(?i)\\W",
        "[^a]",
        "(?s).*",
        "^a$",
        "a$b",
        "$^",
        "(^)*a",
        "\\C*",
        "[\\x{80}-\\x{10ffff}]",
        "[é-ü]",
        "\\Qa.b\\E",
        "/api/v[0-9]+/.*",
        "(a|ab)(c|bcd)?",
        "a{0}",
        "(a{2}){3}|x1",
        "[]a]",
        "[^]a]",
        "[a-]",
        "(?i:A)b",
        "a(?i)b|C",
        "x\\d",
        ".",
        "..",
        "a{99999999999}",
        "...",
    };
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++)
        agree(patterns[i], texts);
}

Test(prove_regex, what_is_not_covered_says_so) {
    static const char *const patterns[] = {"\\pL", "\\bx", "(?m)^a", "(?i)é", "[\\p{Greek}]"};
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        regex_tally tally = {0};
        hr_str text = HR_STR("x");
        cr_expect(regex_pair_agrees(hr_str_from(patterns[i]), &text, 1, &tally));
        cr_expect_eq(tally.uncovered, 1, "%s", patterns[i]);
    }
}

Test(prove_regex, random_pairs_agree_with_re2) {
    regex_tally tally = {0};
    cr_assert(regex_pairs_run(20261130, 200000, &tally));
    cr_expect_gt(tally.matches, 10000);
    cr_expect_lt(tally.uncovered, tally.patterns / 3);
}
