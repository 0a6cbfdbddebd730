/* Request targets (RFC 9112 section 3.2) and authorities (RFC 3986 section 3.2). */
#include "target.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "fields.h"

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_hex(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* unreserved and sub-delims of RFC 3986, without the comma: a Host with one is two Hosts joined. */
static bool is_name_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) ||
           (c != '\0' && strchr("-._~!$&'()*+;=", c) != NULL);
}

/* The length of a registered name or an IPv4 address at the beginning of s. */
static size_t name_length(hr_str s) {
    size_t i = 0;
    while (i < s.len) {
        if (is_name_char(s.p[i]))
            i++;
        else if (s.p[i] == '%' && s.len - i > 2 && is_hex(s.p[i + 1]) && is_hex(s.p[i + 2]))
            i += 3;
        else
            break;
    }
    return i;
}

/* The length of "[IPv6]" at the beginning of s; 0 if there is none. */
static size_t literal_length(hr_str s) {
    char text[INET6_ADDRSTRLEN];
    unsigned char address[16];
    const char *close = memchr(s.p, ']', s.len);
    size_t len = close != NULL ? (size_t)(close - s.p) - 1 : 0;
    if (len == 0 || len >= sizeof(text))
        return 0;
    memcpy(text, s.p + 1, len);
    text[len] = '\0';
    return inet_pton(AF_INET6, text, address) == 1 ? len + 2 : 0;
}

static bool is_port(hr_str s) {
    unsigned port = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (!is_digit(s.p[i]) || (port = port * 10 + (unsigned)(s.p[i] - '0')) > 65535)
            return false;
    }
    return true;
}

bool sv_is_authority(hr_str s) {
    if (s.len == 0)
        return true;
    size_t host = s.p[0] == '[' ? literal_length(s) : name_length(s);
    if (host == s.len)
        return true;
    return host > 0 && s.p[host] == ':' && is_port((hr_str){s.p + host + 1, s.len - host - 1});
}

static sv_http1_result bad_target(const char **why) {
    return sv_malformed(why, "the request target is malformed");
}

/* The authority ends at the path or, without one, at the query: then the path is "/", for which the
 * authority makes room by moving over the second slash before it. */
static sv_http1_result split_absolute(sv_http1_request *request, size_t scheme_len,
                                      const char **why) {
    char *authority = (char *)(uintptr_t)request->target.p + scheme_len;
    size_t rest = request->target.len - scheme_len, len = 0;
    while (len < rest && authority[len] != '/' && authority[len] != '?')
        len++;
    if (len == 0 || !sv_is_authority((hr_str){authority, len}))
        return bad_target(why);
    if (len == rest) {
        request->path = HR_STR("/");
    } else if (authority[len] == '/') {
        request->path = (hr_str){authority + len, rest - len};
    } else {
        memmove(authority - 1, authority, len);
        authority--;
        authority[len] = '/';
        request->path = (hr_str){authority + len, rest - len + 1};
    }
    request->authority = (hr_str){authority, len};
    return SV_HTTP1_DONE;
}

sv_http1_result sv_target_settle(sv_http1_request *request, bool secure, const char **why) {
    hr_str target = request->target, method = request->method;
    hr_str scheme = secure ? HR_STR("https://") : HR_STR("http://");
    if (method.len == 7 && memcmp(method.p, "CONNECT", 7) == 0) {
        *why = "CONNECT is not supported";
        return SV_HTTP1_CONNECT;
    }
    if (target.p[0] == '/') {
        request->path = target;
        return SV_HTTP1_DONE;
    }
    if (target.len == 1 && target.p[0] == '*' && method.len == 7 &&
        memcmp(method.p, "OPTIONS", 7) == 0) {
        request->path = target;
        return SV_HTTP1_DONE;
    }
    if (target.len <= scheme.len || strncasecmp(target.p, scheme.p, scheme.len) != 0)
        return bad_target(why);
    return split_absolute(request, scheme.len, why);
}
