#include <stdio.h>
#include <string.h>

#include "answer.h"
#include "server.h"

static void on_request(hr_exchange *ex) {
    h2o_iovec_t path = hr_request_path(ex->req);
    if (hr_answer_common(ex))
        return;
    if (h2o_memis(path.base, path.len, H2O_STRLIT("/")))
        hr_answer_json(ex, 200, "\"Hello API Server!\\n\"");
    else if (h2o_memis(path.base, path.len, H2O_STRLIT("/health")))
        hr_answer_json(ex, 200, "{\"health\":\"ok\"}");
    else
        hr_answer_error(ex, 404, "there is nothing at this path");
}

int main(int argc, char **argv) {
    static const char program[] = "headerroute-predict";
    hr_server_options options = HR_SERVER_OPTIONS_INIT;
    const hr_flag_set sets[] = {{hr_server_flags, hr_server_flags_count, &options}};
    int code = hr_flags_parse(sets, 1, argc, argv, program, "Cuts the foreground out of pictures.");
    if (code != HR_FLAGS_RUN)
        return code;
    hr_server_options_settle(&options, "0.0.0.0:5010");
    hr_listener listeners[32];
    size_t n = options.listen.n < 32 ? options.listen.n : 32;
    for (size_t i = 0; i < n; ++i)
        listeners[i] = (hr_listener){options.listen.v[i], on_request};
    hr_metrics *metrics = hr_metrics_new();
    hr_service service = {.program = program};
    code = hr_server_run(&service, listeners, n, &options, metrics);
    hr_metrics_free(metrics);
    return code;
}
