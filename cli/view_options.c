/* Sets the options of a view from text and from JSON, and lists their flags. */
#include "view_options.h"

#include <string.h>

#include "cli.h"

const cli_view_flag cli_view_flags[CLI_VIEW_FLAGS] = {
    {"gateway", "gateway", "mesh|NS/NAME",
     "a caller's sidecar (mesh, the default), or the proxies of that Gateway"},
    {"port", "port", "N",
     "the service port called, or the Gateway server's port\n"
     "(default: the URL's, else 80)"},
    {"namespace", "namespace", "NS",
     "namespace of the proxy (default: default; for a Gateway its own)"},
    {"source-label", "source_labels", "K=V", "label of the proxy's pod (repeatable)"},
    {"locality", "locality", "REGION/ZONE/SUBZONE",
     "where the proxy runs, for localityLbSetting; zone and subzone may be left\n"
     "out (default: the topology labels among --source-label)"},
    {"outbound-policy", "outbound_policy", "allow-any|registry-only",
     "what happens to requests for unknown hosts (default: allow-any)"},
    {"repeated-headers", "repeated_headers", "joined|each",
     "match a header that occurs twice by its values joined with ','\n"
     "(joined, Envoy up to 1.38) or one by one (each, Envoy from 1.39 on)\n"
     "(default: joined)"},
    {"path-normalization", "path_normalization", "none|base|merge-slashes|decode-and-merge-slashes",
     "the mesh's pathNormalization (default: base)"},
};

/* ---- help ---- */

/* Flags of the connection that are listed behind those of the view. */
static const cli_view_flag connection_flags[] = {
    {"peer-address", NULL, "ADDR[:PORT]",
     "the client's address, for x-forwarded-for and header values such as\n"
     "%DOWNSTREAM_REMOTE_ADDRESS% (default: unknown, nothing is appended)"},
    {"trusted-proxies", NULL, "N",
     "numTrustedProxies: number of proxies in front whose x-forwarded-for and\n"
     "x-forwarded-proto are trusted (default: 0)"},
};

/* Help begins in this column. */
#define HELP_COLUMN 27

static void print_flag_help(FILE *to, const cli_view_flag *row) {
    int width = fprintf(to, "  --%s %s", row->flag, row->value);
    if (width > HELP_COLUMN - 2) {
        fputc('\n', to);
        width = 0;
    }
    for (const char *line = row->help;; width = 0) {
        size_t len = strcspn(line, "\n");
        fprintf(to, "%*s%.*s\n", HELP_COLUMN - width, "", (int)len, line);
        if (line[len] == '\0')
            return;
        line += len + 1;
    }
}

void cli_print_view_help(FILE *to) {
    fputs("View: whose data plane decides\n", to);
    for (size_t i = 0; i < CLI_VIEW_FLAGS; i++)
        print_flag_help(to, &cli_view_flags[i]);
}

void cli_print_connection_help(FILE *to) {
    for (size_t i = 0; i < sizeof(connection_flags) / sizeof(connection_flags[0]); i++)
        print_flag_help(to, &connection_flags[i]);
}

/* ---- values ---- */

void cli_add_label(cli_view *view, hr_str name, hr_str value) {
    cli_push_pair(&view->labels, &view->n_labels, &view->labels_capacity, name, value);
}

static bool is_labels(const char *option) {
    return strcmp(option, "source_labels") == 0;
}

static int add_label_text(cli_view *view, hr_str text, const char **expected) {
    const char *equals = text.len == 0 ? NULL : memchr(text.p, '=', text.len);
    *expected = "KEY=VALUE";
    if (equals == NULL || equals == text.p)
        return HR_EINVAL;
    size_t len = (size_t)(equals - text.p);
    cli_add_label(view, (hr_str){text.p, len}, (hr_str){equals + 1, text.len - len - 1});
    return HR_OK;
}

static int add_labels_json(cli_view *view, json_t *labels, const char **expected) {
    const char *name;
    json_t *value;
    *expected = "a map of strings";
    if (!json_is_object(labels))
        return HR_EINVAL;
    json_object_foreach(labels, name, value) {
        if (!json_is_string(value))
            return HR_EINVAL;
        cli_add_label(view, hr_str_from(name),
                      (hr_str){json_string_value(value), json_string_length(value)});
    }
    return HR_OK;
}

int cli_view_set(cli_view *view, const char *option, hr_str value, const char **expected) {
    if (is_labels(option))
        return add_label_text(view, value, expected);
    view->options.version = HR_VIEW_OPTIONS_VERSION;
    return hr_view_options_set(&view->options, hr_str_from(option), value, expected);
}

int cli_view_set_json(cli_view *view, const char *option, const json_t *value,
                      const char **expected) {
    char number[32];
    hr_str text = {0}; /* absent, and so refused, if the type is wrong */
    if (is_labels(option))
        return add_labels_json(view, (json_t *)value, expected);
    bool is_port = strcmp(option, "port") == 0; /* the one option that is a number */
    if (is_port && json_is_integer(value)) {
        snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        text = hr_str_from(number);
    } else if (!is_port && json_is_string(value)) {
        text = (hr_str){json_string_value(value), json_string_length(value)};
    }
    return cli_view_set(view, option, text, expected);
}

bool cli_same_option(const hr_view_options *a, const hr_view_options *b, const char *option) {
    char x_number[HR_VIEW_OPTION_NUMBER], y_number[HR_VIEW_OPTION_NUMBER];
    hr_str x = hr_view_options_get(a, hr_str_from(option), x_number);
    hr_str y = hr_view_options_get(b, hr_str_from(option), y_number);
    return x.len == y.len && (x.len == 0 || memcmp(x.p, y.p, x.len) == 0);
}

bool cli_is_shared_option(const char *option) {
    static const char *const own[] = {"gateway", "port", "namespace", "locality"};
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        if (strcmp(option, own[i]) == 0)
            return false;
    return true;
}

bool cli_names_view(const cli_view *view) {
    return view->options.gateway.p != NULL || view->options.port != 0 ||
           view->options.namespace_.p != NULL || view->n_labels > 0;
}

hr_view_options cli_view_on_port(const cli_view *view, uint16_t port) {
    hr_view_options options = view->options;
    options.version = HR_VIEW_OPTIONS_VERSION;
    options.port = port;
    options.source_labels = view->labels;
    options.n_source_labels = view->n_labels;
    return options;
}
