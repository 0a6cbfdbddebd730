/* Heads of HTTP/2 messages: from header fields as libnghttp2 decodes them to the messages of
 * http1.h (RFC 9113 section 8). */
#include <stdlib.h>
#include <string.h>

#include "chars.h"
#include "fields.h"
#include "http2_internal.h"
#include "target.h"

/* What a field costs besides its strings (RFC 9113 section 6.5.2). */
#define FIELD_OVERHEAD 32

/* A head that is too large is decoded to its end, as the compression state needs it, and answered.
 * One byte can stand for 4 KiB, so decoding stops at this multiple of what a head may have. */
#define UNFOLDED 4

static const char *const pseudo_names[SV_N_PSEUDO] = {":method", ":scheme", ":authority",
                                                      ":path",   ":status", ":protocol"};

/* ---- collecting -------------------------------------------------------------------------- */

/* An idle connection holds no memory for heads. */
static bool has_room(sv_http2_head *head) {
    size_t n = head->max_fields;
    /* A field more than the peer may send: `host`, made of :authority. */
    if (head->fields == NULL)
        head->fields = malloc((n + 1) * sizeof(*head->fields));
    if (head->strings == NULL)
        head->strings = malloc((n + SV_N_PSEUDO) * 2 * sizeof(nghttp2_rcbuf *));
    return head->fields != NULL && head->strings != NULL;
}

void sv_http2_head_begin(sv_http2_head *head) {
    sv_http2_head_end(head);
    memset(head->pseudo, 0, sizeof(head->pseudo));
    head->n_fields = head->size = 0;
    head->too_large = !has_room(head);
    head->malformed = NULL;
}

void sv_http2_head_end(sv_http2_head *head) {
    while (head->n_strings > 0)
        nghttp2_rcbuf_decref(head->strings[--head->n_strings]);
    free(head->cookie);
    free(head->fields);
    free(head->strings);
    head->cookie = NULL;
    head->fields = NULL;
    head->strings = NULL;
    head->size = 0;
}

static hr_str keep(sv_http2_head *head, nghttp2_rcbuf *string) {
    nghttp2_vec bytes = nghttp2_rcbuf_get_buf(string);
    nghttp2_rcbuf_incref(string);
    head->strings[head->n_strings++] = string;
    return (hr_str){(const char *)bytes.base, bytes.len};
}

static int pseudo_of(hr_str name) {
    for (int i = 0; i < SV_N_PSEUDO; i++)
        if (strlen(pseudo_names[i]) == name.len && memcmp(pseudo_names[i], name.p, name.len) == 0)
            return i;
    return SV_N_PSEUDO;
}

static bool is_token_in_lower_case(hr_str name) {
    for (size_t i = 0; i < name.len; i++)
        if (sv_token_lower[(unsigned char)name.p[i]] != (unsigned char)name.p[i] || name.p[i] == 0)
            return false;
    return name.len > 0;
}

static bool has_outer_blank(hr_str value) {
    char first = value.len > 0 ? value.p[0] : 'a',
         last = value.len > 0 ? value.p[value.len - 1] : 'a';
    return first == ' ' || first == '\t' || last == ' ' || last == '\t';
}

/* RFC 9113 section 8.2.1. */
static const char *field_error(hr_str name, hr_str value) {
    if (!is_token_in_lower_case(name))
        return "a header name contains a character that is not allowed";
    if (sv_skip_text(value.p, value.p + value.len) != value.p + value.len)
        return "a header value contains a control character";
    if (has_outer_blank(value))
        return "a header value begins or ends with a blank";
    return NULL;
}

static void add_field(sv_http2_head *head, nghttp2_rcbuf *name, nghttp2_rcbuf *value) {
    if (head->n_fields == head->max_fields) {
        head->too_large = true;
        return;
    }
    hr_pair *field = &head->fields[head->n_fields++];
    field->name = keep(head, name);
    field->value = keep(head, value);
    if (head->malformed == NULL)
        head->malformed = field_error(field->name, field->value);
}

bool sv_http2_head_count(sv_http2_head *head, nghttp2_rcbuf *name, nghttp2_rcbuf *value) {
    nghttp2_vec name_bytes = nghttp2_rcbuf_get_buf(name), bytes = nghttp2_rcbuf_get_buf(value);
    head->size += name_bytes.len + bytes.len + FIELD_OVERHEAD;
    if (head->size > head->max_size)
        head->too_large = true;
    return head->size <= UNFOLDED * head->max_size;
}

void sv_http2_head_add(sv_http2_head *head, nghttp2_rcbuf *name, nghttp2_rcbuf *value) {
    nghttp2_vec name_bytes = nghttp2_rcbuf_get_buf(name);
    if (head->too_large)
        return; /* the rest is decoded for the sake of the compression state only */
    if (name_bytes.len == 0 || name_bytes.base[0] != ':') {
        add_field(head, name, value);
        return;
    }
    int pseudo = pseudo_of((hr_str){(const char *)name_bytes.base, name_bytes.len});
    if (pseudo < SV_N_PSEUDO && head->pseudo[pseudo].p == NULL)
        head->pseudo[pseudo] = keep(head, value);
    else
        head->malformed = "a pseudo-header field is unknown or given twice";
}

/* ---- cookies ----------------------------------------------------------------------------- */

static bool is_cookie(const hr_pair *field) {
    return field->name.len == 6 && memcmp(field->name.p, "cookie", 6) == 0;
}

/* HTTP/2 may send a cookie in pieces, which have to be joined before the message leaves HTTP/2
 * (RFC 9113 section 8.2.3). */
static bool join_cookies(sv_http2_head *head) {
    size_t n = 0, size = 0, kept = 0;
    hr_pair *first = NULL;
    for (size_t i = 0; i < head->n_fields; i++) {
        if (!is_cookie(&head->fields[i]))
            continue;
        size += head->fields[i].value.len + 2;
        n++;
    }
    if (n < 2)
        return true;
    char *at = head->cookie = malloc(size);
    if (at == NULL)
        return false;
    for (size_t i = 0; i < head->n_fields; i++) {
        hr_pair field = head->fields[i];
        bool cookie = is_cookie(&field);
        if (cookie && first != NULL)
            at = (char *)memcpy(at, "; ", 2) + 2;
        if (cookie && field.value.len > 0)
            at = (char *)memcpy(at, field.value.p, field.value.len) + field.value.len;
        if (cookie && first != NULL)
            continue;
        if (cookie)
            first = &head->fields[kept];
        head->fields[kept++] = field;
    }
    head->n_fields = kept;
    first->value = (hr_str){head->cookie, (size_t)(at - head->cookie)};
    return true;
}

/* ---- requests ---------------------------------------------------------------------------- */

static sv_http1_result check_head(const sv_http2_head *head, const char **why) {
    if (head->too_large) {
        *why = "the head is too large";
        return SV_HTTP1_TOO_LARGE;
    }
    return head->malformed != NULL ? sv_malformed(why, head->malformed) : SV_HTTP1_DONE;
}

static sv_http1_result note_fields(sv_facts *facts, const sv_http2_head *head, const char **why) {
    for (size_t i = 0; i < head->n_fields; i++)
        sv_facts_note(facts, head->fields, i);
    if (facts->n_content_length > 1)
        return sv_malformed(why, "there is more than one Content-Length");
    if (facts->bad_length)
        return sv_malformed(why, "Content-Length is not a number");
    return SV_HTTP1_DONE;
}

static sv_http1_framing framing_of(const sv_facts *facts, bool ended) {
    if (facts->n_content_length > 0)
        return SV_HTTP1_LENGTH;
    return ended ? SV_HTTP1_NO_BODY : SV_HTTP1_CHUNKED;
}

/* RFC 9113 section 8.3.1. */
static sv_http1_result settle_authority(sv_http1_request *request, sv_http2_head *head,
                                        const sv_facts *facts, const char **why) {
    hr_str authority = head->pseudo[SV_PSEUDO_AUTHORITY];
    if (facts->n_host > 1)
        return sv_malformed(why, "there is more than one Host");
    if (facts->n_host == 0 && authority.p == NULL)
        return sv_malformed(why, "there is neither :authority nor Host");
    if (facts->n_host > 0 && authority.p != NULL &&
        !sv_equals_nocase(authority, head->fields[facts->host].value))
        return sv_malformed(why, ":authority and Host differ");
    if (facts->n_host > 0)
        authority = head->fields[facts->host].value;
    else
        head->fields[head->n_fields++] = (hr_pair){HR_STR("host"), authority};
    if (!sv_is_authority(authority))
        return sv_malformed(why, ":authority is not a host name with an optional port");
    request->authority = authority;
    return SV_HTTP1_DONE;
}

static bool is_connect(hr_str method) {
    return method.len == 7 && memcmp(method.p, "CONNECT", 7) == 0;
}

static bool is_visible_ascii(hr_str s) {
    for (size_t i = 0; i < s.len; i++)
        if (s.p[i] <= 0x20 || s.p[i] >= 0x7f)
            return false;
    return true;
}

static sv_http1_result settle_target(sv_http1_request *request, const sv_http2_head *head,
                                     const char **why) {
    hr_str target = request->target, scheme = head->pseudo[SV_PSEUDO_SCHEME];
    if (!sv_http_is_token(request->method))
        return sv_malformed(why, "the method is malformed");
    if (is_connect(request->method))
        return sv_target_settle(request, false, why);
    if (target.len == 0 || (target.p[0] != '/' && target.p[0] != '*') || !is_visible_ascii(target))
        return sv_malformed(why, "the request target is malformed");
    /* TLS may end before this server: both schemes are right on either kind of connection. */
    if (!sv_equals_nocase(scheme, HR_STR("http")) && !sv_equals_nocase(scheme, HR_STR("https")))
        return sv_malformed(why, "the scheme is neither http nor https");
    return sv_target_settle(request, false, why);
}

/* RFC 8441 section 4. libnghttp2 has checked that :protocol comes with CONNECT, :scheme, :path and
 * :authority. */
static sv_http1_result settle_protocol(sv_http1_request *request, const sv_http2_head *head,
                                       const sv_facts *facts, const char **why) {
    hr_str protocol = head->pseudo[SV_PSEUDO_PROTOCOL];
    if (protocol.p == NULL)
        return SV_HTTP1_DONE;
    if (!sv_http_is_token(protocol))
        return sv_malformed(why, "the protocol is malformed");
    if (facts->n_content_length > 0)
        return sv_malformed(why, "a CONNECT has no Content-Length");
    request->method = HR_STR("GET");
    request->upgrade = protocol;
    return SV_HTTP1_DONE;
}

static void settle_expect(sv_http1_request *request, const sv_facts *facts) {
    bool known = facts->n_expect == 1 && sv_equals_nocase(facts->expect, HR_STR("100-continue"));
    request->expect_continue = known;
    request->expect_other = facts->n_expect > 0 && !known;
}

sv_http1_result sv_http2_head_request(sv_http1_request *request, sv_http2_head *head, bool ended,
                                      const char **why) {
    sv_facts facts = SV_FACTS_NONE;
    *request = (sv_http1_request){.minor_version = 1, .keep_alive = true};
    request->method = head->pseudo[SV_PSEUDO_METHOD];
    request->target = request->path = head->pseudo[SV_PSEUDO_PATH];
    sv_http1_result result = check_head(head, why);
    if (result == SV_HTTP1_DONE && !join_cookies(head))
        result = sv_malformed(why, "out of memory");
    if (result == SV_HTTP1_DONE)
        result = note_fields(&facts, head, why);
    if (result == SV_HTTP1_DONE)
        result = settle_protocol(request, head, &facts, why);
    if (result == SV_HTTP1_DONE)
        result = settle_target(request, head, why);
    if (result == SV_HTTP1_DONE)
        result = settle_authority(request, head, &facts, why);
    request->fields = head->fields;
    request->n_fields = head->n_fields;
    request->framing = request->upgrade.p != NULL ? SV_HTTP1_CHUNKED : framing_of(&facts, ended);
    request->content_length = facts.content_length;
    settle_expect(request, &facts);
    return result;
}

/* ---- answers ----------------------------------------------------------------------------- */

static int head_status(hr_str text) {
    int status = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return 0;
        status = status * 10 + (text.p[i] - '0');
    }
    return text.len == 3 && status >= 100 && status <= 599 ? status : 0;
}

sv_http1_result sv_http2_head_response(sv_http1_response *response, sv_http2_head *head, bool ended,
                                       const char **why) {
    sv_facts facts = SV_FACTS_NONE;
    *response = (sv_http1_response){.minor_version = 1, .keep_alive = true};
    response->keep_alive_timeout_s = -1;
    sv_http1_result result = check_head(head, why);
    if (result == SV_HTTP1_DONE)
        result = note_fields(&facts, head, why);
    response->status = head_status(head->pseudo[SV_PSEUDO_STATUS]);
    if (result == SV_HTTP1_DONE && response->status == 0)
        result = sv_malformed(why, "the status is malformed");
    response->has_content_length = facts.n_content_length > 0;
    response->content_length = facts.content_length;
    response->framing = ended ? SV_HTTP1_NO_BODY : framing_of(&facts, ended);
    response->fields = head->fields;
    response->n_fields = sv_http_strip_hop_by_hop(head->fields, head->n_fields);
    return result;
}
