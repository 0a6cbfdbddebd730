/* The options common to all servers. */
#include "options.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cpus.h"
#include "log.h"

/* A flag with its row in the table. */
#define FIELD(member) offsetof(sv_server_options, member)

static int server_parse_name(void *field, const char *text, char *why, size_t why_size) {
    /* It goes into Via and Server-Timing, where only a token may stand (RFC 9110, section 5.6.2).
     */
    static const char token[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~";
    if (text[0] == '\0' || strspn(text, token) != strlen(text) || strlen(text) > 253) {
        snprintf(why, why_size, "'%s' is not a name made of letters, digits and - . _", text);
        return -1;
    }
    *(const char **)field = text;
    return 0;
}

static const char *const http10_actions[] = {"allow", "refuse", NULL};

const sv_flag sv_server_flags[] = {
    {.name = "listen",
     .kind = SV_FLAG_LIST,
     .value_name = "ADDR:PORT",
     .offset = FIELD(listen),
     .default_text = "127.0.0.1:5000 (gateway), 0.0.0.0:5000 (proxy), 0.0.0.0:5010 (predict)",
     .help = "Where to accept connections."},
    {.name = "name",
     .kind = SV_FLAG_CUSTOM,
     .value_name = "NAME",
     .offset = FIELD(name),
     .parse = server_parse_name,
     .help = "The name of this hop in Via, Server-Timing and logs.",
     .also_env = "POD_NAME",
     .default_text = "the host name"},
    {.name = "threads",
     .kind = SV_FLAG_INT,
     .value_name = "N",
     .offset = FIELD(threads),
     .min = 1,
     .max = 256,
     .help = "Event loops.",
     .default_text = "the CPUs this process may use, control group's quota included"},
    {.name = "drain-seconds",
     .kind = SV_FLAG_SECONDS,
     .value_name = "S",
     .offset = FIELD(drain_ms),
     .min = 0,
     .max = 3600000,
     .help = "After SIGTERM or SIGINT: how long to wait for what still runs. For half of it, at "
             "most 2 s, requests on open connections are answered with \"Connection: close\"."},
    {.name = "max-connections",
     .kind = SV_FLAG_INT,
     .value_name = "N",
     .offset = FIELD(max_connections),
     .min = 1,
     .max = 1000000,
     .help = "Open connections, and streams of HTTP/2 beyond the first of each; more wait."},
    {.name = "max-body-bytes",
     .kind = SV_FLAG_BYTES,
     .value_name = "BYTES",
     .offset = FIELD(max_body_bytes),
     .min = 1,
     .max = (int64_t)1 << 30,
     .help = "The largest request body; beyond it: 413."},
    {.name = "max-upload-bytes",
     .kind = SV_FLAG_BYTES,
     .value_name = "BYTES",
     .offset = FIELD(max_upload_bytes),
     .min = 1,
     .max = (int64_t)1 << 40,
     .help = "All request bodies held at the same time; beyond it: 503 with Retry-After."},
    {.name = "max-head-bytes",
     .kind = SV_FLAG_BYTES,
     .value_name = "BYTES",
     .offset = FIELD(max_head_bytes),
     .min = 256,
     .max = 400 << 10,
     .help = "Request line and header fields; beyond it: 431."},
    {.name = "idle-timeout",
     .kind = SV_FLAG_SECONDS,
     .value_name = "S",
     .offset = FIELD(idle_timeout_ms),
     .min = 100,
     .max = 86400000,
     .help =
         "Close a connection on which no request was begun for this long. While the connections "
         "of a loop are used up, 15 s."},
    {.name = "request-timeout",
     .kind = SV_FLAG_SECONDS,
     .value_name = "S",
     .offset = FIELD(request_timeout_ms),
     .min = 100,
     .max = 86400000,
     .help = "Close a connection whose request is not complete this long after its first byte."},
    {.name = "stall-timeout",
     .kind = SV_FLAG_SECONDS,
     .value_name = "S",
     .offset = FIELD(stall_timeout_ms),
     .min = 100,
     .max = 86400000,
     .help = "Close a connection whose client reads nothing of its answer for this long."},
    {.name = "http10",
     .kind = SV_FLAG_CHOICE,
     .value_name = "ACTION",
     .offset = FIELD(http10),
     .choices = http10_actions,
     .help = "allow or refuse requests of HTTP/1.0; refused ones are answered with 426, as Istio's "
             "gateways do."},
    {.name = "log-level",
     .kind = SV_FLAG_CHOICE,
     .value_name = "LEVEL",
     .offset = FIELD(log_level),
     .choices = sv_log_levels,
     .help = "debug, info, warn or error; warn and error leave the access log out."},
    {.name = "check",
     .kind = SV_FLAG_SWITCH,
     .offset = FIELD(check),
     .help = "Starts nothing: asks the server at the first --listen address whether it is ready, "
             "and exits 0 or 1."},
};
const size_t sv_server_flags_count = sizeof(sv_server_flags) / sizeof(sv_server_flags[0]);

void sv_server_options_settle(sv_server_options *options, const char *default_listen) {
    static char host[256];
    static const char *defaults[1];
    if (options->name == NULL) {
        if (gethostname(host, sizeof(host) - 1) != 0 || host[0] == '\0')
            snprintf(host, sizeof(host), "headerroute");
        options->name = host;
    }
    if (options->threads == 0)
        options->threads = sv_usable_cpus();
    if (options->listen.n == 0) {
        defaults[0] = default_listen;
        options->listen.v = defaults;
        options->listen.n = 1;
    }
}
