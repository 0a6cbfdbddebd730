/* Regular expressions, compiled and matched by RE2, behind an interface in C. */
#include "regex.h"

#include <cstdio>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <unordered_map>

#include <re2/re2.h>

#include "regex_literals.h"
#include "regex_prefix.h"

namespace {

struct compiled : hr_regex {
    std::string texts;          // the prefix and the suffix
    const RE2 *tail = nullptr;  // what follows the prefix
    std::unique_ptr<RE2> whole; // the whole pattern, compiled when it is first needed

    void keep(const std::string &before, const std::string &after) {
        texts = before + after;
        prefix = {texts.data(), before.size()};
        suffix = {texts.data() + before.size(), after.size()};
    }
};

const compiled *compiled_of(const hr_regex *regex) {
    return static_cast<const compiled *>(regex);
}

} // namespace

struct hr_regex_tails {
    std::unordered_map<std::string, std::unique_ptr<RE2>> compiled;
};

namespace {

constexpr int max_groups = 10; // \0 to \9

void set_error(char *error, size_t size, const char *sentence) {
    if (error != nullptr && size > 0)
        snprintf(error, size, "%s", sentence);
}

re2::StringPiece piece(hr_str s) {
    return {s.p == nullptr ? "" : s.p, s.len};
}

// A buffer that counts what it cannot hold.
struct sink {
    char *buf;
    size_t size, used;

    void put(const char *p, size_t n) {
        if (used < size)
            memcpy(buf + used, p, n < size - used ? n : size - used);
        used += n;
    }
};

// The bytes of the UTF-8 character at p, or 1 where there is none: RE2 steps over an empty match by
// a whole character.
size_t character_length(const char *p, const char *end) {
    const auto *u = reinterpret_cast<const unsigned char *>(p);
    size_t left = static_cast<size_t>(end - p);
    size_t n = u[0] < 0x80   ? 1
               : u[0] < 0xC2 ? 0
               : u[0] < 0xE0 ? 2
               : u[0] < 0xF0 ? 3
               : u[0] < 0xF5 ? 4
                             : 0;
    if (n == 0 || n > left)
        return 1;
    for (size_t i = 1; i < n; i++)
        if ((u[i] & 0xC0) != 0x80)
            return 1;
    // Overlong forms, and what is beyond Unicode. RE2 takes surrogates for characters.
    if ((u[0] == 0xE0 && u[1] < 0xA0) || (u[0] == 0xF0 && u[1] < 0x90) ||
        (u[0] == 0xF4 && u[1] > 0x8F))
        return 1;
    return n;
}

void put_rewrite(sink &out, const re2::StringPiece &rewrite, const re2::StringPiece *groups) {
    for (size_t i = 0; i < rewrite.size(); i++) {
        if (rewrite[i] != '\\') {
            out.put(&rewrite[i], 1);
            continue;
        }
        if (++i == rewrite.size())
            return;
        if (rewrite[i] == '\\')
            out.put("\\", 1);
        else if (rewrite[i] < '0' || rewrite[i] > '9')
            return;
        else if (!groups[rewrite[i] - '0'].empty())
            out.put(groups[rewrite[i] - '0'].data(), groups[rewrite[i] - '0'].size());
    }
}

// A tail leaves room for its patterns' texts: what RE2 takes of the one it takes of the others too.
// The size that it allows a program is a part of max_mem, and the room is some times what the
// instructions of a text take.
RE2::Options tail_options() {
    RE2::Options options(RE2::Quiet);
    options.set_max_mem(options.max_mem() - 128 * HR_REGEX_MAX_PATTERN);
    return options;
}

// Whether the pattern is a text and something that is, or now is, among the tails. A tail that RE2
// refuses is left to the whole pattern, which its sentence shall speak of.
bool split(compiled *regex, std::string &prefix, hr_regex_tails *tails, hr_str pattern) {
    prefix.assign(pattern.len, '\0');
    size_t rest = 0;
    prefix.resize(hr_regex_literal_prefix(pattern, &prefix[0], &rest).len);
    if (prefix.empty())
        return false;
    std::unique_ptr<RE2> &tail = tails->compiled[std::string(pattern.p + rest, pattern.len - rest)];
    if (tail == nullptr)
        tail.reset(new RE2(re2::StringPiece(pattern.p + rest, pattern.len - rest), tail_options()));
    if (!tail->ok())
        return false;
    regex->tail = tail.get();
    return true;
}

std::string suffix_of(hr_str pattern) {
    char few[3 * 256];
    hr_str inside, suffix;
    std::string many(pattern.len > 256 ? 3 * pattern.len : 0, '\0');
    hr_regex_literals(pattern, many.empty() ? few : &many[0], &inside, &suffix);
    return std::string(suffix.p, suffix.len);
}

} // namespace

int hr_regex_tails_new(hr_regex_tails **out) {
    *out = new (std::nothrow) hr_regex_tails;
    return *out != nullptr ? HR_OK : HR_ENOMEM;
}

void hr_regex_tails_free(hr_regex_tails *tails) {
    delete tails;
}

size_t hr_regex_tails_count(const hr_regex_tails *tails) {
    return tails->compiled.size();
}

int hr_regex_new(hr_regex **out, hr_regex_tails *tails, hr_str pattern, char *error,
                 size_t error_size) {
    if (out == nullptr)
        return HR_EINVAL;
    *out = nullptr;
    try {
        std::unique_ptr<compiled> regex(new compiled);
        std::string prefix;
        if (tails == nullptr || !split(regex.get(), prefix, tails, pattern)) {
            prefix.clear();
            regex->whole.reset(new RE2(piece(pattern), RE2::Quiet));
            regex->tail = regex->whole.get();
        }
        if (!regex->tail->ok()) {
            set_error(error, error_size, regex->tail->error().c_str());
            return HR_EINVAL;
        }
        regex->keep(prefix, suffix_of(pattern));
        *out = regex.release();
        return HR_OK;
    } catch (const std::bad_alloc &) {
        set_error(error, error_size, "out of memory");
        return HR_ENOMEM;
    }
}

void hr_regex_free(hr_regex *regex) {
    delete static_cast<compiled *>(regex);
}

int hr_regex_match(const hr_regex *regex, hr_str subject) {
    return hr_regex_may_match(regex, subject) ? hr_regex_run(regex, subject) : 0;
}

// The text with what is before the tail, on which \b depends.
int hr_regex_run(const hr_regex *regex, hr_str subject) {
    return compiled_of(regex)->tail->Match(piece(subject), regex->prefix.len, subject.len,
                                           RE2::ANCHOR_BOTH, nullptr, 0)
               ? 1
               : 0;
}

int hr_regex_test(int *matches, const hr_regex *regex, hr_str subject) {
    try {
        *matches = hr_regex_match(regex, subject);
        return HR_OK;
    } catch (const std::bad_alloc &) {
        return HR_ENOMEM;
    }
}

int hr_regex_prepare_rewrite(hr_regex *regex, hr_str pattern, hr_str rewrite, char *error,
                             size_t error_size) {
    try {
        std::string why;
        std::unique_ptr<RE2> &whole = static_cast<compiled *>(regex)->whole;
        if (whole == nullptr)
            whole.reset(new RE2(piece(pattern), RE2::Quiet));
        if (whole->CheckRewriteString(piece(rewrite), &why))
            return HR_OK;
        set_error(error, error_size, why.c_str());
        return HR_EINVAL;
    } catch (const std::bad_alloc &) {
        set_error(error, error_size, "out of memory");
        return HR_ENOMEM;
    }
}

size_t hr_regex_replace_all(char *buf, size_t size, const hr_regex *regex, hr_str subject,
                            hr_str rewrite) {
    sink out{buf, size, 0};
    re2::StringPiece text = piece(subject), with = piece(rewrite);
    const char *p = text.data(), *end = p + text.size(), *last_end = nullptr;
    int n_groups = 1 + RE2::MaxSubmatch(with);
    const RE2 *re = compiled_of(regex)->whole.get();
    bool usable =
        re != nullptr && n_groups <= 1 + re->NumberOfCapturingGroups() && n_groups <= max_groups;
    re2::StringPiece groups[max_groups];
    while (usable) {
        if (!re->Match(text, static_cast<size_t>(p - text.data()), text.size(), RE2::UNANCHORED,
                       groups, n_groups))
            break;
        const char *begin = groups[0].data();
        out.put(p, static_cast<size_t>(begin - p));
        p = begin;
        if (groups[0].empty() &&
            begin == last_end) { // an empty match may not touch the one before it
            if (p == end)
                break;
            size_t step = character_length(p, end);
            out.put(p, step);
            p += step;
            continue;
        }
        put_rewrite(out, with, groups);
        p += groups[0].size();
        last_end = p;
    }
    if (p < end)
        out.put(p, static_cast<size_t>(end - p));
    return out.used;
}
