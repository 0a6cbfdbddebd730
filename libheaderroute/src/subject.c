/* A request made ready for matching: checked, its path normalised, its headers numbered by the view's names. */
#include "match.h"
#include "octets.h"
#include "path.h"

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

/* One by one, to say which. */
static int check_slowly(hr_subject *s) {
    const hr_request *r = s->request;
    if (s->authority.len == 0)
        return refuse(s->scratch, "the authority is empty");
    if (!is_token(s->authority))
        return refuse(s->scratch, "the authority has a space or a control character");
    if (!is_token(s->method))
        return refuse(s->scratch, "the method is empty or has a space or a control character");
    for (size_t i = 0; i < r->n_headers; i++) {
        if (!is_token(r->headers[i].name))
            return refuse(s->scratch, "a header's name is empty or has a space or a control character");
        if (!is_text(r->headers[i].value))
            return refuse(s->scratch, "a header's value has a control character");
    }
    return HR_OK;
}

static bool headers_suspicious(const hr_request *r) {
    hr_minima tokens = hr_minima_start(DEL), texts = hr_minima_start(DEL);
    size_t shortest = 1;
    for (size_t i = 0; i < r->n_headers; i++) {
        const hr_pair *h = &r->headers[i];
        shortest &= h->name.len != 0;
        hr_minima_add(&tokens, h->name.p, h->name.len);
        hr_minima_add(&texts, h->value.p, h->value.len);
    }
    return shortest == 0 || hr_minima_met(&tokens, TOKEN) || hr_minima_met(&texts, TEXT);
}

static int check(hr_subject *s) {
    hr_minima tokens = hr_minima_start(DEL);
    hr_minima_add(&tokens, s->authority.p, s->authority.len);
    hr_minima_add(&tokens, s->method.p, s->method.len);
    bool suspicious = s->authority.len == 0 || s->method.len == 0 || hr_minima_met(&tokens, TOKEN);
    if (!suspicious && !s->request->headers_checked)
        suspicious = headers_suspicious(s->request);
    return suspicious ? check_slowly(s) : HR_OK;
}

/* Which headers rules may ask for, and where they are. */
static int note_headers(hr_subject *s, const hr_name_table *names) {
    const hr_request *r = s->request;
    s->names = names;
    if (hr_scratch_names(s->scratch, names->n) != HR_OK)
        return HR_ENOMEM;
    uint64_t lengths = names->lengths;
    for (size_t i = 0; i < r->n_headers; i++) {
        size_t len = r->headers[i].name.len;
        if (!(lengths >> (len < 63 ? len : 63) & 1))
            continue;
        uint32_t number = hr_name_find(names, r->headers[i].name);
        if (number != UINT32_MAX)
            hr_subject_note(s, number, i);
    }
    return HR_OK;
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
        return refuse(s->scratch, "the path has a space or a control character");
    case HR_PATH_INVALID:
        return refuse(s->scratch, "the path has the escape %00");
    case HR_PATH_NO_MEMORY:
        break;
    }
    return HR_ENOMEM;
}

int hr_subject_prepare(hr_subject *s, const hr_view *view, const hr_request *request, hr_scratch *scratch) {
    s->request = request;
    s->scratch = scratch;
    s->method = request->method.p == NULL ? HR_STR("GET") : request->method;
    s->scheme = request->scheme.p == NULL ? HR_STR("http") : request->scheme;
    s->authority = request->authority;
    s->no_memory = false;
    int error = check(s);
    if (error == HR_OK)
        error = note_headers(s, &view->names);
    return error == HR_OK ? check_path(s, view->path_normalization) : error;
}
