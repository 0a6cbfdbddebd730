// The C header over RE2: what matches, what is refused, and that replacing agrees with RE2's own.
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <cstdio>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include <re2/re2.h>

#include "regex.h"
#include "regex_literals.h"
#include "regex_prefix.h"

namespace {

hr_str str(const std::string &s) {
    return {s.data(), s.size()};
}

bool matches(const char *pattern, const std::string &subject) {
    hr_regex *regex = nullptr;
    cr_assert(hr_regex_new(&regex, nullptr, hr_str_from(pattern), nullptr, 0) == HR_OK, "%s",
              pattern);
    bool result = hr_regex_match(regex, str(subject)) != 0;
    hr_regex_free(regex);
    return result;
}

std::string replaced(const hr_regex *regex, const std::string &subject,
                     const std::string &rewrite) {
    std::string out(hr_regex_replace_all(nullptr, 0, regex, str(subject), str(rewrite)), '\0');
    size_t size = hr_regex_replace_all(&out[0], out.size(), regex, str(subject), str(rewrite));
    cr_expect(size == out.size());
    return out;
}

} // namespace

Test(regex, matches_the_whole_subject) {
    cr_expect(matches("a|b", "a"));
    cr_expect(matches("a|b", "b"));
    cr_expect(matches("a|b", "ab") == false);
    cr_expect(matches("a", "ba") == false);
    cr_expect(matches("", ""));
    cr_expect(matches(".*", ""));
    cr_expect(matches(".*", "a\nb") == false);
    cr_expect(matches("(?i)abc", "aBC"));
    cr_expect(matches("^abc$", "abc"));
    cr_expect(matches("é.", "éà"));
    cr_expect(matches("a\\x00b", std::string("a\0b", 3)));
}

Test(regex, an_absent_string_is_the_empty_one) {
    hr_regex *regex = nullptr;
    cr_assert(hr_regex_new(&regex, nullptr, HR_STR("x?"), nullptr, 0) == HR_OK);
    cr_expect(hr_regex_match(regex, hr_str{nullptr, 0}) == 1);
    hr_regex_free(regex);
}

Test(regex, refuses_what_re2_refuses) {
    for (const char *pattern : {"*", "(", "[", "a{2000}", "(?=a)", "\\1", "(?<=a)b", "\xff"}) {
        hr_regex *regex = reinterpret_cast<hr_regex *>(&regex);
        char why[64] = "";
        cr_expect(hr_regex_new(&regex, nullptr, hr_str_from(pattern), why, sizeof(why)) ==
                      HR_EINVAL,
                  "%s", pattern);
        cr_expect(regex == nullptr);
        cr_expect(strlen(why) > 0, "%s", pattern);
    }
    cr_expect(hr_regex_new(nullptr, nullptr, HR_STR("a"), nullptr, 0) == HR_EINVAL);
    hr_regex_free(nullptr);
}

Test(regex, error_text_is_cut_to_the_buffer) {
    hr_regex *regex = nullptr;
    char why[5];
    cr_assert(hr_regex_new(&regex, nullptr, HR_STR("("), why, sizeof(why)) == HR_EINVAL);
    cr_expect(strlen(why) == 4);
}

Test(regex, a_short_buffer_gets_the_beginning_and_the_full_length) {
    hr_regex *regex = nullptr;
    cr_assert(hr_regex_new(&regex, nullptr, HR_STR("b"), nullptr, 0) == HR_OK);
    char out[4] = "...";
    cr_expect(hr_regex_replace_all(out, 2, regex, HR_STR("abc"), HR_STR("XYZ")) == 5);
    cr_expect(memcmp(out, "aX.", 3) == 0);
    hr_regex_free(regex);
}

Test(regex, rewrites_are_checked) {
    hr_regex *regex = nullptr;
    char why[100];
    cr_assert(hr_regex_new(&regex, nullptr, HR_STR("(a)(b)"), nullptr, 0) == HR_OK);
    cr_expect(hr_regex_prepare_rewrite(regex, HR_STR("(a)(b)"), HR_STR("\\2\\1\\0\\\\"), why,
                                       sizeof(why)) == HR_OK);
    cr_expect(hr_regex_prepare_rewrite(regex, HR_STR("(a)(b)"), HR_STR("\\3"), why, sizeof(why)) ==
              HR_EINVAL);
    cr_expect(hr_regex_prepare_rewrite(regex, HR_STR("(a)(b)"), HR_STR("\\x"), why, sizeof(why)) ==
              HR_EINVAL);
    cr_expect(hr_regex_prepare_rewrite(regex, HR_STR("(a)(b)"), HR_STR("a\\"), nullptr, 0) ==
              HR_EINVAL);
    hr_regex_free(regex);
}

// Envoy's uriRegexRewrite is RE2::GlobalReplace; ours writes into the caller's buffer instead.
Test(regex, replaces_as_re2_does) {
    const std::vector<std::string> patterns = {
        "a",     "a*", "",     "(a)(b)?",         "x*y", "^a",      "b$", "(.)(.)",
        "[^/]+", "é",  "(é)*", "/(v[0-9]+)/(.*)", "\\b", "a|ab|abc"};
    const std::vector<std::string> rewrites = {"",     "X",  "\\0", "\\1", "<\\1>",   "\\2\\1",
                                               "\\\\", "\\", "\\x", "é",   "/\\2/\\1"};
    const std::string letters[] = {
        "a", "b", "x", "y", "/", "é", "v1", "\xff", "\xc3", "\xe2\x82\xac", "", "\xf0\x9f\x98\x80"};
    std::mt19937 random(20220601); // the seed is fixed, so that a failure repeats
    size_t compared = 0;
    for (const auto &pattern : patterns) {
        RE2 reference(pattern, RE2::Quiet);
        hr_regex *regex = nullptr;
        cr_assert(hr_regex_new(&regex, nullptr, str(pattern), nullptr, 0) == HR_OK);
        for (const auto &rewrite : rewrites)
            for (int i = 0; i < 300; i++) {
                std::string subject;
                for (unsigned n = random() % 9; n > 0; n--)
                    subject += letters[random() % (sizeof(letters) / sizeof(letters[0]))];
                std::string expected = subject;
                RE2::GlobalReplace(&expected, reference, rewrite);
                std::string got = replaced(regex, subject, rewrite);
                cr_assert(got == expected, "s/%s/%s/ of \"%s\": expected \"%s\", got \"%s\"",
                          pattern.c_str(), rewrite.c_str(), subject.c_str(), expected.c_str(),
                          got.c_str());
                compared++;
            }
        hr_regex_free(regex);
    }
    cr_assert(compared > 40000);
}

// With shared tails a pattern matches what it matches alone; also where \b, ^ or a quantifier looks
// back.
Test(regex, tails_match_as_the_whole_does) {
    const std::string pieces[] = {"a",      "ab",
                                  "b+",     "a?",
                                  "b*",     "\\.",
                                  "[ab]",   "(a|b)",
                                  "(ab)+",  "^",
                                  "$",      "\\b",
                                  "\\B",    "|",
                                  "a{2}",   ".",
                                  "é",      "(?i)",
                                  "/",      "\\Qa|\\E",
                                  "b{",     "\\/",
                                  "(?:^a)", "x|",
                                  "[^a]*",  "\\pL",
                                  "-",      "(",
                                  "[",      "**",
                                  ")",      "[[:]",
                                  "[[:a]",  "[[:alpha:]|]",
                                  ":]",     "]",
                                  "(?U)",   "(?-s)",
                                  "?",      "*",
                                  "+?",     "??"};
    const std::string letters[] = {"a", "b", "A", "ab", ".", "/", "é", "-",
                                   "x", "{", " ", "[",  ":", "]", "|"};
    std::mt19937 random(20261123);
    hr_regex_tails *tails = nullptr;
    cr_assert(hr_regex_tails_new(&tails) == HR_OK);
    size_t refused = 0, matched = 0, differed = 0, required = 0;
    for (int round = 0; round < 30000; round++) {
        std::string pattern, subject;
        for (unsigned n = 1 + random() % 6; n > 0; n--)
            pattern += pieces[random() % (sizeof(pieces) / sizeof(pieces[0]))];
        RE2 reference(pattern, RE2::Quiet);
        hr_regex *regex = nullptr;
        char why[256] = "";
        int rc = hr_regex_new(&regex, tails, str(pattern), why, sizeof(why));
        cr_assert(reference.ok() == (rc == HR_OK), "%s", pattern.c_str());
        if (rc != HR_OK) {
            cr_assert(reference.error() == why, "%s: \"%s\", not \"%s\"", pattern.c_str(), why,
                      reference.error().c_str());
            refused++;
            continue;
        }
        char literal[128];
        hr_str prefix = hr_regex_literal_prefix(str(pattern), literal, nullptr);
        const std::string begin(prefix.p, prefix.len);
        char texts[3 * 128];
        hr_str inside, suffix;
        hr_regex_literals(str(pattern), texts, &inside, &suffix);
        const std::string within(inside.p, inside.len), end(suffix.p, suffix.len);
        required += !within.empty() + !end.empty();
        for (int i = 0; i < 30; i++) {
            subject = i % 2 == 0 ? "" : begin;
            for (unsigned n = random() % 7; n > 0; n--)
                subject += letters[random() % (sizeof(letters) / sizeof(letters[0]))];
            bool expected = RE2::FullMatch(subject, reference);
            cr_assert(subject.compare(0, begin.size(), begin) == 0 || !expected,
                      "%s on \"%s\" begins with \"%s\"", pattern.c_str(), subject.c_str(),
                      begin.c_str());
            cr_assert(subject.find(within) != std::string::npos || !expected,
                      "%s on \"%s\" has \"%s\"", pattern.c_str(), subject.c_str(), within.c_str());
            bool ends = subject.size() >= end.size() &&
                        subject.compare(subject.size() - end.size(), end.size(), end) == 0;
            cr_assert(ends || !expected, "%s on \"%s\" ends with \"%s\"", pattern.c_str(),
                      subject.c_str(), end.c_str());
            cr_assert(hr_regex_may_match(regex, str(subject)) || !expected, "%s on \"%s\"",
                      pattern.c_str(), subject.c_str());
            cr_assert(expected == (hr_regex_match(regex, str(subject)) != 0), "%s on \"%s\"",
                      pattern.c_str(), subject.c_str());
            matched += expected;
            differed += !expected;
        }
        hr_regex_free(regex);
    }
    hr_regex_tails_free(tails);
    cr_assert(refused > 100 && matched > 2000 && differed > 10000 && required > 2000,
              "%zu %zu %zu %zu", refused, matched, differed, required);
}

// RE2 refuses what compiles to too large a program, and counts all of the pattern.
// A subject without them is not matched at all, so that each is required by every match.
Test(regex, texts_that_every_match_has) {
    struct {
        const char *pattern, *inside, *suffix;
    } const rows[] = {
        {"^(.*?;)?(user=jason)(;.*)?$", "user=jason", ""},
        {".*[?&]token=[a-f0-9]+&x=1", "token=", "&x=1"},
        {".*name.*", "name", ""},
        {".*\\.png$", ".png", ".png"},
        {"/api/v[0-9]+/users", "/users", "/users"},
        {"ab+cd", "cd", "cd"}, // what repeats is there once or more
        {".*abc?d", "ab", "d"},
        {".*abc{2}", "ab", ""},
        {".*a(?:bcd)+e", "bcd", "e"},
        {".*(bcd)?e", "e", "e"},
        {".*(abc|abd)", "", ""},
        {".*abc|.*abd", "", ""},
        {"(?i).*abc", "", ""},
        {".*(?i:abc)", "", ""},
        {".*\\x41bc", "", ""},
        {".*\\pLabc", "", ""},
        {".*[abc]+x", "x", "x"},
        {".*abc(", "", ""},
    };
    for (const auto &row : rows) {
        char texts[128];
        hr_str inside, suffix;
        hr_regex_literals(str(row.pattern), texts, &inside, &suffix);
        cr_expect(std::string(inside.p, inside.len) == row.inside, "%s: \"%.*s\"", row.pattern,
                  (int)inside.len, inside.p);
        cr_expect(std::string(suffix.p, suffix.len) == row.suffix, "%s: \"%.*s\"", row.pattern,
                  (int)suffix.len, suffix.p);
    }
}

Test(regex, tails_do_not_make_large_patterns_small) {
    const std::string prefix(4000, 'x'); // more instructions than one \pL has in any version of RE2
    auto rest = [](int n) { return "\\pL{" + std::to_string(n) + "}"; };
    int accepted = 1, refused = 1000, only_whole_is_refused = 0;
    while (refused - accepted > 1) {
        int n = (accepted + refused) / 2;
        (RE2(prefix + rest(n), RE2::Quiet).ok() ? accepted : refused) = n;
    }
    hr_regex_tails *tails = nullptr;
    cr_assert(hr_regex_tails_new(&tails) == HR_OK);
    for (int n = accepted - 1; n <= accepted + 1; n++) {
        const std::string pattern = prefix + rest(n);
        hr_regex *regex = nullptr;
        int rc = hr_regex_new(&regex, tails, str(pattern), nullptr, 0);
        cr_expect(rc == (n <= accepted ? HR_OK : HR_EINVAL), "%d times", n);
        hr_regex_free(regex);
        only_whole_is_refused += n > accepted && RE2(rest(n), RE2::Quiet).ok();
    }
    hr_regex_tails_free(tails);
    cr_assert(only_whole_is_refused > 0, "the limit lies at %d", accepted);
}

Test(regex, equal_tails_are_compiled_once) {
    hr_regex_tails *tails = nullptr;
    cr_assert(hr_regex_tails_new(&tails) == HR_OK);
    for (const char *pattern :
         {"/a/[0-9]+", "/b/[0-9]+", "^/c\\.[0-9]+", "/d/x+y", "/ex+y", "[0-9]+", "/a|/b"}) {
        hr_regex *regex = nullptr;
        cr_assert(hr_regex_new(&regex, tails, hr_str_from(pattern), nullptr, 0) == HR_OK);
        hr_regex_free(regex);
    }
    cr_expect(hr_regex_tails_count(tails) == 2, "%zu", hr_regex_tails_count(tails));
    hr_regex_tails_free(tails);
}

// A pattern whose tail was shared can still be used to replace.
Test(regex, a_shared_tail_replaces_once_it_is_asked_for) {
    hr_regex_tails *tails = nullptr;
    hr_regex *regex = nullptr;
    cr_assert(hr_regex_tails_new(&tails) == HR_OK);
    cr_assert(hr_regex_new(&regex, tails, HR_STR("/v([0-9]+)"), nullptr, 0) == HR_OK);
    cr_expect(hr_regex_prepare_rewrite(regex, HR_STR("/v([0-9]+)"), HR_STR("/w\\1"), nullptr, 0) ==
              HR_OK);
    cr_expect(replaced(regex, "/v12/v3/v", "/w\\1") == "/w12/w3/v");
    hr_regex_free(regex);
    hr_regex_tails_free(tails);
}
