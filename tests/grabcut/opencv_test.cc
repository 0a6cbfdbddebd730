// The engine over cv::grabCut against cv::grabCut itself.
#include <grabcut/opencv.h>

#include "files.h"

#include <criterion/criterion.h>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include <thread>
#include <vector>

namespace {

struct Picture {
    grabcut_image image;
    explicit Picture(const char *name) {
        size_t len = 0;
        uint8_t *bytes = read_source_file(name, &len);
        grabcut_errbuf err;
        int rc = grabcut_decode(&image, bytes, len, nullptr, &err);
        free(bytes);
        cr_assert_eq(rc, GRABCUT_OK, "%s: %s", name, err.text);
    }
    ~Picture() {
        grabcut_image_free(&image);
    }
    Picture(const Picture &) = delete;
    Picture &operator=(const Picture &) = delete;
    cv::Mat mat() const {
        return cv::Mat(image.height, image.width, CV_8UC3, image.data, image.stride);
    }
};

struct Mask {
    grabcut_image image;
    explicit Mask(const grabcut_image &of) {
        cr_assert_eq(grabcut_image_alloc(&image, of.width, of.height, 1), GRABCUT_OK);
    }
    ~Mask() {
        grabcut_image_free(&image);
    }
    Mask(const Mask &) = delete;
    Mask &operator=(const Mask &) = delete;
    cv::Mat mat() const {
        return cv::Mat(image.height, image.width, CV_8UC1, image.data, image.stride);
    }
};

int differing(const cv::Mat &a, const cv::Mat &b) {
    return cv::countNonZero(a != b);
}

grabcut_options with_rect(const grabcut_image &image, int iterations, uint64_t seed) {
    grabcut_options opts = GRABCUT_OPTIONS_INIT;
    opts.rect = grabcut_rect_inset(image.width, image.height, 5);
    opts.iterations = iterations;
    opts.seed = seed;
    return opts;
}

// What a user of OpenCV writes.
void reference(cv::Mat &mask, cv::Mat &background, cv::Mat &foreground, const cv::Mat &image,
               const grabcut_options &o) {
    cv::setRNGSeed(static_cast<int>(o.seed));
    cv::grabCut(image, mask, cv::Rect(o.rect.x, o.rect.y, o.rect.width, o.rect.height), background,
                foreground, o.iterations, o.mode);
}

int never_stop(void *ctx, const grabcut_progress *progress) {
    std::vector<double> *seen = static_cast<std::vector<double> *>(ctx);
    seen->push_back(progress->done);
    return 0;
}

int stop_at_second(void *ctx, const grabcut_progress *) {
    return ++*static_cast<int *>(ctx) == 2;
}

} // namespace

Test(opencv, gives_the_mask_and_models_of_cv_grabcut) {
    for (const char *name : {"photos/portrait.jpg", "photos/chelsea.png"}) {
        for (int iterations : {1, 3}) {
            Picture p(name);
            Mask m(p.image);
            grabcut_models models;
            grabcut_options opts = with_rect(p.image, iterations, 7);
            opts.models = &models;
            grabcut_errbuf err;
            cr_assert_eq(grabcut_segment(grabcut_engine_opencv(), &m.image, &p.image, &opts, &err),
                         GRABCUT_OK, "%s", err.text);
            cv::Mat mask, background, foreground;
            reference(mask, background, foreground, p.mat(), opts);
            cr_assert_eq(differing(mask, m.mat()), 0, "%s", name);
            cr_assert_eq(memcmp(background.data, models.background, sizeof(models.background)), 0);
            cr_assert_eq(memcmp(foreground.data, models.foreground, sizeof(models.foreground)), 0);
            // A photo with something in the middle: some of the rect is foreground, some is not.
            int kept = cv::countNonZero(mask & 1), all = opts.rect.width * opts.rect.height;
            cr_assert(kept > all / 20 && kept < all, "%d of %d", kept, all);
        }
    }
}

Test(opencv, a_run_can_be_carried_on_with_its_mask_and_models) {
    Picture p("photos/portrait.jpg");
    Mask whole(p.image), parts(p.image);
    grabcut_models models;
    grabcut_options opts = with_rect(p.image, 4, 3);
    cr_assert_eq(grabcut_segment(grabcut_engine_opencv(), &whole.image, &p.image, &opts, nullptr),
                 GRABCUT_OK);
    opts.models = &models;
    opts.iterations = 1;
    cr_assert_eq(grabcut_segment(grabcut_engine_opencv(), &parts.image, &p.image, &opts, nullptr),
                 GRABCUT_OK);
    opts.mode = GRABCUT_EVAL;
    opts.iterations = 3;
    cr_assert_eq(grabcut_segment(grabcut_engine_opencv(), &parts.image, &p.image, &opts, nullptr),
                 GRABCUT_OK);
    cr_assert_eq(differing(whole.mat(), parts.mat()), 0);

    grabcut_models before = models;
    opts.mode = GRABCUT_EVAL_FREEZE_MODEL;
    cr_assert_eq(grabcut_segment(grabcut_engine_opencv(), &parts.image, &p.image, &opts, nullptr),
                 GRABCUT_OK);
    cr_assert_eq(memcmp(&before, &models, sizeof(models)), 0);
}

Test(opencv, a_mask_with_all_four_values_is_a_start) {
    Picture p("photos/portrait.jpg");
    Mask m(p.image);
    m.mat().setTo(GRABCUT_BGD);
    m.mat()(cv::Rect(10, 10, 170, 240)).setTo(GRABCUT_PR_BGD);
    m.mat()(cv::Rect(40, 40, 110, 200)).setTo(GRABCUT_PR_FGD);
    m.mat()(cv::Rect(80, 60, 30, 60)).setTo(GRABCUT_FGD);
    cv::Mat mask = m.mat().clone(), background, foreground;
    grabcut_options opts = with_rect(p.image, 2, 11);
    opts.mode = GRABCUT_INIT_WITH_MASK;
    cr_assert_eq(grabcut_segment(grabcut_engine_opencv(), &m.image, &p.image, &opts, nullptr),
                 GRABCUT_OK);
    reference(mask, background, foreground, p.mat(), opts);
    cr_assert_eq(differing(mask, m.mat()), 0);
    cr_assert(cv::countNonZero(m.mat()(cv::Rect(80, 60, 30, 60)) != GRABCUT_FGD) == 0);
}

Test(opencv, a_progress_callback_changes_nothing) {
    Picture p("photos/portrait.jpg");
    Mask plain(p.image), watched(p.image);
    std::vector<double> seen;
    grabcut_options opts = with_rect(p.image, 4, 5);
    cr_assert_eq(grabcut_segment(grabcut_engine_opencv(), &plain.image, &p.image, &opts, nullptr),
                 GRABCUT_OK);
    opts.progress = never_stop;
    opts.progress_ctx = &seen;
    cr_assert_eq(grabcut_segment(grabcut_engine_opencv(), &watched.image, &p.image, &opts, nullptr),
                 GRABCUT_OK);
    cr_assert_eq(differing(plain.mat(), watched.mat()), 0);
    cr_assert_eq(seen.size(), 4u);
    for (size_t i = 1; i < seen.size(); i++) {
        cr_assert(seen[i] > seen[i - 1] && seen[i] <= 1);
    }
}

Test(opencv, a_stopped_run_leaves_mask_and_models_as_they_were) {
    Picture p("photos/portrait.jpg");
    Mask m(p.image);
    m.mat().setTo(77);
    grabcut_models models;
    std::fill_n(models.background, GRABCUT_MODEL_DOUBLES, 1.5);
    std::fill_n(models.foreground, GRABCUT_MODEL_DOUBLES, 2.5);
    int calls = 0;
    grabcut_errbuf err;
    grabcut_options opts = with_rect(p.image, 3, 5);
    opts.models = &models;
    opts.progress = stop_at_second;
    opts.progress_ctx = &calls;
    cr_assert_eq(grabcut_segment(grabcut_engine_opencv(), &m.image, &p.image, &opts, &err),
                 GRABCUT_ECANCELED);
    cr_assert_neq(err.text[0], '\0');
    cr_assert_eq(calls, 2);
    cr_assert_eq(cv::countNonZero(m.mat() != 77), 0);
    cr_assert(models.background[0] == 1.5 && models.foreground[64] == 2.5);
}

Test(opencv, the_result_does_not_depend_on_what_ran_before_or_on_which_thread) {
    Picture p("photos/portrait.jpg");
    Mask first(p.image);
    grabcut_options opts = with_rect(p.image, 1, 9);
    cr_assert_eq(grabcut_segment(grabcut_engine_opencv(), &first.image, &p.image, &opts, nullptr),
                 GRABCUT_OK);
    std::vector<int> differ(3, -1);
    std::vector<std::thread> threads;
    for (size_t t = 0; t < differ.size(); t++) {
        threads.emplace_back([&, t] {
            cv::setRNGSeed(1000 + static_cast<int>(t));
            for (size_t i = 0; i < t; i++) {
                cv::theRNG().next();
            }
            Mask m(p.image);
            if (grabcut_segment(grabcut_engine_opencv(), &m.image, &p.image, &opts, nullptr) == 0) {
                differ[t] = differing(first.mat(), m.mat());
            }
        });
    }
    for (std::thread &t : threads) {
        t.join();
    }
    for (int d : differ) {
        cr_assert_eq(d, 0);
    }
}

Test(opencv, the_callers_random_numbers_go_on_undisturbed) {
    Picture p("photos/portrait.jpg");
    Mask m(p.image);
    grabcut_options opts = with_rect(p.image, 1, 9);
    cv::setRNGSeed(42);
    unsigned a = cv::theRNG().next(), b = cv::theRNG().next();
    cv::setRNGSeed(42);
    cr_assert_eq(cv::theRNG().next(), a);
    cr_assert_eq(grabcut_segment(grabcut_engine_opencv(), &m.image, &p.image, &opts, nullptr),
                 GRABCUT_OK);
    cr_assert_eq(cv::theRNG().next(), b);
}

Test(opencv, rows_may_be_longer_than_their_pixels) {
    Picture p("photos/portrait.jpg");
    Mask tight(p.image);
    grabcut_options opts = with_rect(p.image, 1, 2);
    cv::Mat wide(p.image.height, p.image.width + 13, CV_8UC3, cv::Scalar(9, 9, 9));
    cv::Mat mask(p.image.height, p.image.width + 5, CV_8UC1, cv::Scalar(200));
    p.mat().copyTo(wide.colRange(0, p.image.width));
    grabcut_image image = {wide.data, p.image.width, p.image.height, 3, wide.step};
    grabcut_image out = {mask.data, p.image.width, p.image.height, 1, mask.step};
    cr_assert_eq(grabcut_segment(grabcut_engine_opencv(), &tight.image, &p.image, &opts, nullptr),
                 GRABCUT_OK);
    cr_assert_eq(grabcut_segment(grabcut_engine_opencv(), &out, &image, &opts, nullptr),
                 GRABCUT_OK);
    cr_assert_eq(differing(tight.mat(), mask.colRange(0, p.image.width)), 0);
    cr_assert_eq(cv::countNonZero(mask.colRange(p.image.width, mask.cols) != 200), 0);
}

Test(opencv, its_estimate_covers_what_it_takes_and_max_bytes_refuses) {
    Picture p("photos/portrait.jpg");
    Mask m(p.image);
    uint64_t bytes = 0;
    grabcut_errbuf err;
    grabcut_options opts = with_rect(p.image, 1, 2);
    cr_assert_eq(grabcut_estimate(grabcut_engine_opencv(), &bytes, 192, 256, &opts), GRABCUT_OK);
    cr_assert_eq(bytes, 208u * 192 * 256);
    opts.max_bytes = bytes - 1;
    cr_assert_eq(grabcut_segment(grabcut_engine_opencv(), &m.image, &p.image, &opts, &err),
                 GRABCUT_ENOMEM);
    opts.max_bytes = bytes;
    cr_assert_eq(grabcut_segment(grabcut_engine_opencv(), &m.image, &p.image, &opts, &err),
                 GRABCUT_OK);
}
