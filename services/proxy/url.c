/* Parses the value of PREDICT_SERVER_URL into host, port and path. */
#include "url.h"

#include <stdio.h>
#include <string.h>

static int url_fail(char *why, size_t why_size, const char *what) {
    snprintf(why, why_size, "%s; a URL such as http://predict-server1:5010 is expected", what);
    return -1;
}

static int parse_port(uint16_t *out, const char *p, const char *end) {
    unsigned port = 0;
    if (p == end || end - p > 5)
        return -1;
    for (; p < end; p++) {
        if (*p < '0' || *p > '9')
            return -1;
        port = port * 10 + (unsigned)(*p - '0');
    }
    if (port == 0 || port > 65535)
        return -1;
    *out = (uint16_t)port;
    return 0;
}

int sv_predict_url_parse(sv_predict_url *out, const char *text, char *why, size_t why_size) {
    static const char scheme[] = "http://";
    if (strncmp(text, "https://", 8) == 0)
        return url_fail(why, why_size, "https is not spoken to predict");
    if (strncmp(text, scheme, sizeof(scheme) - 1) != 0)
        return url_fail(why, why_size, "the URL does not begin with http://");
    for (const char *p = text; *p != '\0'; p++) {
        if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 0x7f || strchr("?#@\\", *p) != NULL)
            return url_fail(why, why_size, "the URL has a character that does not belong there");
    }
    const char *authority = text + sizeof(scheme) - 1;
    const char *end = authority + strcspn(authority, "/");
    const char *host = authority, *host_end = end, *colon = NULL;
    if (*authority == '[') {
        const char *bracket = memchr(authority, ']', (size_t)(end - authority));
        if (bracket == NULL || (bracket + 1 < end && bracket[1] != ':'))
            return url_fail(why, why_size, "the IPv6 address is malformed");
        host = authority + 1;
        host_end = bracket;
        colon = bracket + 1 < end ? bracket + 1 : NULL;
    } else if ((colon = memchr(authority, ':', (size_t)(end - authority))) != NULL) {
        host_end = colon;
    }
    if (host == host_end || host_end - host > 253)
        return url_fail(why, why_size, "the URL has no host, or one that is too long");
    out->port = 80;
    if (colon != NULL && parse_port(&out->port, colon + 1, end) != 0)
        return url_fail(why, why_size, "the port is not a number from 1 to 65535");
    size_t base = strlen(end);
    while (base > 0 && end[base - 1] == '/')
        base--;
    out->host = (hr_str){host, (size_t)(host_end - host)};
    out->authority = (hr_str){authority, (size_t)(end - authority)};
    out->base = (hr_str){end, base};
    return 0;
}
