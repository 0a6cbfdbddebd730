/* What a request to /predict asks for: content type, Accept, and the query. */
#include "read_request.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "body.h"
#include "models.h"
#include "parameters.h"
#include "strokes.h"

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
 * browser sends a body with one of three content types, of which only multipart/form-data is taken
 * here, or without any (Fetch, "CORS-safelisted request-header"); it then names the page's
 * origin. */
static bool may_come_from_another_site(sv_exchange *ex) {
    hr_str origin = sv_request_header(ex, "origin"), host = ex->request.authority;
    if (origin.p == NULL)
        return false;
    return host.len == 0 || origin.len < host.len + 3 ||
           memcmp(origin.p + origin.len - host.len - 3, "://", 3) != 0 ||
           strncasecmp(origin.p + origin.len - host.len, host.p, host.len) != 0;
}

static bool lacks_type_from_a_browser(sv_exchange *ex) {
    return sv_request_header(ex, "content-type").len == 0 &&
           sv_request_header(ex, "origin").p != NULL;
}

static int read_form_type(sv_predict_request *out, sv_exchange *ex, char *why, size_t why_size) {
    out->body = SV_BODY_FORM;
    if (may_come_from_another_site(ex)) {
        snprintf(why, why_size, "a form from a web page of another origin is not accepted");
        return 415;
    }
    if (sv_form_boundary(out->boundary, sv_request_header(ex, "content-type")))
        return 0;
    snprintf(why, why_size, "multipart/form-data needs a boundary of 1 to 70 characters");
    return 415;
}

/* Without a Content-Type the body is taken for JSON, as the original service did. */
static int read_content_type(sv_predict_request *out, sv_exchange *ex, char *why, size_t why_size) {
    static const char *const pictures[] = {"image/jpeg",
                                           "image/png",
                                           "image/webp",
                                           "image/bmp",
                                           "image/jpg",
                                           "image/x-ms-bmp",
                                           "application/octet-stream"};
    hr_str value = sv_request_header(ex, "content-type");
    char type[64];
    media_type(type, sizeof(type), value);
    out->body = SV_BODY_JSON;
    if (strcmp(type, "application/json") == 0 || (value.len == 0 && !lacks_type_from_a_browser(ex)))
        return 0;
    if (strcmp(type, "multipart/form-data") == 0)
        return read_form_type(out, ex, why, why_size);
    for (size_t i = 0; i < sizeof(pictures) / sizeof(pictures[0]); ++i) {
        if (strcmp(type, pictures[i]) == 0) {
            out->body = SV_BODY_PICTURE;
            return 0;
        }
    }
    snprintf(why, why_size,
             "the body must be application/json, multipart/form-data, image/jpeg, image/png, "
             "image/webp, image/bmp or application/octet-stream");
    return 415;
}

/* One name=value of the query. 0, or 400. */
static int read_query_pair(sv_predict_request *out, const sv_predict *predict, sv_exchange *ex,
                           hr_str pair, char *why, size_t why_size) {
    const char *equals = memchr(pair.p, '=', pair.len);
    size_t name = equals != NULL ? (size_t)(equals - pair.p) : pair.len;
    size_t skip = equals != NULL ? name + 1 : name;
    const sv_parameter *p = sv_parameter_find(out, pair.p, name, SV_IN_QUERY, why, why_size);
    if (p == NULL)
        return 400;
    char *value = sv_pool_alloc(ex->pool, pair.len - skip + 1);
    hr_str decoded;
    if (!sv_percent_decode(&decoded, value, pair.p + skip, pair.len - skip) ||
        strlen(decoded.p) != decoded.len) {
        snprintf(why, why_size, "the query parameter %s has a malformed escape", p->name);
        return 400;
    }
    return p->read(out, predict, decoded.p, why, why_size) == 0 ? 0 : 400;
}

static int predict_read_query(sv_predict_request *out, const sv_predict *predict, sv_exchange *ex,
                              char *why, size_t why_size) {
    hr_str rest = sv_request_query(ex);
    while (rest.len > 0) {
        const char *amp = memchr(rest.p, '&', rest.len);
        hr_str pair = {rest.p, amp != NULL ? (size_t)(amp - rest.p) : rest.len};
        int status = pair.len > 0 ? read_query_pair(out, predict, ex, pair, why, why_size) : 0;
        if (status != 0)
            return status;
        size_t step = pair.len + (amp != NULL);
        rest = (hr_str){rest.p + step, rest.len - step};
    }
    return 0;
}

static int check_form(const sv_predict_request *request, char *why, size_t why_size) {
    bool lossy = request->form == SV_FORM_JPEG && request->output != GRABCUT_CUTOUT_BLACK;
    if (lossy)
        snprintf(why, why_size,
                 "a JPEG has no transparency and no exact values: accept image/png or "
                 "image/webp for output=rgba and output=mask");
    else if (request->state && request->form != SV_FORM_JSON)
        snprintf(why, why_size, "state=true needs an answer in JSON: accept application/json");
    else
        return 0;
    return 406;
}

int sv_predict_read(sv_predict_request *out, const sv_predict *predict, sv_exchange *ex, char *why,
                    size_t why_size) {
    hr_str accept = sv_request_header(ex, "accept");
    int status;
    *out = (sv_predict_request){.rect = predict->options.rect,
                                .iterations = predict->options.iterations,
                                .output = GRABCUT_CUTOUT_BLACK};
    if ((status = read_content_type(out, ex, why, why_size)) != 0)
        return status;
    out->form = sv_accept_form(accept.p, accept.len);
    if ((status = predict_read_query(out, predict, ex, why, why_size)) != 0)
        return status;
    return check_form(out, why, why_size);
}

/* ---- bodies ---- */

static int read_part(sv_predict_request *out, const sv_predict *predict, sv_form_part *part,
                     char *why, size_t why_size) {
    const sv_parameter *p =
        sv_parameter_find(out, part->name.p, part->name.len, SV_IN_BODY, why, why_size);
    char text[64];
    if (p == NULL)
        return -1;
    if (p->read == NULL) {
        *sv_parameter_place(out, p) = part->content;
        return 0;
    }
    if (part->content.len >= sizeof(text) || memchr(part->content.p, '\0', part->content.len)) {
        snprintf(why, why_size, "the form field %s is too long, or holds a zero", p->name);
        return -1;
    }
    memcpy(text, part->content.p, part->content.len);
    text[part->content.len] = '\0';
    return p->read(out, predict, text, why, why_size);
}

static int read_form(sv_predict_request *out, const sv_predict *predict, sv_bytes body, char *why,
                     size_t why_size) {
    sv_form form;
    sv_form_part part;
    int more;
    sv_form_init(&form, out->boundary, body);
    while ((more = sv_form_next(&part, &form, why, why_size)) > 0)
        if (read_part(out, predict, &part, why, why_size) != 0)
            return -1;
    return more < 0 ? -1 : 0;
}

int sv_predict_read_body(sv_predict_request *out, const sv_predict *predict, sv_bytes body,
                         char *why, size_t why_size) {
    int code = 0;
    if (out->body == SV_BODY_JSON)
        code = sv_body_read(out, predict, body.p, body.len, why, why_size);
    else if (out->body == SV_BODY_FORM)
        code = read_form(out, predict, body, why, why_size);
    else
        out->image = body;
    if (code == 0)
        code = sv_parameters_settle(out, why, why_size);
    if (code == 0 && out->mode != SV_MODE_INIT)
        code = sv_models_read(NULL, out, why, why_size);
    if (code == 0 && out->strokes.p != NULL)
        code = sv_strokes_draw(NULL, out->strokes.p, out->strokes.len, NULL, NULL, why, why_size);
    return code != 0 || check_form(out, why, why_size) != 0 ? -1 : 0;
}

/* ---- inferences ---- */

/* The protocol names no content type. KServe's clients and Triton's for C++ send application/json,
 * or application/octet-stream with binary tensors; Triton's for Python sends none. */
static bool is_infer_type(sv_exchange *ex) {
    hr_str value = sv_request_header(ex, "content-type");
    char type[64];
    media_type(type, sizeof(type), value);
    if (value.len == 0)
        return !lacks_type_from_a_browser(ex);
    return strcmp(type, "application/json") == 0 || strcmp(type, "application/octet-stream") == 0;
}

int sv_predict_read_infer(sv_predict_request *out, const sv_predict *predict, sv_exchange *ex,
                          char *why, size_t why_size) {
    hr_str encoding = sv_request_header(ex, "content-encoding"),
           length = sv_request_header(ex, "inference-header-content-length");
    *out = (sv_predict_request){.body = SV_BODY_INFER,
                                .rect = predict->options.rect,
                                .iterations = predict->options.iterations,
                                .output = GRABCUT_CUTOUT_BLACK,
                                .json_len = ex->body.len};
    if (!is_infer_type(ex)) {
        snprintf(why, why_size,
                 "the content type must be application/json or application/octet-stream");
        return 415;
    }
    if (encoding.len > 0 && !sv_str_is_nocase(encoding, "identity")) {
        snprintf(why, why_size, "the body must not be compressed");
        return 415;
    }
    if (length.p == NULL)
        return 0;
    out->json_len = length.len > 0 ? sv_str_to_size(length) : SIZE_MAX;
    if (out->json_len <= ex->body.len)
        return 0;
    snprintf(why, why_size,
             "Inference-Header-Content-Length must be a number of bytes within the body");
    return 400;
}
