#include "regex.h"

#include <cstdio>
#include <cstring>
#include <new>
#include <string>

#include <re2/re2.h>

struct hr_regex {
    RE2 re;
    hr_regex(const re2::StringPiece &pattern) : re(pattern, RE2::Quiet) {
    }
};

namespace {

constexpr int max_groups = 10; // \0 to \9

void tell(char *error, size_t size, const char *sentence) {
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

// The bytes of the UTF-8 character at p, or 1 where there is none: RE2 steps over an empty match by a
// whole character.
size_t character_length(const char *p, const char *end) {
    const auto *u = reinterpret_cast<const unsigned char *>(p);
    size_t left = static_cast<size_t>(end - p);
    size_t n = u[0] < 0x80 ? 1 : u[0] < 0xC2 ? 0 : u[0] < 0xE0 ? 2 : u[0] < 0xF0 ? 3 : u[0] < 0xF5 ? 4 : 0;
    if (n == 0 || n > left)
        return 1;
    for (size_t i = 1; i < n; i++)
        if ((u[i] & 0xC0) != 0x80)
            return 1;
    // Overlong forms, and what is beyond Unicode. RE2 takes surrogates for characters.
    if ((u[0] == 0xE0 && u[1] < 0xA0) || (u[0] == 0xF0 && u[1] < 0x90) || (u[0] == 0xF4 && u[1] > 0x8F))
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

} // namespace

int hr_regex_new(hr_regex **out, hr_str pattern, char *error, size_t error_size) {
    if (out == nullptr)
        return HR_EINVAL;
    *out = nullptr;
    try {
        auto *regex = new hr_regex(piece(pattern));
        if (!regex->re.ok()) {
            tell(error, error_size, regex->re.error().c_str());
            delete regex;
            return HR_EINVAL;
        }
        *out = regex;
        return HR_OK;
    } catch (const std::bad_alloc &) {
        tell(error, error_size, "out of memory");
        return HR_ENOMEM;
    }
}

void hr_regex_free(hr_regex *regex) {
    delete regex;
}

int hr_regex_match(const hr_regex *regex, hr_str subject) {
    re2::StringPiece text = piece(subject);
    return regex->re.Match(text, 0, text.size(), RE2::ANCHOR_BOTH, nullptr, 0) ? 1 : 0;
}

int hr_regex_rewrite_ok(const hr_regex *regex, hr_str rewrite, char *error, size_t error_size) {
    try {
        std::string why;
        if (regex->re.CheckRewriteString(piece(rewrite), &why))
            return 1;
        tell(error, error_size, why.c_str());
    } catch (const std::bad_alloc &) {
        tell(error, error_size, "out of memory");
    }
    return 0;
}

size_t hr_regex_replace_all(char *buf, size_t size, const hr_regex *regex, hr_str subject, hr_str rewrite) {
    sink out{buf, size, 0};
    re2::StringPiece text = piece(subject), with = piece(rewrite);
    const char *p = text.data(), *end = p + text.size(), *last_end = nullptr;
    int n_groups = 1 + RE2::MaxSubmatch(with);
    bool usable = n_groups <= 1 + regex->re.NumberOfCapturingGroups() && n_groups <= max_groups;
    re2::StringPiece groups[max_groups];
    while (usable) {
        if (!regex->re.Match(text, static_cast<size_t>(p - text.data()), text.size(), RE2::UNANCHORED, groups,
                             n_groups))
            break;
        const char *begin = groups[0].data();
        out.put(p, static_cast<size_t>(begin - p));
        p = begin;
        if (groups[0].empty() && begin == last_end) { // an empty match may not touch the one before it
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
