/* The state of one picture: its failure, its memory, its end. */
#include "job.h"

#include <stdio.h>
#include <stdlib.h>

void sv_predict_fail(sv_predict_job *job, int status, const char *detail) {
    job->status = status;
    snprintf(job->detail, sizeof(job->detail), "%s", detail);
}

static int status_of(int grabcut_code) {
    switch (grabcut_code) {
    case GRABCUT_ETOOBIG:
        return 413;
    case GRABCUT_EFORMAT:
    case GRABCUT_EDECODE:
    case GRABCUT_EUNSUPPORTED: /* of a kind of file */
    case GRABCUT_ERECT:
    case GRABCUT_ENOBACKGROUND:
    case GRABCUT_ENOFOREGROUND:
        return 422;
    case GRABCUT_ENOMEM:
        return 503;
    default:
        return 500;
    }
}

void sv_predict_fail_code(sv_predict_job *job, int code, const grabcut_errbuf *err) {
    sv_predict_fail(job, status_of(code),
                    err != NULL && err->text[0] != '\0' ? err->text : grabcut_strerror(code));
}

size_t sv_predict_answer_length(const sv_predict_job *job) {
    return job->text != NULL ? job->text_len : job->file_len;
}

void sv_predict_give_memory(sv_predict_job *job, int64_t keep) {
    if (job->memory <= keep)
        return;
    sv_jobs_memory_give(job->predict->jobs, job->memory - keep);
    job->memory = keep;
}

void sv_predict_forget_input(sv_predict_job *job) {
    grabcut_image_free(&job->alpha);
    grabcut_free(job->icc);
    job->icc = NULL;
    job->icc_len = 0;
}

void sv_predict_release(sv_job *super) {
    sv_predict_job *job = SV_CONTAINER(sv_predict_job, super, super);
    sv_predict_forget_input(job);
    sv_predict_give_memory(job, 0);
    grabcut_free(job->file);
    free(job->text);
    free(job);
}
