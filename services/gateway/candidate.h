/*
 * The process that compares a candidate with what is loaded. The gateway starts itself again under
 * the name GW_CANDIDATE_PROGRAM; descriptor 3 has the loaded texts, 4 the view's options and the
 * candidate (texts.h). It limits its own memory and CPU time, and ends with its parent.
 *
 * On standard output, one JSON object. GW_CANDIDATE_COMPARED:
 *
 *     {"view":"gateway default/gw port 80","complete":true,"regions_compared":5,
 *      "replaced":["VirtualService default/shop"],"added":[],"left_out":0,
 *      "regions":[{"where","before","before_place","after","after_place","changed","curl","draws"}],
 *      "undecided":[{"reason","before_place","after_place"}],"findings":[]}
 *
 * GW_CANDIDATE_REFUSED: {"error":"...","findings":[{"severity","file","line","column","field",
 * "message"}]}. The candidate's texts are those of a file named GW_CANDIDATE.
 */
#ifndef SV_GATEWAY_CANDIDATE_H
#define SV_GATEWAY_CANDIDATE_H

#define GW_CANDIDATE_PROGRAM "headerroute-gateway-diff"
#define GW_CANDIDATE_COMM "hr-gateway-diff" /* for ps; at most 15 bytes */
#define GW_CANDIDATE "<pasted>"
#define GW_CANDIDATE_TOO_SLOW "comparing takes longer than --ui-diff-seconds allows"

/* Exit codes. GW_CANDIDATE_NO_MEMORY is that of cli_realloc, too. */
enum {
    GW_CANDIDATE_COMPARED = 0,
    GW_CANDIDATE_NO_MEMORY = 1,
    GW_CANDIDATE_REFUSED = 3,
    GW_CANDIDATE_FAILED = 4
};

/* What main does under that name: MEMORY SECONDS PARENT MAPS CERTIFICATE, of which the last two
 * are 1 where the gateway has --map and --tls-cert, else 0. */
int gw_candidate_main(int argc, char **argv);

#endif
