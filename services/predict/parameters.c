/* The parameters of a request to /predict: one table for the query, JSON members and form fields.
 */
#include "parameters.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The seeds that cv2.setRNGSeed takes and that do not depend on how a sign is extended. */
#define MOST_SEED INT32_MAX

int sv_parse_rect(sv_rect_choice *out, const char *text, char *why, size_t why_size) {
    long v[4];
    const char *p = text;
    if (strcmp(text, "auto") == 0) {
        *out = (sv_rect_choice){.automatic = true};
        return 0;
    }
    for (int i = 0; i < 4; ++i) {
        char *end;
        /* strtol would take blanks and a plus sign */
        bool ok = (*p >= '0' && *p <= '9') || (*p == '-' && p[1] >= '0' && p[1] <= '9');
        v[i] = ok ? strtol(p, &end, 10) : 0;
        ok = ok && *end == (i < 3 ? ',' : '\0') && labs(v[i]) <= INT32_MAX;
        if (!ok) {
            snprintf(why, why_size, "rect must be auto or four whole numbers x,y,w,h");
            return -1;
        }
        p = end + 1;
    }
    *out = (sv_rect_choice){.rect = {(int32_t)v[0], (int32_t)v[1], (int32_t)v[2], (int32_t)v[3]}};
    return 0;
}

static int read_rect(sv_predict_request *out, const sv_predict *predict, const char *text,
                     char *why, size_t why_size) {
    (void)predict;
    return sv_parse_rect(&out->rect, text, why, why_size);
}

static int read_output(sv_predict_request *out, const sv_predict *predict, const char *text,
                       char *why, size_t why_size) {
    static const char *const names[] = {"cutout", "rgba", "mask"};
    static const grabcut_cutout_kind kinds[] = {GRABCUT_CUTOUT_BLACK, GRABCUT_CUTOUT_ALPHA,
                                                GRABCUT_CUTOUT_MASK};
    (void)predict;
    for (size_t i = 0; i < 3; ++i) {
        if (strcmp(text, names[i]) == 0) {
            out->output = kinds[i];
            return 0;
        }
    }
    snprintf(why, why_size, "output must be cutout, rgba or mask");
    return -1;
}

/* A whole number from `least` to `most`; digits only. */
static int read_whole_parameter(int64_t *out, const char *name, const char *text, int64_t least,
                                int64_t most, char *why, size_t why_size) {
    char *end;
    errno = 0;
    long long value = text[0] >= '0' && text[0] <= '9' ? strtoll(text, &end, 10) : -1;
    if (value >= least && value <= most && errno == 0 && *end == '\0') {
        *out = value;
        return 0;
    }
    snprintf(why, why_size, "%s must be a whole number from %lld to %lld, not %.40s", name,
             (long long)least, (long long)most, text[0] != '\0' ? text : "empty");
    return -1;
}

static int read_iterations(sv_predict_request *out, const sv_predict *predict, const char *text,
                           char *why, size_t why_size) {
    return read_whole_parameter(&out->iterations, "iterations", text, 1,
                                predict->options.max_iterations, why, why_size);
}

static int read_seed(sv_predict_request *out, const sv_predict *predict, const char *text,
                     char *why, size_t why_size) {
    (void)predict;
    return read_whole_parameter(&out->seed, "seed", text, 0, MOST_SEED, why, why_size);
}

/* The index of `text` in `names`, which a NULL ends. -1 with a sentence, `expected`, if it is not
 * there. */
static int read_choice(const char *const *names, const char *text, const char *expected, char *why,
                       size_t why_size) {
    for (int i = 0; names[i] != NULL; ++i)
        if (strcmp(text, names[i]) == 0)
            return i;
    snprintf(why, why_size, "%s", expected);
    return -1;
}

static int read_flag(bool *out, const char *text, const char *expected, char *why,
                     size_t why_size) {
    static const char *const names[] = {"false", "true", NULL};
    int index = read_choice(names, text, expected, why, why_size);
    *out = index == 1;
    return index < 0 ? -1 : 0;
}

static int read_alpha(sv_predict_request *out, const sv_predict *predict, const char *text,
                      char *why, size_t why_size) {
    static const char *const names[] = {"ignore", "respect", NULL};
    (void)predict;
    int index = read_choice(names, text, "alpha must be ignore or respect", why, why_size);
    out->respect_alpha = index == 1;
    return index < 0 ? -1 : 0;
}

static int read_allow_truncated(sv_predict_request *out, const sv_predict *predict,
                                const char *text, char *why, size_t why_size) {
    (void)predict;
    return read_flag(&out->allow_truncated, text, "allow_truncated must be true or false", why,
                     why_size);
}

static int read_state(sv_predict_request *out, const sv_predict *predict, const char *text,
                      char *why, size_t why_size) {
    (void)predict;
    return read_flag(&out->state, text, "state must be true or false", why, why_size);
}

static int read_mode(sv_predict_request *out, const sv_predict *predict, const char *text,
                     char *why, size_t why_size) {
    static const char *const names[] = {
        [SV_MODE_INIT] = "init", [SV_MODE_EVAL] = "eval", [SV_MODE_FREEZE] = "freeze", NULL};
    (void)predict;
    int index = read_choice(names, text, "mode must be init, eval or freeze", why, why_size);
    out->mode = index < 0 ? SV_MODE_INIT : (sv_predict_mode)index;
    return index < 0 ? -1 : 0;
}

/* handle() has read it for the log; a proxy checks its form. */
static int read_job_id(sv_predict_request *out, const sv_predict *predict, const char *text,
                       char *why, size_t why_size) {
    (void)out;
    (void)predict;
    (void)text;
    (void)why;
    (void)why_size;
    return 0;
}

enum {
    ALLOW_TRUNCATED,
    ALPHA,
    BGD_MODEL,
    FGD_MODEL,
    IMAGE,
    ITERATIONS,
    JOB_ID,
    MASK,
    MODE,
    OUTPUT,
    RECT,
    SEED,
    STATE,
    STROKES,
    PARAMETERS
};

static const sv_parameter parameters[PARAMETERS] = {
    [ALLOW_TRUNCATED] = {"allow_truncated", SV_IN_QUERY | SV_IN_BODY, SV_PARAMETER_FLAG,
                         read_allow_truncated},
    [ALPHA] = {"alpha", SV_IN_QUERY | SV_IN_BODY, SV_PARAMETER_TEXT, read_alpha},
    [BGD_MODEL] = {"bgd_model", SV_IN_BODY, SV_PARAMETER_FILE, NULL},
    [FGD_MODEL] = {"fgd_model", SV_IN_BODY, SV_PARAMETER_FILE, NULL},
    [IMAGE] = {"image", SV_IN_BODY, SV_PARAMETER_FILE, NULL},
    [ITERATIONS] = {"iterations", SV_IN_QUERY | SV_IN_BODY, SV_PARAMETER_NUMBER, read_iterations},
    [JOB_ID] = {"job_id", SV_IN_QUERY, SV_PARAMETER_TEXT, read_job_id},
    [MASK] = {"mask", SV_IN_BODY, SV_PARAMETER_FILE, NULL},
    [MODE] = {"mode", SV_IN_QUERY | SV_IN_BODY, SV_PARAMETER_TEXT, read_mode},
    [OUTPUT] = {"output", SV_IN_QUERY | SV_IN_BODY, SV_PARAMETER_TEXT, read_output},
    [RECT] = {"rect", SV_IN_QUERY | SV_IN_BODY, SV_PARAMETER_TEXT, read_rect},
    [SEED] = {"seed", SV_IN_QUERY | SV_IN_BODY, SV_PARAMETER_NUMBER, read_seed},
    [STATE] = {"state", SV_IN_QUERY | SV_IN_BODY, SV_PARAMETER_FLAG, read_state},
    [STROKES] = {"strokes", SV_IN_BODY, SV_PARAMETER_STROKES, NULL},
};

static bool is_given(const sv_predict_request *request, int which) {
    return (request->given >> which & 1) != 0;
}

static void refuse_unknown(const char *name, size_t len, int where, char *why, size_t why_size) {
    int n = snprintf(why, why_size, "unknown %s \"%.*s\"; the known ones are",
                     where == SV_IN_QUERY ? "query parameter" : "member", len > 40 ? 40 : (int)len,
                     name);
    const char *separator = " ";
    for (size_t i = 0; i < PARAMETERS; ++i) {
        if ((parameters[i].where & where) == 0 || n < 0 || (size_t)n >= why_size)
            continue;
        n += snprintf(why + n, why_size - (size_t)n, "%s%s", separator, parameters[i].name);
        separator = ", ";
    }
}

const sv_parameter *sv_parameter_find(sv_predict_request *out, const char *name, size_t len,
                                      int where, char *why, size_t why_size) {
    for (int i = 0; i < PARAMETERS; ++i) {
        const sv_parameter *p = &parameters[i];
        if ((p->where & where) == 0 || strlen(p->name) != len || memcmp(p->name, name, len) != 0)
            continue;
        if (is_given(out, i)) {
            snprintf(why, why_size, "%s is given twice", p->name);
            return NULL;
        }
        out->given |= 1U << i;
        return p;
    }
    refuse_unknown(name, len, where, why, why_size);
    return NULL;
}

sv_bytes *sv_parameter_place(sv_predict_request *out, const sv_parameter *parameter) {
    switch (parameter - parameters) {
    case BGD_MODEL:
        return &out->bgd_model;
    case FGD_MODEL:
        return &out->fgd_model;
    case IMAGE:
        return &out->image;
    case MASK:
        return &out->mask;
    default:
        return &out->strokes;
    }
}

bool sv_infer_parameters(sv_predict_request *out, const sv_predict *predict, const sv_infer *infer,
                         char *why, size_t why_size) {
    const struct {
        int which;
        const char *text;
    } given[] = {{RECT, infer->rect},
                 {OUTPUT, infer->output},
                 {ITERATIONS, infer->iterations},
                 {SEED, infer->seed}};
    for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); ++i)
        if (given[i].text[0] != '\0' &&
            parameters[given[i].which].read(out, predict, given[i].text, why, why_size) != 0)
            return false;
    return true;
}

/* A run is continued with all three parts of its state. */
static int settle_mode(const sv_predict_request *request, char *why, size_t why_size) {
    bool models = is_given(request, BGD_MODEL) || is_given(request, FGD_MODEL);
    if (request->mode == SV_MODE_INIT && !models)
        return 0;
    if (request->mode == SV_MODE_INIT)
        snprintf(why, why_size, "bgd_model and fgd_model need mode=eval or mode=freeze");
    else if (!is_given(request, MASK) || !is_given(request, BGD_MODEL) ||
             !is_given(request, FGD_MODEL))
        snprintf(why, why_size, "mode=%s needs mask, bgd_model and fgd_model in the body",
                 request->mode == SV_MODE_EVAL ? "eval" : "freeze");
    else
        return 0;
    return -1;
}

int sv_parameters_settle(const sv_predict_request *request, char *why, size_t why_size) {
    if (request->image.p == NULL) {
        snprintf(why, why_size, "the body has no member image");
        return -1;
    }
    if (is_given(request, MASK) && is_given(request, RECT)) {
        snprintf(why, why_size, "mask and rect cannot be combined: both say where to start");
        return -1;
    }
    return settle_mode(request, why, why_size);
}
