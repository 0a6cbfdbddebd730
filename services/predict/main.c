/* headerroute-predict: its flags, routes and metrics. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <grabcut/grabcut.h>

#include "answer_error.h"
#include "cpus.h"
#include "docs.h"
#include "engines.h"
#include "estimate.h"
#include "grpc.h"
#include "grpc_health.h"
#include "grpc_service.h"
#include "metadata.h"
#include "parameters.h"
#include "run.h"
#include "v2.h"
#include "work.h"

#define MAX_LISTENERS 32

static sv_predict predict;

/* ---- handlers ---- */

typedef struct route {
    const char *path, *allow;
    void (*answer)(sv_exchange *ex);
} route;

static void answer_root(sv_exchange *ex) {
    sv_answer_json(ex, 200, "\"Hello API Server!\\n\"");
}

static void answer_health(sv_exchange *ex) {
    sv_answer_json(ex, 200, "{\"health\":\"ok\"}");
}

static void answer_metadata(sv_exchange *ex) {
    sv_answer(ex, 200, "application/json", predict.metadata);
}

static void answer_predict(sv_exchange *ex) {
    sv_predict_handle(&predict, ex);
}

static const route routes[] = {
    {"/", "GET, HEAD", answer_root},
    {"/health", "GET, HEAD", answer_health},
    {"/metadata", "GET, HEAD", answer_metadata},
    {"/predict", "POST", answer_predict},
};

static bool allows(const route *r, hr_str method) {
    if (strcmp(r->allow, "POST") == 0)
        return sv_str_is(method, "POST");
    return sv_str_is(method, "GET") || sv_str_is(method, "HEAD");
}

static void on_request(sv_exchange *ex) {
    hr_str path = sv_request_path(ex);
    if (sv_grpc_is_content_type(sv_request_header(ex, "content-type"))) {
        if (sv_exchange_is_grpc(ex))
            sv_predict_grpc(&predict, ex);
        else
            sv_answer_error(ex, 505, "gRPC needs HTTP/2");
        return;
    }
    if (sv_answer_common(ex) || sv_answer_docs(ex) || sv_predict_v2(&predict, ex))
        return;
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); ++i) {
        if (!sv_str_is(path, routes[i].path))
            continue;
        if (allows(&routes[i], ex->request.method))
            routes[i].answer(ex);
        else
            sv_answer_method(ex, routes[i].allow);
        return;
    }
    sv_answer_error(ex, 404, "there is nothing at this path");
}

/* ---- flags ---- */

#define FIELD(member) offsetof(sv_predict_options, member)

static int parse_rect_flag(void *field, const char *text, char *why, size_t why_size) {
    sv_rect_choice *rect = field;
    if (sv_parse_rect(rect, text, why, why_size) != 0)
        return -1;
    if (rect->automatic || (rect->rect.width > 0 && rect->rect.height > 0))
        return 0;
    snprintf(why, why_size, "rect must have a width and a height above 0");
    return -1;
}

static const sv_flag flags[] = {
    {.name = "iterations",
     .kind = SV_FLAG_INT,
     .value_name = "N",
     .offset = FIELD(iterations),
     .min = 1,
     .max = 1000,
     .also_env = "GRAB_CUT_ITERS",
     .help = "GrabCut's iterations, unless the request says so."},
    {.name = "max-iterations",
     .kind = SV_FLAG_INT,
     .value_name = "N",
     .offset = FIELD(max_iterations),
     .min = 1,
     .max = 1000,
     .help =
         "The most iterations that a request may ask for; beyond it: 400. At least --iterations."},
    {.name = "rect",
     .kind = SV_FLAG_CUSTOM,
     .value_name = "X,Y,W,H",
     .offset = FIELD(rect),
     .parse = parse_rect_flag,
     .also_env = "GRAB_CUT_RECT",
     .default_text = "auto",
     .help = "Where the foreground lies, unless the request says so; auto leaves 5 % of each side "
             "out."},
    {.name = "engine",
     .kind = SV_FLAG_CHOICE,
     .value_name = "NAME",
     .offset = FIELD(engine),
     .choices = sv_engine_names,
     .help = "What segments the image: fast (this project's) or opencv (the reference), as the "
             "build has them."},
    {.name = "workers",
     .kind = SV_FLAG_INT,
     .value_name = "N",
     .offset = FIELD(workers),
     .min = 1,
     .max = 256,
     .default_text = "the CPUs this process may use",
     .help = "Threads that work on images."},
    {.name = "queue",
     .kind = SV_FLAG_INT,
     .value_name = "N",
     .offset = FIELD(queue),
     .min = 1,
     .max = 100000,
     .help = "Pictures that may wait for a worker; beyond it: 503 with Retry-After."},
    {.name = "deadline",
     .kind = SV_FLAG_SECONDS,
     .value_name = "S",
     .offset = FIELD(deadline_ms),
     .min = 1,
     .max = 86400000,
     .help = "An image that is not done by then: 504. Less where x-envoy-expected-rq-timeout-ms "
             "says so."},
    {.name = "max-pixels",
     .kind = SV_FLAG_INT,
     .value_name = "N",
     .offset = FIELD(max_pixels),
     .min = 1,
     .max = INT32_MAX,
     .default_text = "what --work-memory and --answer-memory allow",
     .help = "The largest image; beyond it: 413, before a pixel is decoded."},
    {.name = "work-memory",
     .kind = SV_FLAG_BYTES,
     .value_name = "BYTES",
     .offset = FIELD(work_bytes),
     .min = 1 << 20,
     .max = (int64_t)1 << 40,
     .help = "For all images being worked on and answers being sent; others wait for it."},
    {.name = "answer-memory",
     .kind = SV_FLAG_BYTES,
     .value_name = "BYTES",
     .offset = FIELD(answer_bytes),
     .min = 1 << 16,
     .max = (int64_t)1 << 40,
     .help = "Of --work-memory, for answers being sent, which slow readers hold; beyond it: 503 "
             "with Retry-After."},
    {.name = "png-level",
     .kind = SV_FLAG_INT,
     .value_name = "N",
     .offset = FIELD(png_level),
     .min = -1,
     .max = 9,
     .help =
         "How hard the answer's PNG is compressed: zlib's 0 to 9; -1 is the fastest for photos, "
         "and about as small as 1."},
};

/* ---- start and end ---- */

static int loop_start(sv_server_loop *loop, void *ctx) {
    (void)ctx;
    loop->data = sv_grpc_watches_new();
    sv_jobs_loop_start(predict.jobs, loop);
    return 0;
}

static void loop_stop(sv_server_loop *loop, void *ctx) {
    (void)ctx;
    sv_jobs_loop_stop(predict.jobs, loop);
    sv_grpc_watches_free(loop, loop->data);
}

static void on_drain(void *ctx) {
    (void)ctx;
    sv_jobs_drain(predict.jobs);
}

static void on_cancel(void *ctx) {
    (void)ctx;
    sv_jobs_cancel(predict.jobs);
}

/* A worker within an iteration that cannot be stopped must not hold up the end. */
static bool on_stopped(void *ctx) {
    (void)ctx;
    return sv_jobs_free(predict.jobs, 500);
}

static double read_answers(void *ctx) {
    return (double)sv_budget_used(ctx);
}

static void define_metrics(sv_metrics *metrics) {
    static const char name[] = "headerroute_predict_phase_seconds",
                      help[] = "Time of an image's phases.";
    static const double pixels[] = {1e4, 3e4, 1e5, 3e5, 1e6, 3e6, 1e7};
    predict.metrics.decode = sv_metrics_histogram(metrics, name, "phase=\"decode\"", help,
                                                  sv_seconds_buckets, sv_seconds_buckets_count);
    predict.metrics.segment = sv_metrics_histogram(metrics, name, "phase=\"segment\"", help,
                                                   sv_seconds_buckets, sv_seconds_buckets_count);
    predict.metrics.encode = sv_metrics_histogram(metrics, name, "phase=\"encode\"", help,
                                                  sv_seconds_buckets, sv_seconds_buckets_count);
    sv_metrics_read(metrics, SV_GAUGE, "headerroute_answer_memory_bytes", NULL,
                    "Memory held by answers being sent, of --answer-memory.", read_answers,
                    &predict.answers);
    predict.metrics.pixels = sv_metrics_histogram(metrics, "headerroute_predict_picture_pixels",
                                                  NULL, "Sizes of the images worked on.", pixels,
                                                  sizeof(pixels) / sizeof(pixels[0]));
}

static int settle(const char *program) {
    sv_predict_options *options = &predict.options;
    if (options->workers == 0)
        options->workers = sv_usable_cpus();
    if (options->max_iterations < options->iterations)
        options->max_iterations = options->iterations;
    predict.engine = sv_engine_by_index(options->engine);
    int64_t fits = sv_predict_pixels(&predict, options->work_bytes);
    if (options->answer_bytes > options->work_bytes)
        options->answer_bytes = options->work_bytes;
    int64_t answers = options->answer_bytes / SV_PREDICT_ANSWER_BYTES;
    fits = fits < answers ? fits : answers;
    if (options->max_pixels == 0)
        options->max_pixels = fits;
    if (options->max_pixels > fits || fits == 0) {
        fprintf(stderr,
                "%s: --max-pixels %lld: --work-memory and --answer-memory are enough for %lld with "
                "this engine\n",
                program, (long long)options->max_pixels, (long long)fits);
        return -1;
    }
    sv_budget_init(&predict.answers, options->answer_bytes);
    return 0;
}

int main(int argc, char **argv) {
    static const char program[] = "headerroute-predict";
    sv_server_options server = SV_SERVER_OPTIONS_INIT;
    sv_listener listeners[MAX_LISTENERS];
    /* What these add up to stays below 300 MiB with all else: docs/operating.md has the sum. */
    server.max_connections = 256;
    server.max_upload_bytes = 32 << 20;
    predict.options = (sv_predict_options){.iterations = 5,
                                           .max_iterations = 50,
                                           .rect = {.automatic = true},
                                           .queue = 64,
                                           .deadline_ms = 30000,
                                           .work_bytes = 240 << 20,
                                           .answer_bytes = 72 << 20,
                                           .png_level = -1};
    const sv_flag_set sets[] = {{sv_server_flags, sv_server_flags_count, &server},
                                {flags, sizeof(flags) / sizeof(flags[0]), &predict.options}};
    int code = sv_flags_parse(sets, 2, argc, argv, program,
                              "Cuts the foreground out of images: GrabCut behind HTTP.");
    if (code != SV_FLAGS_RUN)
        return code;
    sv_server_options_settle(&server, "0.0.0.0:5010");
    predict.server = &server;
    if (settle(program) != 0)
        return 2;
    if (server.listen.n > MAX_LISTENERS) {
        fprintf(stderr, "%s: --listen may be given %d times\n", program, MAX_LISTENERS);
        return 2;
    }
    for (size_t i = 0; i < server.listen.n; ++i)
        listeners[i] = (sv_listener){.address = server.listen.v[i],
                                     .on_request = on_request,
                                     .streams_request = sv_predict_grpc_streams};

    sv_metrics *metrics = sv_metrics_new();
    define_metrics(metrics);
    sv_predict_grpc_define_metrics(metrics);
    sv_jobs_options jobs = {.workers = (size_t)predict.options.workers,
                            .capacity = (size_t)predict.options.queue,
                            .memory = predict.options.work_bytes,
                            .worker_start = sv_predict_worker_start,
                            .worker_stop = sv_predict_worker_stop};
    predict.jobs = sv_jobs_new(&jobs, metrics);
    predict.metadata = sv_predict_metadata(&predict);
    sv_service service = {.program = program,
                          .loop_start = loop_start,
                          .loop_stop = loop_stop,
                          .on_drain = on_drain,
                          .on_cancel = on_cancel,
                          .on_stopped = on_stopped,
                          .grpc_status_of = sv_predict_grpc_status_of};
    code = sv_server_run(&service, listeners, server.listen.n, &server, metrics);
    sv_metrics_free(metrics);
    free((char *)(uintptr_t)predict.metadata.p);
    return code;
}
