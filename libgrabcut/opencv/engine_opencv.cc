// cv::grabCut as a grabcut_engine. The only file of the project that includes OpenCV.
#include <grabcut/opencv.h>

#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include <algorithm>
#include <cstdio>
#include <new>

namespace {

// Measured: four n-link matrices and the component indices (36 bytes a pixel), the graph (152), the
// samples and labels of k-means (20).
constexpr uint64_t BYTES_A_PIXEL = 208;
// Beyond, cv::grabCut's count of graph edges (8 a pixel) does not fit its int.
constexpr uint64_t MOST_PIXELS = (uint64_t(1) << 31) / 8 - 1;

int fail(grabcut_errbuf *err, int code, const char *text) {
    if (err) {
        std::snprintf(err->text, sizeof(err->text), "OpenCV: %s", text);
    }
    return code;
}

// cv::grabCut draws from the thread's generator. The caller's own draws go on as if nothing
// happened.
class ScopedSeed {
  public:
    explicit ScopedSeed(uint64_t seed) : saved_(cv::theRNG()) {
        cv::setRNGSeed(static_cast<int>(seed));
    }
    ~ScopedSeed() {
        cv::theRNG() = saved_;
    }
    ScopedSeed(const ScopedSeed &) = delete;
    ScopedSeed &operator=(const ScopedSeed &) = delete;

  private:
    cv::RNG saved_;
};

cv::Mat header_of(const grabcut_image *image, int type) {
    return cv::Mat(image->height, image->width, type, image->data, image->stride);
}

// What a run works on; the caller's mask and models are written when all of it is done.
struct Run {
    cv::Mat image, mask, background, foreground;
    cv::Rect rect;
};

Run start(const grabcut_image *mask, const grabcut_image *image, const grabcut_options *opts) {
    Run run;
    run.image = header_of(image, CV_8UC3);
    run.rect = cv::Rect(opts->rect.x, opts->rect.y, opts->rect.width, opts->rect.height);
    if (opts->mode != GRABCUT_INIT_WITH_RECT) {
        run.mask = header_of(mask, CV_8UC1).clone();
    }
    if (opts->mode == GRABCUT_EVAL || opts->mode == GRABCUT_EVAL_FREEZE_MODEL) {
        // Copies: the matrices must not write to the caller's models.
        run.background =
            cv::Mat(1, GRABCUT_MODEL_DOUBLES, CV_64FC1, opts->models->background).clone();
        run.foreground =
            cv::Mat(1, GRABCUT_MODEL_DOUBLES, CV_64FC1, opts->models->foreground).clone();
    }
    return run;
}

int report(const grabcut_options *opts, grabcut_phase phase, int iteration) {
    grabcut_progress progress;
    progress.phase = phase;
    progress.iteration = iteration;
    progress.iterations = opts->iterations;
    progress.done = static_cast<double>(iteration) / opts->iterations;
    return opts->progress(opts->progress_ctx, &progress);
}

// With a callback the iterations are asked for one by one: cv::GC_EVAL goes on from the models,
// which gives the same mask as one call (it only computes the n-links anew).
int iterate(Run &run, const grabcut_options *opts) {
    int mode = opts->mode;
    int iterations = mode == GRABCUT_EVAL_FREEZE_MODEL ? 1 : opts->iterations;
    int step = opts->progress ? 1 : iterations;
    for (int done = 0; done < iterations; done += step) {
        if (opts->progress &&
            report(opts, done ? GRABCUT_PHASE_MODELS : GRABCUT_PHASE_INIT, done) != 0) {
            return GRABCUT_ECANCELED;
        }
        cv::grabCut(run.image, run.mask, run.rect, run.background, run.foreground, step, mode);
        mode = mode == GRABCUT_EVAL_FREEZE_MODEL ? mode : static_cast<int>(GRABCUT_EVAL);
    }
    return GRABCUT_OK;
}

void finish(const Run &run, grabcut_image *mask, const grabcut_options *opts) {
    run.mask.copyTo(header_of(mask, CV_8UC1));
    if (opts->models) {
        std::copy_n(run.background.ptr<double>(), GRABCUT_MODEL_DOUBLES, opts->models->background);
        std::copy_n(run.foreground.ptr<double>(), GRABCUT_MODEL_DOUBLES, opts->models->foreground);
    }
}

int segment(const grabcut_engine *, grabcut_image *mask, const grabcut_image *image,
            const grabcut_options *opts, grabcut_errbuf *err) noexcept {
    if (static_cast<uint64_t>(image->width) * static_cast<uint64_t>(image->height) > MOST_PIXELS) {
        return fail(err, GRABCUT_ENOMEM, "the image has more pixels than OpenCV's graph can hold");
    }
    try {
        ScopedSeed seed(opts->seed);
        Run run = start(mask, image, opts);
        if (int rc = iterate(run, opts)) {
            return fail(err, rc, "stopped by the caller");
        }
        finish(run, mask, opts);
        return GRABCUT_OK;
    } catch (const cv::Exception &e) {
        return fail(err, e.code == cv::Error::StsNoMem ? GRABCUT_ENOMEM : GRABCUT_EINTERNAL,
                    e.err.c_str());
    } catch (const std::bad_alloc &) {
        return fail(err, GRABCUT_ENOMEM, "out of memory");
    } catch (const std::exception &e) {
        return fail(err, GRABCUT_EINTERNAL, e.what());
    } catch (...) {
        return fail(err, GRABCUT_EINTERNAL, "unknown exception");
    }
}

int estimate(const grabcut_engine *, uint64_t *out_bytes, int32_t width, int32_t height,
             const grabcut_options *) noexcept {
    *out_bytes = BYTES_A_PIXEL * static_cast<uint64_t>(width) * static_cast<uint64_t>(height);
    return GRABCUT_OK;
}

const grabcut_engine ENGINE = {GRABCUT_ENGINE_VERSION, "opencv", segment, estimate};

} // namespace

const grabcut_engine *grabcut_engine_opencv(void) {
    return &ENGINE;
}
