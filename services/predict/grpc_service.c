/* gRPC calls: which method, its message, and the calls of the inference service but ModelInfer. */
#include "grpc_service.h"

#include <stdio.h>
#include <string.h>

#include <headerroute/version.h>

#include "answer_grpc.h"
#include "grpc.h"
#include "grpc_frame.h"
#include "grpc_health.h"
#include "grpc_message.h"
#include "grpc_reflection.h"
#include "infer.h"
#include "open_inference_grpc.pb.h"
#include "work.h"

/* ---- statuses ---- */

int sv_predict_grpc_status_of(int http_status) {
    switch (http_status) {
    case 400:
    case 415:
    case 417:
    case 422:
        return SV_GRPC_INVALID_ARGUMENT;
    case 404:
        return SV_GRPC_NOT_FOUND;
    case 405:
        return SV_GRPC_UNIMPLEMENTED;
    case 408:
    case 504:
        return SV_GRPC_DEADLINE_EXCEEDED;
    case 413:
    case 431:
        return SV_GRPC_RESOURCE_EXHAUSTED;
    case 500:
        return SV_GRPC_INTERNAL;
    case 503:
        return SV_GRPC_UNAVAILABLE;
    default:
        return SV_GRPC_UNKNOWN;
    }
}

/* ---- inference.GRPCInferenceService ---- */

static void server_live(sv_predict *predict, sv_exchange *ex, sv_bytes message) {
    const inference_ServerLiveResponse response = {.live = true};
    (void)predict, (void)message;
    sv_grpc_answer_message(ex, inference_ServerLiveResponse_fields, &response);
}

static void server_ready(sv_predict *predict, sv_exchange *ex, sv_bytes message) {
    const inference_ServerReadyResponse response = {.ready = sv_predict_is_ready(ex)};
    (void)predict, (void)message;
    sv_grpc_answer_message(ex, inference_ServerReadyResponse_fields, &response);
}

static void server_metadata(sv_predict *predict, sv_exchange *ex, sv_bytes message) {
    const inference_ServerMetadataResponse response = {.name = "headerroute",
                                                       .version = HR_VERSION};
    (void)predict, (void)message;
    sv_grpc_answer_message(ex, inference_ServerMetadataResponse_fields, &response);
}

/* False: another model or version was named, and the call is answered. */
static bool names_the_model(sv_exchange *ex, const char *model, const char *version) {
    char detail[160];
    bool known = strcmp(model, SV_INFER_MODEL) == 0;
    if (known && (version[0] == '\0' || strcmp(version, SV_INFER_VERSION) == 0))
        return true;
    if (model[0] == '\0') {
        sv_answer_grpc_status(ex, SV_GRPC_INVALID_ARGUMENT,
                              "the request names no model: the model is " SV_INFER_MODEL);
        return false;
    }
    snprintf(detail, sizeof(detail), "there is no %s %.100s", known ? "version" : "model",
             known ? version : model);
    sv_answer_grpc_status(ex, SV_GRPC_NOT_FOUND, detail);
    return false;
}

static void model_ready(sv_predict *predict, sv_exchange *ex, sv_bytes message) {
    inference_ModelReadyRequest request;
    const inference_ModelReadyResponse response = {.ready = sv_predict_is_ready(ex)};
    (void)predict;
    if (sv_grpc_read_message(ex, message, inference_ModelReadyRequest_fields, &request) &&
        names_the_model(ex, request.name, request.version))
        sv_grpc_answer_message(ex, inference_ModelReadyResponse_fields, &response);
}

static void model_metadata(sv_predict *predict, sv_exchange *ex, sv_bytes message) {
    static const inference_ModelMetadataResponse response = {
        .name = SV_INFER_MODEL,
        .versions_count = 1,
        .versions = {SV_INFER_VERSION},
        .platform = SV_INFER_PLATFORM,
        .inputs_count = 1,
        .inputs = {{"image", "UINT8", 3, {-1, -1, 3}}},
        .outputs_count = 3,
        .outputs = {{"mask", "UINT8", 2, {-1, -1}},
                    {"cutout", "UINT8", 3, {-1, -1, 3}},
                    {"png", "BYTES", 1, {1}}}};
    inference_ModelMetadataRequest request;
    (void)predict;
    if (sv_grpc_read_message(ex, message, inference_ModelMetadataRequest_fields, &request) &&
        names_the_model(ex, request.name, request.version))
        sv_grpc_answer_message(ex, inference_ModelMetadataResponse_fields, &response);
}

/* ---- methods ---- */

typedef struct method {
    const char *service, *name;
    /* NULL: the call is a stream of messages. */
    void (*serve)(sv_predict *predict, sv_exchange *ex, sv_bytes message);
    bool lasts; /* it ends when its client likes */
} method;

#define INFERENCE "inference.GRPCInferenceService"
#define HEALTH "grpc.health.v1.Health"

static const method methods[] = {
    {INFERENCE, "ModelInfer", sv_predict_infer_message, false},
    {INFERENCE, "ServerLive", server_live, false},
    {INFERENCE, "ServerReady", server_ready, false},
    {INFERENCE, "ModelReady", model_ready, false},
    {INFERENCE, "ServerMetadata", server_metadata, false},
    {INFERENCE, "ModelMetadata", model_metadata, false},
    {HEALTH, "Check", sv_grpc_health_check, false},
    {HEALTH, "Watch", sv_grpc_health_watch, true},
    {"grpc.reflection.v1.ServerReflection", "ServerReflectionInfo", NULL, true},
    {"grpc.reflection.v1alpha.ServerReflection", "ServerReflectionInfo", NULL, true},
};
#define N_METHODS (sizeof(methods) / sizeof(methods[0]))

/* N_METHODS: there is none. */
static size_t method_of(const sv_exchange *ex) {
    hr_str path = ex->request.path;
    const char *slash = path.len > 1 ? memchr(path.p + 1, '/', path.len - 1) : NULL;
    if (slash == NULL)
        return N_METHODS;
    hr_str service = {path.p + 1, (size_t)(slash - path.p - 1)};
    hr_str name = {slash + 1, (size_t)(path.p + path.len - slash - 1)};
    for (size_t i = 0; i < N_METHODS; i++)
        if (sv_str_is(name, methods[i].name) && sv_str_is(service, methods[i].service))
            return i;
    return N_METHODS;
}

bool sv_predict_grpc_streams(const sv_exchange *ex) {
    if (!sv_exchange_is_grpc(ex))
        return false;
    size_t i = method_of(ex);
    return i < N_METHODS && methods[i].serve == NULL;
}

/* ---- metrics ---- */

/* The last row counts calls of unknown methods. */
static _Atomic uint64_t calls[N_METHODS + 1][SV_GRPC_STATUSES];

static void write_calls(void *ctx, sv_metrics *metrics, void *out) {
    static const char name[] = "headerroute_grpc_calls_total";
    (void)ctx, (void)metrics;
    sv_metrics_printf(out, "# HELP %s gRPC calls by service, method and status.\n", name);
    sv_metrics_printf(out, "# TYPE %s counter\n", name);
    for (size_t i = 0; i <= N_METHODS; i++) {
        const method *m = i < N_METHODS ? &methods[i] : &(method){"other", "other", NULL, false};
        for (int code = 0; code < SV_GRPC_STATUSES; code++) {
            uint64_t n = atomic_load_explicit(&calls[i][code], memory_order_relaxed);
            if (n > 0)
                sv_metrics_printf(out, "%s{service=\"%s\",method=\"%s\",code=\"%s\"} %llu\n", name,
                                  m->service, m->name, sv_grpc_status_name(code),
                                  (unsigned long long)n);
        }
    }
}

void sv_predict_grpc_define_metrics(sv_metrics *metrics) {
    sv_metrics_hook(metrics, write_calls, NULL);
}

typedef struct call {
    const sv_exchange *ex;
    size_t method;
    bool lasting; /* it is counted in `lasting_calls` */
} call;

/* Calls that last for as long as their client likes. */
static _Atomic int64_t lasting_calls;

/* The call has ended; without a status the client has cancelled it. */
static void count_call(void *memory) {
    const call *c = memory;
    int status;
    if (c->ex->broken || !sv_grpc_parse_status(&status, c->ex->grpc_status))
        status = SV_GRPC_CANCELLED;
    atomic_fetch_add_explicit(&calls[c->method][status], 1, memory_order_relaxed);
    if (c->lasting)
        atomic_fetch_sub_explicit(&lasting_calls, 1, memory_order_relaxed);
}

/* They must not take the places of all other requests. False: the call is answered. */
static bool take_lasting(const sv_predict *predict, sv_exchange *ex, call *c) {
    int64_t most = predict->server->max_connections / 4;
    c->lasting = true;
    if (atomic_fetch_add_explicit(&lasting_calls, 1, memory_order_relaxed) < (most > 0 ? most : 1))
        return true;
    sv_answer_grpc_status(ex, SV_GRPC_RESOURCE_EXHAUSTED,
                          "too many calls watch or reflect at the moment");
    return false;
}

/* ---- a call ---- */

static void refuse_compressed(sv_exchange *ex) {
    hr_str encoding = sv_request_header(ex, "grpc-encoding");
    if (encoding.len == 0 || sv_str_is(encoding, "identity")) {
        sv_answer_grpc_status(ex, SV_GRPC_INTERNAL,
                              "the message is marked as compressed, and grpc-encoding names no "
                              "compression");
        return;
    }
    sv_answer_field(ex, HR_STR("grpc-accept-encoding"), HR_STR("identity"));
    sv_answer_grpc_status(ex, SV_GRPC_UNIMPLEMENTED, "messages must not be compressed");
}

/* The only message of the call, or false: then the call is answered. */
static bool read_only_message(sv_exchange *ex, sv_bytes *message) {
    sv_grpc_frame frame;
    switch (sv_grpc_read_frame(&frame, ex->body.p, ex->body.len, ex->body.len)) {
    case SV_GRPC_FRAME_DONE:
        break;
    case SV_GRPC_FRAME_MALFORMED:
        sv_answer_grpc_status(ex, SV_GRPC_INTERNAL, "the body is not a gRPC message");
        return false;
    default:
        sv_answer_grpc_status(ex, ex->body.len == 0 ? SV_GRPC_UNIMPLEMENTED : SV_GRPC_INTERNAL,
                              ex->body.len == 0 ? "the call has no message"
                                                : "the call ends within its message");
        return false;
    }
    if (frame.compressed) {
        refuse_compressed(ex);
        return false;
    }
    if (frame.used < ex->body.len) {
        sv_answer_grpc_status(ex, SV_GRPC_UNIMPLEMENTED, "the call has more than one message");
        return false;
    }
    *message = (sv_bytes){ex->body.p + SV_GRPC_PREFIX, frame.message.len};
    return true;
}

static bool timeout_is_well_formed(sv_exchange *ex) {
    hr_str timeout = sv_request_header(ex, "grpc-timeout");
    uint64_t ns;
    if (timeout.p == NULL || sv_grpc_parse_timeout(&ns, timeout))
        return true;
    sv_answer_grpc_status(ex, SV_GRPC_INVALID_ARGUMENT,
                          "grpc-timeout must be up to 8 digits and one of H, M, S, m, u and n");
    return false;
}

void sv_predict_grpc(sv_predict *predict, sv_exchange *ex) {
    call *c = sv_pool_alloc(ex->pool, sizeof(*c));
    sv_bytes message;
    *c = (call){.ex = ex, .method = method_of(ex)};
    sv_pool_on_free(ex->pool, count_call, c);
    if (c->method == N_METHODS || !sv_str_is(ex->request.method, "POST"))
        sv_answer_grpc_status(ex, SV_GRPC_UNIMPLEMENTED, "there is no such method");
    else if (!timeout_is_well_formed(ex) ||
             (methods[c->method].lasts && !take_lasting(predict, ex, c)))
        return;
    else if (methods[c->method].serve == NULL)
        sv_grpc_reflect(ex);
    else if (read_only_message(ex, &message))
        methods[c->method].serve(predict, ex, message);
}
