#include "strict.h"

#include <dlfcn.h>
#include <string.h>
#include <strings.h>

#include "conn.h"
#include "exchange_internal.h"
#include "server.h"

/* picohttpparser's interface, for which Debian installs no header. */
struct phr_header {
    const char *name;
    size_t name_len;
    const char *value;
    size_t value_len;
};
struct phr_chunked_decoder;

typedef ssize_t decode_chunked_fn(struct phr_chunked_decoder *decoder, char *buf, size_t *bufsz);
typedef int parse_request_fn(const char *buf, size_t len, const char **method, size_t *method_len,
                             const char **path, size_t *path_len, int *minor_version,
                             struct phr_header *headers, size_t *num_headers, size_t last_len);

__attribute__((visibility("default"))) parse_request_fn phr_parse_request;
__attribute__((visibility("default"))) decode_chunked_fn phr_decode_chunked;

static parse_request_fn *original_parse_request;

/* The loop of this thread, once it has begun to read a chunked body. */
static __thread hr_loop *this_loop;

static const char too_large[] = "the body is larger than this server takes";
static const char busy[] = "too much is being uploaded at the moment";

static void refuse_busy(hr_exchange *ex) {
    hr_exchange_refuse(ex, 503, busy, 1);
    ex->response_flags = "UO";
}

int hr_strict_init(void) {
    /* ISO C has no cast from object to function pointers; POSIX has dlsym give one all the same. */
    *(void **)&original_parse_request = dlsym(RTLD_NEXT, "phr_parse_request");
    return original_parse_request != NULL ? 0 : -1;
}

/* Blanks around a value are not part of it (RFC 9110, section 5.5); picohttpparser leaves those behind it. */
static int parse_trimmed(const char *buf, size_t len, const char **method, size_t *method_len,
                         const char **path, size_t *path_len, int *minor_version,
                         struct phr_header *headers, size_t *num_headers, size_t last_len) {
    int head = original_parse_request(buf, len, method, method_len, path, path_len, minor_version,
                                      headers, num_headers, last_len);
    for (size_t i = 0; head > 0 && i < *num_headers; ++i) {
        struct phr_header *h = &headers[i];
        while (h->value_len > 0 &&
               (h->value[h->value_len - 1] == ' ' || h->value[h->value_len - 1] == '\t'))
            --h->value_len;
        while (h->value_len > 0 && (*h->value == ' ' || *h->value == '\t'))
            ++h->value, --h->value_len;
    }
    return head;
}

static bool name_is(const struct phr_header *header, const char *lower_case) {
    return header->name_len == strlen(lower_case) &&
           strncasecmp(header->name, lower_case, header->name_len) == 0;
}

static bool value_is(const struct phr_header *header, const char *token) {
    return header->value_len == strlen(token) &&
           strncasecmp(header->value, token, header->value_len) == 0;
}

/* What the head says about framing and target. */
typedef struct head_facts {
    const struct phr_header *content_length, *transfer_encoding, *host, *expect;
    size_t length;
    bool folded;
    size_t n_content_length, n_transfer_encoding, n_host, n_expect, n_nominated;
} head_facts;

static void collect(head_facts *facts, const struct phr_header *headers, size_t n) {
    memset(facts, 0, sizeof(*facts));
    for (size_t i = 0; i < n; ++i) {
        const struct phr_header *h = &headers[i];
        if (h->name == NULL || h->name_len == 0) {
            facts->folded = true;
        } else if (name_is(h, "content-length")) {
            facts->content_length = h;
            ++facts->n_content_length;
        } else if (name_is(h, "transfer-encoding")) {
            facts->transfer_encoding = h;
            ++facts->n_transfer_encoding;
        } else if (name_is(h, "host")) {
            facts->host = h;
            ++facts->n_host;
        } else if (name_is(h, "expect")) {
            facts->expect = h;
            ++facts->n_expect;
        } else if (name_is(h, "connection")) {
            facts->n_nominated += hr_list_count((hr_str){h->value, h->value_len});
        }
    }
}

static bool has_bare_lf(const char *buf, size_t len) {
    const char *p = buf, *end = buf + len;
    while ((p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
        if (p == buf || p[-1] != '\r')
            return true;
        ++p;
    }
    return false;
}

/* RFC 9110, section 8.6: digits only. */
static bool parse_length(size_t *out, const struct phr_header *header) {
    size_t value = 0;
    if (header->value_len == 0 || header->value_len > 18)
        return false;
    for (size_t i = 0; i < header->value_len; ++i) {
        if (header->value[i] < '0' || header->value[i] > '9')
            return false;
        value = value * 10 + (size_t)(header->value[i] - '0');
    }
    *out = value;
    return true;
}

/* uri-host [ ":" port ] of RFC 3986; userinfo, blanks and delimiters have no place in it. */
static bool host_is_sane(const char *value, size_t len) {
    for (size_t i = 0; i < len; ++i) {
        unsigned char c = (unsigned char)value[i];
        bool alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!alnum && memchr("-._~%!$&'()*+;=:[]", c, 18) == NULL)
            return false;
    }
    return true;
}

/* RFC 9112, section 3.2: origin-form, absolute-form (http, on encrypted connections https), or "*"
 * with OPTIONS. An absolute target is cut down to origin-form, and its authority takes the place of
 * Host (section 3.2.2). */
static bool settle_target(bool encrypted, const char *method, size_t method_len, const char **path,
                          size_t *path_len, struct phr_header *host) {
    static const char root[] = "/";
    if (*path_len > 0 && (*path)[0] == '/')
        return true;
    if (*path_len == 1 && (*path)[0] == '*')
        return method_len == 7 && memcmp(method, "OPTIONS", 7) == 0;
    const char *scheme = encrypted ? "https://" : "http://";
    size_t scheme_len = strlen(scheme);
    if (*path_len <= scheme_len || strncasecmp(*path, scheme, scheme_len) != 0)
        return false;
    const char *authority = *path + scheme_len;
    size_t rest = *path_len - scheme_len;
    const char *slash = memchr(authority, '/', rest);
    size_t len = slash != NULL ? (size_t)(slash - authority) : rest;
    if (len == 0 || !host_is_sane(authority, len))
        return false;
    if (host != NULL) {
        host->value = authority;
        host->value_len = len;
    }
    *path = slash != NULL ? slash : root;
    *path_len = slash != NULL ? rest - len : 1;
    return true;
}

/* The reason to refuse, or NULL. */
static const char *check_framing(head_facts *facts, int minor_version) {
    if (facts->folded)
        return "a header field is folded over several lines";
    if (facts->n_content_length > 1)
        return "there is more than one Content-Length";
    if (facts->n_transfer_encoding > 1)
        return "there is more than one Transfer-Encoding";
    if (facts->n_content_length == 1 && facts->n_transfer_encoding == 1)
        return "there are both Content-Length and Transfer-Encoding";
    if (facts->n_content_length == 1 && !parse_length(&facts->length, facts->content_length))
        return "Content-Length is not a number";
    if (facts->n_transfer_encoding == 1 && minor_version == 0)
        return "Transfer-Encoding has no place in HTTP/1.0";
    if (facts->n_transfer_encoding == 1 && !value_is(facts->transfer_encoding, "chunked"))
        return "the only Transfer-Encoding understood is chunked";
    if (facts->n_nominated > HR_MAX_NOMINATED)
        return "there are too many names in Connection";
    if (facts->n_host > 1)
        return "there is more than one Host";
    if (facts->n_host == 0 && minor_version > 0)
        return "there is no Host";
    if (facts->n_host == 1 && !host_is_sane(facts->host->value, facts->host->value_len))
        return "Host is not a host name with an optional port";
    return NULL;
}

/* Takes out the fields that would make libh2o read a body. */
static void drop_body_headers(struct phr_header *headers, size_t *n) {
    size_t kept = 0;
    for (size_t i = 0; i < *n; ++i) {
        const struct phr_header *h = &headers[i];
        bool drop = h->name == NULL || h->name_len == 0 || name_is(h, "content-length") ||
                    name_is(h, "transfer-encoding") || name_is(h, "expect");
        if (!drop)
            headers[kept++] = *h;
    }
    *n = kept;
}

/* libh2o wants room for so much before it reads, or doubles the buffer. */
#define READ_ROOM 4096

/* Makes room for the whole body at once, so that libh2o need not double its buffer and copy again
 * and again. True: the head has moved, and what was parsed must be parsed anew. */
static bool make_room(hr_conn *conn, size_t head, size_t body) {
    const h2o_buffer_t *input = conn->sock->input;
    if (head + body <= input->size)
        return false;
    size_t need = head + body - input->size + READ_ROOM;
    const char *before = input->bytes;
    return h2o_buffer_reserve(&conn->sock->input, need).base != NULL &&
           conn->sock->input->bytes != before;
}

static void check_limits(hr_exchange *ex, const head_facts *facts) {
    const hr_server_options *options = hr_server_options_of(ex->loop->server);
    if (facts->n_expect > 0 && (facts->n_expect > 1 || !value_is(facts->expect, "100-continue"))) {
        hr_exchange_refuse(ex, 417, "the only Expect understood is 100-continue", 0);
    } else if (facts->length > (size_t)options->max_body_bytes) {
        hr_exchange_refuse(ex, 413, too_large, 0);
    } else if (!hr_exchange_reserve(ex, facts->length)) {
        refuse_busy(ex);
    }
}

/* ---- chunked bodies ---- */

/* Taken from the upload budget in steps of this, as nobody knows the length before. */
#define CHUNKED_STEP ((size_t)64 << 10)

static void begin_chunked(hr_exchange *ex) {
    hr_loop *loop = ex->loop;
    const hr_resp_head chunked = {.framing = HR_RESP_CHUNKED};
    hr_resp_body_init(&ex->chunked_body, &chunked);
    ex->next_upload = loop->uploads;
    ex->link_upload = &loop->uploads;
    if (ex->next_upload != NULL)
        ex->next_upload->link_upload = &ex->next_upload;
    loop->uploads = ex;
    this_loop = loop;
}

/* Whose body is `decoder` reading? The first time it is the one whose input holds `buf`. */
static hr_exchange *find_chunked(const struct phr_chunked_decoder *decoder, const char *buf) {
    for (hr_exchange *ex = this_loop->uploads; ex != NULL; ex = ex->next_upload) {
        const h2o_buffer_t *input = hr_conn_of(ex->req)->sock->input;
        if (ex->chunk_decoder == decoder || (ex->chunk_decoder == NULL && buf >= input->bytes &&
                                             buf <= input->bytes + input->size)) {
            ex->chunk_decoder = decoder;
            return ex;
        }
    }
    return NULL;
}

/* `arrived` is what the buffer held before decoding: chunks of one byte are mostly framing. */
static bool admit_chunked(hr_exchange *ex, size_t more, size_t arrived) {
    ex->content_length += more;
    size_t held = arrived > HR_FIRST_READ && arrived > ex->content_length ? arrived : ex->content_length;
    if (ex->content_length > (size_t)hr_server_options_of(ex->loop->server)->max_body_bytes) {
        hr_exchange_refuse(ex, 413, too_large, 0);
        return false;
    }
    while (ex->reserved < held) {
        if (!hr_exchange_reserve(ex, CHUNKED_STEP)) {
            refuse_busy(ex);
            return false;
        }
    }
    return true;
}

static void refuse_chunks(hr_exchange *ex, const char *what) {
    static const char prefix[] = "the chunked body holds ";
    char *detail = h2o_mem_alloc_pool(&ex->req->pool, sizeof(prefix) + strlen(what));
    memcpy(detail, prefix, sizeof(prefix) - 1);
    strcpy(detail + sizeof(prefix) - 1, what);
    hr_exchange_refuse(ex, 400, detail, 0);
    ex->response_flags = "DPE";
}

/* Takes the place of picohttpparser's decoder, with its interface: the decoded bytes stand at buf,
 * followed by what is not part of the body; the result is how many those are, -2 for more to come,
 * -1 for an error. */
ssize_t phr_decode_chunked(struct phr_chunked_decoder *decoder, char *buf, size_t *bufsz) {
    hr_exchange *ex = find_chunked(decoder, buf);
    const char *why = NULL;
    size_t arrived = *bufsz, surplus = 0;
    if (ex == NULL)
        return -1;
    size_t held = hr_conn_of(ex->req)->sock->input->size;
    hr_resp_result result = hr_resp_body_feed(&ex->chunked_body, buf, bufsz, &surplus, &why);
    if (result == HR_RESP_ERROR) {
        refuse_chunks(ex, why);
        return -1;
    }
    if (!admit_chunked(ex, *bufsz, held))
        return -1;
    if (result == HR_RESP_INCOMPLETE)
        return -2;
    memmove(buf + *bufsz, buf + arrived - surplus, surplus);
    return (ssize_t)surplus;
}

/* ---- heads ---- */

/* A head that cannot be read becomes a request without anything, which is answered with `status`.
 */
static int stand_in(h2o_req_t *req, size_t len, const char **method, size_t *method_len,
                    const char **path, size_t *path_len, int *minor_version, size_t *num_headers,
                    int status, const char *detail) {
    hr_exchange *ex = hr_exchange_begin(req);
    hr_exchange_refuse(ex, status, detail, status == 503);
    ex->response_flags = status == 503 ? "UO" : "DPE";
    *method = "-";
    *method_len = 1;
    *path = "-";
    *path_len = 1;
    *minor_version = 0;
    *num_headers = 0;
    return (int)len;
}

int phr_parse_request(const char *buf, size_t len, const char **method, size_t *method_len,
                      const char **path, size_t *path_len, int *minor_version,
                      struct phr_header *headers, size_t *num_headers, size_t last_len) {
    /* libh2o's only caller hands in the fields of the request it fills, so that the request can be
     * found. */
    h2o_req_t *req =
        H2O_STRUCT_FROM_MEMBER(h2o_req_t, input.method.base, (char **)(uintptr_t)method);
    hr_conn *conn = hr_conn_of(req);
    size_t max_head = (size_t)hr_server_options_of(conn->loop->server)->max_head_bytes;
    size_t max_headers = *num_headers;

    int head = -2;
    if (len > 0)
        head = parse_trimmed(buf, len, method, method_len, path, path_len, minor_version,
                                      headers, num_headers, last_len);
    if (head == -2 && hr_conn_read_head(conn) > 0) {
        last_len = len;
        buf = conn->sock->input->bytes;
        len = conn->sock->input->size;
        *num_headers = max_headers;
        head = parse_trimmed(buf, len, method, method_len, path, path_len, minor_version,
                                      headers, num_headers, last_len);
    }
    if (head == -2 && len <= max_head && hr_conn_reserve_head(conn))
        return head;
    if (head == -2 && len <= max_head)
        return stand_in(req, len, method, method_len, path, path_len, minor_version, num_headers,
                        503, busy);
    if (head == -2 || head > (int)max_head)
        return stand_in(req, len, method, method_len, path, path_len, minor_version, num_headers,
                        431, "the request head is too large");
    if (head == -1 && *num_headers == max_headers)
        return stand_in(req, len, method, method_len, path, path_len, minor_version, num_headers,
                        431, "there are too many header fields");
    if (head == -1)
        return stand_in(req, len, method, method_len, path, path_len, minor_version, num_headers,
                        400, "the request head is malformed");

    head_facts facts;
    collect(&facts, headers, *num_headers);
    hr_exchange *ex = hr_exchange_begin(req);
    ex->has_host = facts.n_host > 0;
    const char *wrong = has_bare_lf(buf, (size_t)head) ? "a line ends in a bare line feed"
                                                       : check_framing(&facts, *minor_version);
    if (wrong == NULL && !hr_is_token((hr_str){*method, *method_len}))
        wrong = "the method is malformed";
    if (wrong == NULL && !settle_target(conn->ssl_ctx != NULL, *method, *method_len, path, path_len,
                                        (struct phr_header *)facts.host))
        wrong = "the request target is malformed";
    if (wrong != NULL) {
        hr_exchange_refuse(ex, 400, wrong, 0);
        ex->response_flags = "DPE";
    } else {
        check_limits(ex, &facts);
    }
    if (ex->refusal.status != 0) {
        drop_body_headers(headers, num_headers);
        return head;
    }
    ex->content_length = facts.length;
    ex->has_content_length = facts.n_content_length == 1;
    ex->head_len = (size_t)head;
    if (facts.n_transfer_encoding == 1)
        begin_chunked(ex);
    if (facts.n_transfer_encoding == 1 || facts.length > 0)
        hr_conn_read_body(conn);
    if (make_room(conn, (size_t)head, facts.length)) {
        const char *moved = conn->sock->input->bytes;
        *num_headers = max_headers;
        head = parse_trimmed(moved, len, method, method_len, path, path_len, minor_version,
                                      headers, num_headers, 0);
        collect(&facts, headers, *num_headers);
        settle_target(conn->ssl_ctx != NULL, *method, *method_len, path, path_len,
                      (struct phr_header *)facts.host);
    }
    return head;
}
