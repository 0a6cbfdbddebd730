/* PREDICT_SERVER_URL taken apart. */
#ifndef SV_PROXY_URL_H
#define SV_PROXY_URL_H

#include <headerroute/headerroute.h>

/* Where predict is: PREDICT_SERVER_URL taken apart. Strings point into the flag's text. */
typedef struct sv_predict_url {
    hr_str host;      /* a name or a literal without brackets */
    hr_str authority; /* as written: the Host of what is sent there */
    hr_str base;      /* of every path, without a slash at its end; may be empty */
    uint16_t port;
} sv_predict_url;

/* 0, or -1 with a sentence in `why`. */
int sv_predict_url_parse(sv_predict_url *out, const char *text, char *why, size_t why_size);

#endif
