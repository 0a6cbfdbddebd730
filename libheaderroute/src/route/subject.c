/* A request made ready for matching: checked, its path normalised, its headers numbered by the
 * view's names. */
#include "subject.h"

#include "map.h"
#include "path.h"
#include "view.h"

static int refuse(hr_scratch *scratch, const char *sentence) {
    scratch->error = hr_str_from(sentence);
    return HR_EREQUEST;
}

/* Above the control characters and the space; of a value, above the control characters alone. */
enum { TOKEN = 0x21, TEXT = 0x20, DEL = 0x7F };

static bool is_token(hr_str s) {
    bool ok = s.len > 0;
    for (size_t i = 0; i < s.len; i++)
        ok &= (unsigned char)s.p[i] >= TOKEN && s.p[i] != DEL;
    return ok;
}

/* A tab is the one control character that a value may have. */
static bool is_text(hr_str s) {
    bool ok = true;
    for (size_t i = 0; i < s.len; i++)
        ok &= ((unsigned char)s.p[i] >= TEXT || s.p[i] == '\t') && s.p[i] != DEL;
    return ok;
}

/* Methods that Envoy's HTTP/1 parser (Balsa) takes, the usual ones first; HTTP/2 and HTTP/3 have no
 * such list. */
__attribute__((noinline)) static bool is_method_of_http1(hr_str method) {
    static const hr_str names[] = {
#define METHOD(name) {#name, sizeof(#name) - 1}
        METHOD(PUT),        METHOD(HEAD),        METHOD(GET),      METHOD(POST),
        METHOD(OPTIONS),    METHOD(DELETE),      METHOD(PATCH),    METHOD(TRACE),
        METHOD(CONNECT),    METHOD(ACL),         METHOD(BIND),     METHOD(CHECKOUT),
        METHOD(COPY),       METHOD(LINK),        METHOD(LOCK),     METHOD(MERGE),
        METHOD(MKACTIVITY), METHOD(MKCALENDAR),  METHOD(MKCOL),    METHOD(MOVE),
        METHOD(MSEARCH),    METHOD(NOTIFY),      METHOD(PROPFIND), METHOD(PROPPATCH),
        METHOD(PURGE),      METHOD(REBIND),      METHOD(REPORT),   METHOD(SEARCH),
        METHOD(SOURCE),     METHOD(SUBSCRIBE),   METHOD(UNBIND),   METHOD(UNLINK),
        METHOD(UNLOCK),     METHOD(UNSUBSCRIBE),
#undef METHOD
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (method.len == names[i].len && memcmp(method.p, names[i].p, method.len) == 0)
            return true;
    return false;
}

static bool is_http1(const hr_request *request) {
    hr_str protocol = request->connection == NULL ? (hr_str){0} : request->connection->protocol;
    return protocol.p == NULL || hr_str_starts(protocol, HR_STR("HTTP/1"));
}

/* Nearly all requests have one of two methods: they cost next to nothing. */
static inline bool is_accepted(const hr_request *request, hr_str method) {
    if ((method.len == 3 && memcmp(method.p, "GET", 3) == 0) ||
        (method.len == 4 && memcmp(method.p, "POST", 4) == 0))
        return true;
    return is_method_of_http1(method) || !is_http1(request);
}

/* One by one, to say which. */
static int check_slowly(hr_subject *s) {
    const hr_request *r = s->request;
    if (s->authority.len == 0)
        return refuse(s->scratch, "the authority is empty");
    if (!is_token(s->authority))
        return refuse(s->scratch, "the authority contains a space or a control character");
    if (!is_token(s->method))
        return refuse(s->scratch, "the method is empty or contains a space or a control character");
    if (!is_accepted(r, s->method))
        return refuse(s->scratch, "the method is not one that Envoy accepts in HTTP/1");
    for (size_t i = 0; i < r->n_headers && !r->headers_checked; i++) {
        if (!is_token(r->headers[i].name))
            return refuse(s->scratch,
                          "a header name is empty or contains a space or a control character");
        if (r->headers[i].name.p[0] == ':')
            return refuse(s->scratch, "a pseudo-header is not a header: use the members method, "
                                      "scheme, authority and path");
        if (!is_text(r->headers[i].value))
            return refuse(s->scratch, "a header value contains a control character");
    }
    return HR_OK;
}

/* ---- headers by number ---- */

bool hr_same_name(const char *name, const char *lower, size_t len) {
    return hr_octets_equal(name, lower, len) ||
           hr_str_eq_nocase(hr_str_of(name, len), hr_str_of(lower, len));
}

uint32_t hr_name_lookup(const hr_name_table *names, hr_str name) {
    char lower[256];
    if (name.len > sizeof(lower))
        return UINT32_MAX;
    for (size_t i = 0; i < name.len; i++)
        lower[i] = hr_lower(name.p[i]);
    return (uint32_t)((uintptr_t)hr_map_get(&names->numbers, hr_str_of(lower, name.len)) - 1);
}

/* Value by value: what Envoy does not keep joined anyway. */
static bool matched_each(const hr_subject *s, uint32_t number) {
    return s->view->repeated_headers == HR_REPEATED_EACH &&
           !hr_header_is_inline(s->names->v[number]);
}

void hr_subject_note_again(hr_subject *s, uint32_t number, uint32_t header) {
    hr_scratch *scratch = s->scratch;
    hr_seen *seen = &scratch->seen[number];
    if (scratch->links == NULL)
        scratch->links = hr_scratch_alloc(scratch, s->request->n_headers * sizeof(*scratch->links));
    if (seen->repeat == NULL) {
        seen->repeat = hr_scratch_alloc(scratch, sizeof(*seen->repeat));
        if (seen->repeat != NULL)
            *seen->repeat = (hr_repeat){seen->first, matched_each(s, number), {0}};
    }
    if (scratch->links == NULL || seen->repeat == NULL) {
        s->no_memory = true;
        return;
    }
    scratch->links[seen->repeat->last] = header;
    scratch->links[header] = UINT32_MAX;
    seen->repeat->last = header;
}

/* A header that some rule may ask for, by its length. */
static inline void note_header(hr_subject *s, hr_str name, size_t header) {
    const hr_name_table *names = s->names;
    uint32_t number = UINT32_MAX;
    if (names->n > HR_FEW_NAMES) {
        number = hr_name_lookup(names, name);
    } else {
        uint32_t i = names->first[name.len % 64];
        while (i != 0 && !hr_is_named(name, names->v[i - 1]))
            i = names->next[i - 1];
        number = i - 1;
    }
    if (number != UINT32_MAX)
        hr_subject_note(s, number, header);
}

/* What octets the headers have: false where some look wrong. */
static bool headers_fine(const hr_request *r, hr_extent tokens) {
    hr_extent texts = hr_extent_start();
    const hr_pair *h = r->headers;
    for (size_t left = r->n_headers; left > 0; left--, h++) {
        if (h->name.len == 0 || h->name.p[0] == ':')
            return false;
        hr_extent_add(&tokens, h->name.p, h->name.len);
        hr_extent_add(&texts, h->value.p, h->value.len);
    }
    return hr_extent_within(&texts, TEXT) && hr_extent_within(&tokens, TOKEN);
}

/* Which headers rules may ask for, and where they are. */
static void note_headers(hr_subject *s) {
    const hr_pair *headers = s->request->headers, *h = headers;
    uint64_t lengths = s->names->lengths;
    for (size_t left = s->request->n_headers; left > 0; left--, h++)
        if (lengths >> h->name.len % 64 & 1)
            note_header(s, h->name, (size_t)(h - headers));
}

static int check_and_note(hr_subject *s) {
    note_headers(s);
    if (s->no_memory)
        return HR_ENOMEM;
    hr_extent tokens = hr_extent_start();
    hr_extent_add(&tokens, s->authority.p, s->authority.len);
    hr_extent_add(&tokens, s->method.p, s->method.len);
    bool fine = s->request->headers_checked ? hr_extent_within(&tokens, TOKEN)
                                            : headers_fine(s->request, tokens);
    return fine && s->authority.len != 0 && is_accepted(s->request, s->method) ? HR_OK
                                                                               : check_slowly(s);
}

static int check_path(hr_subject *s, hr_path_normalization option) {
    size_t path_len;
    switch (hr_path_normalize(&s->full_path, &path_len, s->scratch, s->request->path, option)) {
    case HR_PATH_OK:
        s->path = hr_str_of(s->full_path.p, path_len);
        return HR_OK;
    case HR_PATH_RELATIVE:
        return refuse(s->scratch, "the path does not begin with '/'");
    case HR_PATH_CONTROL:
        return refuse(s->scratch, "the path contains a space or a control character");
    case HR_PATH_INVALID:
        return refuse(s->scratch, "the path contains the escape %00");
    case HR_PATH_NO_MEMORY:
        break;
    }
    return HR_ENOMEM;
}

int hr_subject_prepare(hr_subject *s, const hr_view *view, const hr_request *request,
                       hr_scratch *scratch) {
    s->request = request;
    s->scratch = scratch;
    s->method = request->method.p == NULL ? HR_STR("GET") : request->method;
    s->scheme = request->scheme.p == NULL ? HR_STR("http") : request->scheme;
    s->authority = request->authority;
    s->no_memory = s->te_known = false;
    s->view = view;
    s->names = &view->names;
    const hr_mark_sizes sizes = {view->names.n, view->params.n, view->n_verdicts,
                                 view->n_literal_words};
    if (hr_scratch_marks(scratch, sizes) != HR_OK)
        return HR_ENOMEM;
    int error = check_and_note(s);
    return error == HR_OK ? check_path(s, view->path_normalization) : error;
}
