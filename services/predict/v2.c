/*
 * The Open Inference Protocol, version 2, over REST: health, metadata, and the way to the inference
 * (https://github.com/kserve/open-inference-protocol). Errors have its form by sv_answer_error.
 */
#include "v2.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <headerroute/version.h>

#include "answer_error.h"
#include "infer.h"
#include "metadata.h"
#include "work.h"

static const char server_metadata[] = "{\"name\":\"headerroute\",\"version\":\"" HR_VERSION
                                      "\",\"extensions\":[\"binary_tensor_data\"]}";

static const char model_metadata[] =
    "{\"name\":\"" SV_INFER_MODEL "\",\"versions\":[\"" SV_INFER_VERSION
    "\"],\"platform\":\"" SV_INFER_PLATFORM "\",\"inputs\":["
    "{\"name\":\"image\",\"datatype\":\"UINT8\",\"shape\":[-1,-1,3]}],\"outputs\":["
    "{\"name\":\"mask\",\"datatype\":\"UINT8\",\"shape\":[-1,-1]},"
    "{\"name\":\"cutout\",\"datatype\":\"UINT8\",\"shape\":[-1,-1,3]},"
    "{\"name\":\"png\",\"datatype\":\"BYTES\",\"shape\":[1]}],\"parameters\":{"
    "\"image\":\"UINT8 [height, width, 3], RGB; or BYTES [1], a JPEG, PNG, WebP or BMP file, in "
    "JSON as base64\","
    "\"rect\":\"x,y,w,h in pixels, or auto\","
    "\"output\":\"what png shows: cutout, rgba or mask\","
    "\"iterations\":\"whole number\",\"seed\":\"whole number\"}}";

static void answer_live(sv_predict *predict, sv_exchange *ex) {
    (void)predict;
    sv_answer_json(ex, 200, "{\"live\":true}");
}

/* 200 with `json`, or the 503 of /ready. */
static void answer_when_ready(sv_exchange *ex, const char *json) {
    if (sv_server_draining(ex->loop->server))
        sv_answer_busy(ex, 1, "this server is shutting down");
    else if (!sv_server_ready(ex->loop->server))
        sv_answer_busy(ex, 1, "this server is starting");
    else
        sv_answer_json(ex, 200, json);
}

static void answer_ready(sv_predict *predict, sv_exchange *ex) {
    (void)predict;
    answer_when_ready(ex, "{\"ready\":true}");
}

static void answer_server(sv_predict *predict, sv_exchange *ex) {
    (void)predict;
    sv_answer_json(ex, 200, server_metadata);
}

static void answer_model(sv_predict *predict, sv_exchange *ex) {
    (void)predict;
    sv_answer_json(ex, 200, model_metadata);
}

static void answer_model_ready(sv_predict *predict, sv_exchange *ex) {
    (void)predict;
    answer_when_ready(ex, "{\"name\":\"" SV_INFER_MODEL "\",\"ready\":true}");
}

typedef struct resource {
    const char *path;
    bool post;
    void (*answer)(sv_predict *predict, sv_exchange *ex);
} resource;

static const resource of_server[] = {
    {"", false, answer_server},
    {"/", false, answer_server},
    {"/health/live", false, answer_live},
    {"/health/ready", false, answer_ready},
};

static const resource of_model[] = {
    {"", false, answer_model},
    {"/ready", false, answer_model_ready},
    {"/infer", true, sv_predict_infer},
};

static bool method_is(const sv_exchange *ex, const char *method) {
    return sv_str_is(ex->request.method, method);
}

static bool answer_one(sv_predict *predict, sv_exchange *ex, const resource *resources, size_t n,
                       hr_str rest) {
    for (size_t i = 0; i < n; ++i) {
        const resource *r = &resources[i];
        if (!sv_str_is(rest, r->path))
            continue;
        if (r->post ? method_is(ex, "POST") : method_is(ex, "GET") || method_is(ex, "HEAD"))
            r->answer(predict, ex);
        else
            sv_answer_method(ex, r->post ? "POST" : "GET, HEAD");
        return true;
    }
    return false;
}

/* Takes `prefix` and the segment behind it off, into `segment`. */
static bool take_segment(hr_str *rest, const char *prefix, hr_str *segment) {
    size_t n = strlen(prefix);
    if (rest->len < n || memcmp(rest->p, prefix, n) != 0)
        return false;
    const char *begin = rest->p + n, *end = rest->p + rest->len;
    const char *slash = memchr(begin, '/', (size_t)(end - begin));
    if (slash == NULL)
        slash = end;
    *segment = (hr_str){begin, (size_t)(slash - begin)};
    *rest = (hr_str){slash, (size_t)(end - slash)};
    return true;
}

static void refuse_name(sv_exchange *ex, const char *what, hr_str name) {
    sv_answer_errorf(ex, 404, "there is no %s %.*s", what, name.len > 100 ? 100 : (int)name.len,
                     name.p);
}

static bool answer_of_model(sv_predict *predict, sv_exchange *ex, hr_str rest) {
    hr_str model, version;
    if (!take_segment(&rest, "/models/", &model))
        return false;
    if (!sv_str_is(model, SV_INFER_MODEL)) {
        refuse_name(ex, "model", model);
        return true;
    }
    if (take_segment(&rest, "/versions/", &version) && !sv_str_is(version, SV_INFER_VERSION)) {
        refuse_name(ex, "version", version);
        return true;
    }
    return answer_one(predict, ex, of_model, sizeof(of_model) / sizeof(of_model[0]), rest);
}

bool sv_predict_v2(sv_predict *predict, sv_exchange *ex) {
    hr_str path = sv_request_path(ex);
    if (path.len < 3 || memcmp(path.p, "/v2", 3) != 0 || (path.len > 3 && path.p[3] != '/'))
        return false;
    hr_str rest = (hr_str){path.p + 3, path.len - 3};
    if (!answer_one(predict, ex, of_server, sizeof(of_server) / sizeof(of_server[0]), rest) &&
        !answer_of_model(predict, ex, rest))
        sv_answer_error(ex, 404, "there is nothing at this path");
    return true;
}
