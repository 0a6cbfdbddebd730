/* What a request to /predict asks for: content type, Accept, and the query. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "predict.h"

int hr_parse_rect(hr_rect_choice *out, const char *text, char *why, size_t why_size) {
    long v[4];
    const char *p = text;
    if (strcmp(text, "auto") == 0) {
        *out = (hr_rect_choice){.automatic = true};
        return 0;
    }
    for (int i = 0; i < 4; ++i) {
        char *end;
        /* strtol would take blanks and a plus sign */
        bool ok = (*p >= '0' && *p <= '9') || (*p == '-' && p[1] >= '0' && p[1] <= '9');
        v[i] = ok ? strtol(p, &end, 10) : 0;
        ok = ok && *end == (i < 3 ? ',' : '\0') && labs(v[i]) <= INT32_MAX;
        if (!ok) {
            snprintf(why, why_size, "rect must be auto or four whole numbers x,y,w,h");
            return -1;
        }
        p = end + 1;
    }
    *out = (hr_rect_choice){.rect = {(int32_t)v[0], (int32_t)v[1], (int32_t)v[2], (int32_t)v[3]}};
    return 0;
}

/* The media type without its parameters, in lower case; empty where it does not fit. */
static void media_type(char *out, size_t size, hr_str value) {
    size_t len = 0;
    while (len < value.len && value.p[len] != ';' && value.p[len] != ' ' && value.p[len] != '\t')
        ++len;
    if (len >= size)
        len = 0;
    for (size_t i = 0; i < len; i++)
        out[i] = (char)tolower((unsigned char)value.p[i]);
    out[len] = '\0';
}

/* Whether a web page of another site may have sent this. Without asking this server first, a
 * browser sends a body with one of three content types, none of which is taken here, or without any
 * (Fetch, "CORS-safelisted request-header"); it then names the page's origin. */
static bool lacks_type_from_a_browser(hr_exchange *ex) {
    return hr_request_header(ex, "content-type").len == 0 &&
           hr_request_header(ex, "origin").p != NULL;
}

/* Without a Content-Type the body is taken for JSON, as the original service did. */
static int read_content_type(hr_body_kind *out, hr_exchange *ex, char *why, size_t why_size) {
    static const char *const pictures[] = {"image/jpeg", "image/png", "image/webp",
                                           "image/bmp",  "image/jpg", "image/x-ms-bmp"};
    hr_str value = hr_request_header(ex, "content-type");
    char type[64];
    media_type(type, sizeof(type), value);
    if (strcmp(type, "application/json") == 0 ||
        (value.len == 0 && !lacks_type_from_a_browser(ex))) {
        *out = HR_BODY_JSON;
        return 0;
    }
    for (size_t i = 0; i < sizeof(pictures) / sizeof(pictures[0]); ++i) {
        if (strcmp(type, pictures[i]) == 0) {
            *out = HR_BODY_PICTURE;
            return 0;
        }
    }
    snprintf(why, why_size,
             "the body must be application/json, image/jpeg, image/png, image/webp or image/bmp");
    return 415;
}

/* One item of Accept: how well it fits a type, and its weight in thousandths. */
typedef struct accepted {
    int precision, weight; /* -1: does not fit */
} accepted;

static int parse_weight(const char *item, size_t len) {
    const char *end = item + len;
    for (const char *p = item; p < end && (p = memchr(p, ';', (size_t)(end - p))) != NULL;) {
        do
            ++p;
        while (p < end && (*p == ' ' || *p == '\t'));
        if (end - p < 3 || (p[0] != 'q' && p[0] != 'Q') || p[1] != '=')
            continue;
        int weight = p[2] == '1' ? 1000 : 0, unit = 100;
        for (p += 3; p < end && (*p == '.' || (*p >= '0' && *p <= '9')); ++p) {
            if (*p == '.' || weight == 1000)
                continue;
            weight += (*p - '0') * unit;
            unit /= 10;
        }
        return weight;
    }
    return 1000;
}

static void consider(accepted *best, const char *item, size_t len, const char *type) {
    size_t name = 0, major = strcspn(type, "/");
    while (name < len && item[name] != ';' && item[name] != ' ' && item[name] != '\t')
        ++name;
    int precision = -1;
    if (hr_str_is_nocase((hr_str){item, name}, type))
        precision = 2;
    else if (name == major + 2 && strncasecmp(item, type, major + 1) == 0 && item[major + 1] == '*')
        precision = 1;
    else if (name == 3 && memcmp(item, "*/*", 3) == 0)
        precision = 0;
    if (precision > best->precision) {
        best->precision = precision;
        best->weight = parse_weight(item, len);
    }
}

bool hr_accepts_png(const char *accept, size_t len) {
    accepted png = {-1, 0}, json = {-1, 0};
    while (len > 0) {
        const char *comma = memchr(accept, ',', len);
        size_t item = comma != NULL ? (size_t)(comma - accept) : len,
               step = comma != NULL ? item + 1 : item;
        size_t blanks = 0;
        while (blanks < item && (accept[blanks] == ' ' || accept[blanks] == '\t'))
            ++blanks;
        consider(&png, accept + blanks, item - blanks, "image/png");
        consider(&json, accept + blanks, item - blanks, "application/json");
        accept += step;
        len -= step;
    }
    return png.weight > json.weight ||
           (png.weight == json.weight && png.weight > 0 && png.precision > json.precision);
}

static int read_output(grabcut_cutout_kind *out, hr_str value, char *why, size_t why_size) {
    static const char *const names[] = {"cutout", "rgba", "mask"};
    static const grabcut_cutout_kind kinds[] = {GRABCUT_CUTOUT_BLACK, GRABCUT_CUTOUT_ALPHA,
                                                GRABCUT_CUTOUT_MASK};
    for (size_t i = 0; i < 3; ++i) {
        if (hr_str_is(value, names[i])) {
            *out = kinds[i];
            return 0;
        }
    }
    snprintf(why, why_size, "output must be cutout, rgba or mask");
    return 400;
}

/* The value of a parameter, zero-terminated. 0 absent, 1 there, or 400. */
static int read_parameter(hr_str *value, hr_exchange *ex, const char *name, char *why,
                          size_t why_size) {
    int found = hr_query_parameter(value, ex, name);
    if (found >= 0 && (found == 0 || strlen(value->p) == value->len))
        return found;
    snprintf(why, why_size, "the query parameter %s is malformed or given twice", name);
    return 400;
}

int hr_predict_read(hr_predict_request *out, const hr_predict *predict, hr_exchange *ex, char *why,
                    size_t why_size) {
    hr_str value, accept = hr_request_header(ex, "accept");
    int found, status;
    *out = (hr_predict_request){.rect = predict->options.rect, .output = GRABCUT_CUTOUT_BLACK};
    if ((status = read_content_type(&out->body, ex, why, why_size)) != 0)
        return status;
    out->want_png = hr_accepts_png(accept.p, accept.len);
    if ((found = read_parameter(&value, ex, "rect", why, why_size)) > 1)
        return found;
    if (found == 1 && hr_parse_rect(&out->rect, value.p, why, why_size) != 0)
        return 400;
    if ((found = read_parameter(&value, ex, "output", why, why_size)) > 1)
        return found;
    if (found == 1 && (status = read_output(&out->output, value, why, why_size)) != 0)
        return status;
    return 0;
}

bool hr_predict_parameters(hr_predict_request *out, const char *rect, const char *output, char *why,
                           size_t why_size) {
    if (rect[0] != '\0' && hr_parse_rect(&out->rect, rect, why, why_size) != 0)
        return false;
    hr_str value = sv_str(output);
    return value.len == 0 || read_output(&out->output, value, why, why_size) == 0;
}

/* The protocol names no content type. KServe's clients and Triton's for C++ send application/json,
 * or application/octet-stream with binary tensors; Triton's for Python sends none. */
static bool is_infer_type(hr_exchange *ex) {
    hr_str value = hr_request_header(ex, "content-type");
    char type[64];
    media_type(type, sizeof(type), value);
    if (value.len == 0)
        return !lacks_type_from_a_browser(ex);
    return strcmp(type, "application/json") == 0 || strcmp(type, "application/octet-stream") == 0;
}

int hr_predict_read_infer(hr_predict_request *out, const hr_predict *predict, hr_exchange *ex,
                          char *why, size_t why_size) {
    hr_str encoding = hr_request_header(ex, "content-encoding"),
           length = hr_request_header(ex, "inference-header-content-length");
    *out = (hr_predict_request){.body = HR_BODY_INFER,
                                .rect = predict->options.rect,
                                .output = GRABCUT_CUTOUT_BLACK,
                                .json_len = ex->body.len};
    if (!is_infer_type(ex)) {
        snprintf(why, why_size,
                 "the content type must be application/json or application/octet-stream");
        return 415;
    }
    if (encoding.len > 0 && !hr_str_is_nocase(encoding, "identity")) {
        snprintf(why, why_size, "the body must not be compressed");
        return 415;
    }
    if (length.p == NULL)
        return 0;
    out->json_len = length.len > 0 ? hr_str_to_size(length) : SIZE_MAX;
    if (out->json_len <= ex->body.len)
        return 0;
    snprintf(why, why_size,
             "Inference-Header-Content-Length must be a number of bytes within the body");
    return 400;
}
