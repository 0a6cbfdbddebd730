/* HTTPRedirect, HTTPDirectResponse and HTTPRewrite: what a route answers itself, and what it
 * changes in the request. */
#include "http_action.h"

#include <stddef.h>

#include "common_fields.h"
#include "decode_base64.h"
#include "regex.h"
#include "resources.h"
#include "text.h"

/* ---- HTTPRedirect ---- */

static void check_redirect(hr_reader *r, const hr_node *node, void *out) {
    const hr_spec_redirect *redirect = out;
    uint32_t code = redirect->redirect_code;
    if (redirect->uri.len > 0 && redirect->prefix_rewrite.len > 0)
        hr_field_error(r, node, "prefixRewrite", "cannot be combined with \"uri\"");
    if (redirect->uri.len == 0 && redirect->prefix_rewrite.len == 0 &&
        redirect->authority.len == 0 && redirect->scheme.len == 0 &&
        hr_field_get(node, "port") == NULL && hr_field_get(node, "derivePort") == NULL)
        hr_reader_error(
            r, node, "at least one of uri, prefixRewrite, authority, port and scheme is required");
    if (code != 0 && (code < 300 || code > 399))
        hr_field_error(r, node, "redirectCode",
                       "%u is not a redirect status; expected 301, 302, 303, 307 or 308", code);
    else if (code != 0 && code != 301 && code != 302 && code != 303 && code != 307 && code != 308)
        hr_field_error(
            r, node, "redirectCode",
            "%u is accepted by Istio but rejected by Envoy; expected 301, 302, 303, 307 or 308",
            code);
    if (redirect->scheme.len > 0 && !hr_str_eq_c(redirect->scheme, "http") &&
        !hr_str_eq_c(redirect->scheme, "https"))
        hr_field_error(r, node, "scheme", "expected \"http\" or \"https\", got \"%.*s\"",
                       (int)redirect->scheme.len, redirect->scheme.p);
    if (redirect->port > 65535)
        hr_field_error(r, node, "port", "%u is not a valid port; expected 1 to 65535",
                       redirect->port);
}

static const hr_enum derive_port[] = {
    {"FROM_PROTOCOL_DEFAULT", 1}, {"FROM_REQUEST_PORT", 2}, {NULL, 0}};

#define R(member) offsetof(hr_spec_redirect, member)
static const hr_field redirect_fields[] = {
    {"uri", hr_read_string, R(uri), 0, NULL, 0},
    {"authority", hr_read_string, R(authority), 0, NULL, 0},
    {"port", hr_read_uint32, R(port), 0, NULL, 1},
    {"derivePort", hr_read_enum, R(derive_port), 0, derive_port, 1},
    {"scheme", hr_read_string, R(scheme), 0, NULL, 0},
    {"redirectCode", hr_read_uint32, R(redirect_code), 0, NULL, 0},
    {"prefixRewrite", hr_read_string, R(prefix_rewrite), 0, NULL, 0},
};
#undef R

const hr_schema hr_redirect_schema =
    HR_SCHEMA_WITH_POS("HTTPRedirect", redirect_fields, hr_spec_redirect, NULL, check_redirect);

/* ---- HTTPDirectResponse ---- */

static void read_body_bytes(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    (void)field;
    if (!hr_reader_expect(r, node, HR_NODE_STRING))
        return;
    char *bytes = hr_reader_alloc(r, node->u.text.len / 4 * 3 + 4, 1);
    if (bytes == NULL)
        return;
    hr_str *body = base;
    body->p = bytes;
    if (!hr_decode_base64(bytes, &body->len, node->u.text))
        hr_reader_error(r, node, "expected base64");
}

static const hr_field body_fields[] = {
    {"string", hr_read_string, 0, 0, NULL, 1},
    {"bytes", read_body_bytes, 0, 0, NULL, 1},
};

static const hr_schema body_schema = HR_SCHEMA("HTTPBody", body_fields, hr_str, NULL, NULL);

static void check_direct_response(hr_reader *r, const hr_node *node, void *out) {
    const hr_spec_direct_response *response = out;
    hr_check_http_status(r, node, "status", response->status);
    if (response->body.len > (size_t)1 << 20)
        hr_field_error(r, node, "body", "is too large: at most 1 MiB is allowed, got %zu bytes",
                       response->body.len);
    else if (response->body.len > 100u << 10)
        hr_field_warn(r, node, "body",
                      "is large (%zu bytes): more than 100 KiB slows Istio's control plane down",
                      response->body.len);
}

static const hr_field direct_response_fields[] = {
    {"status", hr_read_uint32, offsetof(hr_spec_direct_response, status), 0, NULL, 0},
    {"body", hr_read_message, offsetof(hr_spec_direct_response, body), 0, &body_schema, 0},
};

const hr_schema hr_direct_response_schema =
    HR_SCHEMA_WITH_POS("HTTPDirectResponse", direct_response_fields, hr_spec_direct_response, NULL,
                       check_direct_response);

/* ---- HTTPRewrite ---- */

static void check_rewrite(hr_reader *r, const hr_node *node, void *out) {
    const hr_spec_rewrite *rewrite = out;
    const hr_node *regex = hr_field_get(node, "uriRegexRewrite");
    if (rewrite->uri.len > 0 && regex != NULL)
        hr_field_error(r, node, "uriRegexRewrite", "cannot be combined with \"uri\"");
    if (rewrite->uri.len == 0 && rewrite->authority.len == 0 && regex == NULL)
        hr_reader_error(r, node, "at least one of uri, uriRegexRewrite and authority is required");
    if (regex == NULL || regex->kind != HR_NODE_MAP)
        return;
    hr_path step = {.up = r->path, .name = HR_STR("uriRegexRewrite")};
    hr_path deeper = {.up = &step, .name = HR_STR("match")};
    const hr_node *match = hr_field_get(regex, "match");
    r->path = &step;
    if (rewrite->regex_match.len == 0 || rewrite->regex_rewrite.len == 0) {
        hr_reader_error(r, regex, "match and rewrite are required and must not be empty");
    } else if (match != NULL) {
        size_t before = hr_diagnostics_errors(r->d);
        char why[256];
        r->path = &deeper;
        hr_check_regex(r, match, rewrite->regex_match);
        r->path = &step;
        hr_regex *compiled = hr_map_get(&r->out->regexes, rewrite->regex_match);
        int rc = HR_OK;
        if (hr_diagnostics_errors(r->d) == before && compiled != NULL)
            rc = hr_regex_prepare_rewrite(compiled, rewrite->regex_match, rewrite->regex_rewrite,
                                          why, sizeof(why));
        if (rc == HR_ENOMEM)
            hr_arena_fail(r->arena);
        else if (rc != HR_OK)
            hr_field_warn(r, regex, "rewrite",
                          "does not fit the match: RE2 replaces only a part: %s", why);
    }
    r->path = step.up;
}

static void init_regex_rewrite(void *out) {
    hr_spec_rewrite *rewrite = out; /* given, so its strings are empty rather than absent */
    rewrite->regex_match = rewrite->regex_rewrite = HR_STR("");
}

static const hr_field regex_rewrite_fields[] = {
    {"match", hr_read_string, offsetof(hr_spec_rewrite, regex_match), 0, NULL, 0},
    {"rewrite", hr_read_string, offsetof(hr_spec_rewrite, regex_rewrite), 0, NULL, 0},
};

static const hr_schema regex_rewrite_schema =
    HR_SCHEMA("RegexRewrite", regex_rewrite_fields, hr_spec_rewrite, init_regex_rewrite, NULL);

static const hr_field rewrite_fields[] = {
    {"uri", hr_read_string, offsetof(hr_spec_rewrite, uri), 0, NULL, 0},
    {"authority", hr_read_string, offsetof(hr_spec_rewrite, authority), 0, NULL, 0},
    {"uriRegexRewrite", hr_read_message, 0, 0, &regex_rewrite_schema, 0},
};

const hr_schema hr_rewrite_schema =
    HR_SCHEMA_WITH_POS("HTTPRewrite", rewrite_fields, hr_spec_rewrite, NULL, check_rewrite);
