/* Counting on several threads' cells and reading the sums as Prometheus' text. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>

#include "metrics.h"

static int has(sv_metrics *metrics, const char *line) {
    size_t len;
    char *text = sv_metrics_text(metrics, &len);
    char *with_ends = malloc(len + 2);
    with_ends[0] = '\n';
    memcpy(with_ends + 1, text, len + 1);
    int found = strstr(with_ends, line) != NULL;
    free(text);
    free(with_ends);
    return found;
}

Test(metrics, cells_are_added_up) {
    sv_metrics *metrics = sv_metrics_new();
    sv_metric plain = sv_metrics_counter(metrics, "hr_a_total", NULL, "A.");
    sv_metric labelled = sv_metrics_gauge(metrics, "hr_b", "kind=\"x\"", "B.");
    sv_metric_cells *one = sv_metrics_cells(metrics), *two = sv_metrics_cells(metrics);
    sv_metric_add(one, plain, 3);
    sv_metric_add(two, plain, 4);
    sv_metric_add(one, labelled, 5);
    sv_metric_add(two, labelled, -7);
    cr_expect(has(metrics, "\n# HELP hr_a_total A.\n# TYPE hr_a_total counter\nhr_a_total 7\n"));
    cr_expect(has(metrics, "\n# TYPE hr_b gauge\nhr_b{kind=\"x\"} -2\n"));
    sv_metrics_free(metrics);
}

Test(metrics, histograms_are_cumulative) {
    static const double bounds[] = {0.1, 1};
    sv_metrics *metrics = sv_metrics_new();
    sv_metric h = sv_metrics_histogram(metrics, "hr_h_seconds", "p=\"q\"", "H.", bounds, 2);
    sv_metric_cells *one = sv_metrics_cells(metrics), *two = sv_metrics_cells(metrics);
    sv_metric_observe(one, h, 0.1);
    sv_metric_observe(two, h, 0.5);
    sv_metric_observe(two, h, 2);
    cr_expect(
        has(metrics,
            "\nhr_h_seconds_bucket{p=\"q\",le=\"0.1\"} 1\nhr_h_seconds_bucket{p=\"q\",le=\"1\"} 2\n"
            "hr_h_seconds_bucket{p=\"q\",le=\"+Inf\"} 3\nhr_h_seconds_sum{p=\"q\"} 2.6\n"
            "hr_h_seconds_count{p=\"q\"} 3\n"));
    sv_metrics_free(metrics);
}

Test(metrics, series_of_one_name_share_their_head) {
    sv_metrics *metrics = sv_metrics_new();
    sv_metrics_counter(metrics, "hr_c_total", "a=\"1\"", "C.");
    sv_metrics_counter(metrics, "hr_c_total", "a=\"2\"", "C.");
    cr_expect(has(metrics,
                  "\n# TYPE hr_c_total counter\nhr_c_total{a=\"1\"} 0\nhr_c_total{a=\"2\"} 0\n"));
    sv_metrics_free(metrics);
}

Test(metrics, requests_by_code_and_method) {
    sv_metrics *metrics = sv_metrics_new();
    sv_metric_cells *cells = sv_metrics_cells(metrics);
    sv_metric_request(cells, 200, "GET", 3);
    sv_metric_request(cells, 200, "GET", 3);
    sv_metric_request(cells, 404, "BREW", 4);
    sv_metric_request(cells, 9999, "POST", 4);
    cr_expect(has(metrics, "\nheaderroute_http_requests_total{code=\"200\",method=\"GET\"} 2\n"));
    cr_expect(has(metrics, "\nheaderroute_http_requests_total{code=\"404\",method=\"other\"} 1\n"));
    cr_expect(has(metrics, "\nheaderroute_http_requests_total{code=\"0\",method=\"POST\"} 1\n"));
    sv_metrics_free(metrics);
}

static double seventeen(void *ctx) {
    return *(double *)ctx;
}

static void write_more(void *ctx, sv_metrics *metrics, void *out) {
    (void)metrics;
    sv_metrics_printf(out, "hr_hook %s\n", (const char *)ctx);
}

Test(metrics, values_may_be_read_late_and_text_be_added) {
    double value = 17.5;
    sv_metrics *metrics = sv_metrics_new();
    sv_metrics_read(metrics, SV_GAUGE, "hr_r", NULL, "R.", seventeen, &value);
    sv_metrics_hook(metrics, write_more, "yes");
    cr_expect(has(metrics, "\n# TYPE hr_r gauge\nhr_r 17.5\n"));
    cr_expect(has(metrics, "\nhr_hook yes\n"));
    sv_metrics_free(metrics);
}
