/* gRPC's status codes, timeouts and the encoding of its messages. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "grpc.h"

static hr_str str(const char *text) {
    return (hr_str){text, strlen(text)};
}

Test(grpc, every_code_has_a_name_and_its_digits) {
    for (int i = 0; i < SV_GRPC_STATUSES; i++) {
        int status = -1;
        cr_assert(sv_grpc_parse_status(&status, sv_grpc_status_digits(i)), "%d", i);
        cr_assert_eq(status, i);
        cr_assert_gt(strlen(sv_grpc_status_name(i)), 1, "%d", i);
        cr_assert_geq(sv_grpc_http_of_status(i), 200, "%d", i);
    }
    cr_assert_str_eq(sv_grpc_status_name(SV_GRPC_OK), "OK");
    cr_assert_str_eq(sv_grpc_status_name(SV_GRPC_DEADLINE_EXCEEDED), "DEADLINE_EXCEEDED");
    cr_assert_str_eq(sv_grpc_status_name(SV_GRPC_UNAUTHENTICATED), "UNAUTHENTICATED");
    cr_assert_str_eq(sv_grpc_status_name(17), "UNKNOWN");
    cr_assert_str_eq(sv_grpc_status_name(-1), "UNKNOWN");
}

Test(grpc, refuses_what_is_not_a_code) {
    static const char *const values[] = {"", "17", "-1", "00", "01", "1 ", "OK", "100"};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        int status = 99;
        cr_assert_not(sv_grpc_parse_status(&status, str(values[i])), "'%s'", values[i]);
        cr_assert_eq(status, 99, "'%s'", values[i]);
    }
    int status;
    cr_assert_not(sv_grpc_parse_status(&status, (hr_str){NULL, 0}));
}

Test(grpc, maps_http_statuses) {
    static const struct {
        int http;
        sv_grpc_status grpc;
    } rows[] = {{400, SV_GRPC_INTERNAL},          {401, SV_GRPC_UNAUTHENTICATED},
                {403, SV_GRPC_PERMISSION_DENIED}, {404, SV_GRPC_UNIMPLEMENTED},
                {429, SV_GRPC_UNAVAILABLE},       {502, SV_GRPC_UNAVAILABLE},
                {503, SV_GRPC_UNAVAILABLE},       {504, SV_GRPC_UNAVAILABLE},
                {200, SV_GRPC_UNKNOWN},           {405, SV_GRPC_UNKNOWN},
                {413, SV_GRPC_UNKNOWN},           {500, SV_GRPC_UNKNOWN}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cr_assert_eq(sv_grpc_status_of_http(rows[i].http), rows[i].grpc, "%d", rows[i].http);
    cr_assert_eq(sv_grpc_http_of_status(SV_GRPC_OK), 200);
    cr_assert_eq(sv_grpc_http_of_status(SV_GRPC_CANCELLED), 499);
    cr_assert_eq(sv_grpc_http_of_status(SV_GRPC_RESOURCE_EXHAUSTED), 429);
    cr_assert_eq(sv_grpc_http_of_status(SV_GRPC_UNAVAILABLE), 503);
    cr_assert_eq(sv_grpc_http_of_status(99), 500);
}

Test(grpc, knows_its_content_types) {
    static const struct {
        const char *type;
        bool grpc;
    } rows[] = {{"application/grpc", true},
                {"application/grpc+proto", true},
                {"application/grpc;charset=utf-8", true},
                {"application/grpc-web", false},
                {"application/grpcx", false},
                {"application/grp", false},
                {"application/json", false},
                {"", false}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cr_assert_eq(sv_grpc_is_content_type(str(rows[i].type)), rows[i].grpc, "%s", rows[i].type);
    cr_assert_not(sv_grpc_is_content_type((hr_str){NULL, 0}));
}

Test(grpc, reads_timeouts) {
    static const struct {
        const char *value;
        uint64_t ns;
    } rows[] = {{"1n", 1},
                {"1u", 1000},
                {"250m", 250000000u},
                {"1S", 1000000000u},
                {"2M", 120000000000u},
                {"3H", 10800000000000u},
                {"0m", 0},
                {"00000001S", 1000000000u},
                {"99999999S", 99999999000000000u},
                {"99999999H", UINT64_MAX}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t ns = 7;
        cr_assert(sv_grpc_parse_timeout(&ns, str(rows[i].value)), "%s", rows[i].value);
        cr_assert_eq(ns, rows[i].ns, "%s", rows[i].value);
    }
}

Test(grpc, refuses_malformed_timeouts) {
    static const char *const values[] = {"",    "1",   "S",    "1s",  "-1S",        "+1S",
                                         "1 S", " 1S", "1.5S", "1SS", "123456789S", "0x1S"};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        uint64_t ns = 7;
        cr_assert_not(sv_grpc_parse_timeout(&ns, str(values[i])), "'%s'", values[i]);
        cr_assert_eq(ns, 7, "'%s'", values[i]);
    }
    uint64_t ns;
    cr_assert_not(sv_grpc_parse_timeout(&ns, (hr_str){NULL, 0}));
}

Test(grpc, encodes_messages) {
    static const struct {
        const char *text, *encoded;
    } rows[] = {{"", ""},
                {"not found: \"x\"", "not found: \"x\""},
                {"50 % of\r\n", "50 %25 of%0D%0A"},
                {"\xC3\xA9\t\x7F~", "%C3%A9%09%7F~"}};
    char room[SV_GRPC_MESSAGE_SIZE(32)];
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        hr_str encoded = sv_grpc_encode_message(room, str(rows[i].text));
        cr_assert_eq(encoded.len, strlen(rows[i].encoded), "%s", rows[i].encoded);
        cr_assert_eq(memcmp(encoded.p, rows[i].encoded, encoded.len), 0, "%s", rows[i].encoded);
    }
}
