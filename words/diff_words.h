/* Views, regions, rules and decisions in words. The caller frees each text,
 * which is safe on a terminal (escape.h). */
#ifndef HR_WORDS_DIFF_WORDS_H
#define HR_WORDS_DIFF_WORDS_H

#include "diff_report.h"

/* hr_route of a request as a client sends it; *edge is the request as the view's rules see it. */
int words_report_route(hr_decision *out, hr_request *edge, words_report *r, const hr_view *view,
                       const hr_request *request);
/* "gateway prod/public port 443", "mesh, namespace default, port 80",
 * "mesh, any other namespace, port 80". */
char *words_of_view(const hr_diff_view *view);
/* "authority shop.example.com, path prefix /api/, header target = \"condition1\"". */
char *words_of_region(const hr_diff_region *region);
/* What the example leaves out: "the Gateway's proxies append ..." for a region of a Gateway about
 * x-forwarded-for; else "". */
const char *words_of_assumption(const hr_diff_view *view, const hr_diff_region *region);
/* "default/shop http[0].match[1]". */
char *words_of_rule(const hr_diff_rule *rule);
/* The rule and what it does: "http[0] -> checkout v1". */
char *words_of_outcome(words_report *r, const hr_view *view, const hr_diff_rule *rule,
                       const hr_request *request);
/* The same for one decision, without what depends on the request: "default/a http[0] -> checkout
 * v1". */
char *words_of_decision(const hr_decision *decision);
/* What changes beside the destination: ", timeout 10s -> 2s". */
char *words_of_change(words_report *r, const hr_diff_region *region);
/* "destination, timeout". */
char *words_of_changed(unsigned changed);

#endif
