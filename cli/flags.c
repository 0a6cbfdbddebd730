#include "flags.h"

#include "color.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char cli_view_help[] =
    "View: whose data plane decides\n"
    "  --gateway mesh|NS/NAME   a caller's sidecar (mesh, the default), or the proxies of that Gateway\n"
    "  --port N                 the service port called, or the Gateway server's port;\n"
    "                           default: the URL's, else 80\n"
    "  --namespace NS           namespace of the proxy; default: default, for a Gateway its own\n"
    "  --source-label K=V       label of the proxy's pod (repeatable)\n"
    "  --locality REGION/ZONE/SUBZONE\n"
    "                           where the proxy runs, for localityLbSetting (zone and subzone may be left\n"
    "                           out); default: what the topology labels among --source-label say\n"
    "  --outbound-policy allow-any|registry-only\n"
    "                           what happens to hosts that nothing knows (default: allow-any)\n"
    "  --repeated-headers joined|each\n"
    "                           how a header that comes twice is matched: its values joined with ','\n"
    "                           (default, Envoy up to 1.38), or one by one (Envoy from 1.39 on)\n"
    "  --peer-address ADDR[:PORT]\n"
    "                           where requests come from, for x-forwarded-for and header values such as\n"
    "                           %DOWNSTREAM_REMOTE_ADDRESS% (default: unknown, nothing is appended)\n"
    "  --trusted-proxies N      numTrustedProxies: proxies in front whose x-forwarded-for and\n"
    "                           x-forwarded-proto are believed (default: 0)\n"
    "  --path-normalization none|base|merge-slashes|decode-and-merge-slashes\n"
    "                           the mesh's pathNormalization (default: base)\n";

enum {
    OPT_GATEWAY = 256,
    OPT_PORT,
    OPT_NAMESPACE,
    OPT_SOURCE_LABEL,
    OPT_LOCALITY,
    OPT_OUTBOUND_POLICY,
    OPT_REPEATED_HEADERS,
    OPT_PATH_NORMALIZATION,
    OPT_RANDOM,
    OPT_SCHEME,
    OPT_PEER_ADDRESS,
    OPT_TRUSTED_PROXIES,
    OPT_REQUEST_ID,
    OPT_FACT,
    OPT_JSON,
    OPT_BATCH,
    OPT_JUNIT,
    OPT_OLD,
    OPT_NEW,
    OPT_ONLY,
    OPT_FORMAT,
    OPT_LOCATE,
    OPT_COLOR
};

static const struct option long_options[] = {
    {"file", required_argument, NULL, 'f'},
    {"request", required_argument, NULL, 'X'},
    {"header", required_argument, NULL, 'H'},
    {"gateway", required_argument, NULL, OPT_GATEWAY},
    {"port", required_argument, NULL, OPT_PORT},
    {"namespace", required_argument, NULL, OPT_NAMESPACE},
    {"source-label", required_argument, NULL, OPT_SOURCE_LABEL},
    {"locality", required_argument, NULL, OPT_LOCALITY},
    {"outbound-policy", required_argument, NULL, OPT_OUTBOUND_POLICY},
    {"repeated-headers", required_argument, NULL, OPT_REPEATED_HEADERS},
    {"path-normalization", required_argument, NULL, OPT_PATH_NORMALIZATION},
    {"scheme", required_argument, NULL, OPT_SCHEME},
    {"peer-address", required_argument, NULL, OPT_PEER_ADDRESS},
    {"trusted-proxies", required_argument, NULL, OPT_TRUSTED_PROXIES},
    {"request-id", required_argument, NULL, OPT_REQUEST_ID},
    {"fact", required_argument, NULL, OPT_FACT},
    {"random", required_argument, NULL, OPT_RANDOM},
    {"json", no_argument, NULL, OPT_JSON},
    {"batch", required_argument, NULL, OPT_BATCH},
    {"junit", required_argument, NULL, OPT_JUNIT},
    {"old", required_argument, NULL, OPT_OLD},
    {"new", required_argument, NULL, OPT_NEW},
    {"only", required_argument, NULL, OPT_ONLY},
    {"format", required_argument, NULL, OPT_FORMAT},
    {"locate", required_argument, NULL, OPT_LOCATE},
    {"color", required_argument, NULL, OPT_COLOR},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* The letter of `accepted` that stands for an option. */
static char group_of(int option) {
    switch (option) {
    case 'f':
        return 'f';
    case 'X':
    case 'H':
    case OPT_RANDOM:
    case OPT_SCHEME:
    case OPT_REQUEST_ID:
    case OPT_FACT:
        return 'r';
    case OPT_JSON:
        return 'j';
    case OPT_BATCH:
        return 'b';
    case OPT_JUNIT:
        return 'u';
    case OPT_OLD:
    case OPT_NEW:
    case OPT_ONLY:
    case OPT_FORMAT:
    case OPT_LOCATE:
        return 'd';
    case OPT_COLOR: /* every command has it */
    case 'h':
        return 'h';
    default:
        return 'v';
    }
}

static const char *set_label(cli_view *view, const char *text) {
    const char *equals = strchr(text, '=');
    if (equals == NULL || equals == text)
        return "--source-label is written KEY=VALUE";
    cli_add_label(view, (hr_str){text, (size_t)(equals - text)}, hr_str_from(equals + 1));
    return NULL;
}

static const char *set_policy(cli_view *view, const char *text) {
    return cli_parse_outbound_policy(&view->outbound_policy, text)
               ? NULL
               : "--outbound-policy is allow-any or registry-only";
}

static const char *set_repeated(cli_view *view, const char *text) {
    return cli_parse_repeated_headers(&view->repeated_headers, text) ? NULL : "--repeated-headers is joined or each";
}

static const char *set_trusted_proxies(cli_request *request, const char *text) {
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || n > 1000)
        return "--trusted-proxies is a number from 0 to 1000";
    request->connection.trusted_proxies = (unsigned)n;
    return NULL;
}

static const char *set_random(cli_request *request, const char *text) {
    double draw;
    if (!cli_parse_draw(&draw, text))
        return "--random is a number in [0, 1)";
    request->request.draws = (hr_draws){draw, draw, draw, draw};
    return NULL;
}

static void set_diff_flag(cli_flags *out, int option, const char *value) {
    if (option == OPT_OLD || option == OPT_NEW)
        cli_push(option == OPT_OLD ? &out->old : &out->new_, value);
    else if (option == OPT_ONLY)
        out->only = value;
    else if (option == OPT_FORMAT)
        out->format = value;
    else
        out->locate = value;
}

/* NULL, or what is wrong with the value. */
static const char *apply(cli_flags *out, int option, const char *value) {
    switch (option) {
    case 'f':
        cli_push(&out->files, value);
        return NULL;
    case 'X':
        out->request.request.method = hr_str_from(value);
        return value[0] == '\0' ? "-X needs a method" : NULL;
    case 'H':
        return cli_parse_header(&out->request, value);
    case OPT_GATEWAY:
        out->view.gateway = value;
        return strcmp(value, "mesh") == 0 || strchr(value, '/') != NULL
                   ? NULL
                   : "--gateway is mesh or NAMESPACE/NAME";
    case OPT_PORT:
        return cli_parse_port(&out->view.port, value) ? NULL : "--port is a number from 1 to 65535";
    case OPT_NAMESPACE:
        out->view.namespace_ = value;
        return value[0] == '\0' ? "--namespace needs a name" : NULL;
    case OPT_SOURCE_LABEL:
        return set_label(&out->view, value);
    case OPT_LOCALITY:
        out->view.locality = value;
        return value[0] == '\0' ? "--locality is written REGION/ZONE/SUBZONE" : NULL;
    case OPT_OUTBOUND_POLICY:
        return set_policy(&out->view, value);
    case OPT_REPEATED_HEADERS:
        return set_repeated(&out->view, value);
    case OPT_PATH_NORMALIZATION:
        return cli_parse_normalization(&out->view.path_normalization, value)
                   ? NULL
                   : "--path-normalization is none, base, merge-slashes or decode-and-merge-slashes";
    case OPT_SCHEME:
        out->scheme = value;
        return strcasecmp(value, "http") == 0 || strcasecmp(value, "https") == 0 ? NULL : "--scheme is http or https";
    case OPT_PEER_ADDRESS:
        return cli_set_peer(&out->request, hr_str_from(value)) ? NULL : "--peer-address is ADDRESS or ADDRESS:PORT";
    case OPT_TRUSTED_PROXIES:
        return set_trusted_proxies(&out->request, value);
    case OPT_REQUEST_ID:
        out->request.connection.request_id = hr_str_from(value);
        return value[0] == '\0' ? "--request-id needs an id" : NULL;
    case OPT_FACT:
        return cli_add_fact(&out->request, hr_str_from(value)) ? NULL : "--fact is written COMMAND=VALUE";
    case OPT_RANDOM:
        return set_random(&out->request, value);
    case OPT_JSON:
        out->json = true;
        return NULL;
    case OPT_BATCH:
        out->batch = value;
        return NULL;
    case OPT_JUNIT:
        out->junit = value;
        return NULL;
    case OPT_COLOR:
        return cli_color_set(value) ? NULL : "--color is auto, always or never";
    case 'h':
        out->help = true;
        return NULL;
    default:
        set_diff_flag(out, option, value);
        return NULL;
    }
}

int cli_parse_flags(cli_flags *out, int argc, char **argv, const char *accepted) {
    *out = (cli_flags){.help = false};
    cli_request_init(&out->request);
    opterr = 0;
    optind = 1;
    int option;
    while ((option = getopt_long(argc, argv, ":f:X:H:h", long_options, NULL)) != -1) {
        const char *given = argv[optind - 1];
        if (option == ':')
            return cli_usage_error(argv[0], "%s needs a value", given);
        if (option == '?' || (option != 'h' && strchr(accepted, group_of(option)) == NULL))
            return cli_usage_error(argv[0], "there is no flag %s", option == '?' || optarg == NULL ? given : argv[optind - 2]);
        const char *wrong = apply(out, option, optarg);
        if (wrong != NULL)
            return cli_usage_error(argv[0], "%s, not '%s'", wrong, optarg);
    }
    for (int i = optind; i < argc; i++)
        cli_push(&out->rest, argv[i]);
    return CLI_OK;
}

void cli_flags_free(cli_flags *flags) {
    free(flags->files.v);
    free(flags->old.v);
    free(flags->new_.v);
    free(flags->rest.v);
    free(flags->view.labels);
    cli_request_free(&flags->request);
}
