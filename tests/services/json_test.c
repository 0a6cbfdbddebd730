/* One string out of an object, and JSON out of anything. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>

#include "json_in.h"
#include "json_out.h"

/* The member "image", or NULL; *why is empty where there was no error. */
static char *find(const char *json, size_t len, char *why, size_t size) {
    char *text = malloc(len + 1), *result = NULL;
    hr_json_string_found found;
    memcpy(text, json, len);
    text[len] = '\0';
    why[0] = '\0';
    if (hr_json_find_string(&found, text, len, "image", why, size) == 0 && found.found) {
        result = calloc(1, found.len + 1);
        memcpy(result, found.p, found.len);
        /* No copy unless there are escapes. */
        cr_expect(found.owned == NULL || memchr(json, '\\', len) != NULL);
        cr_expect(found.owned != NULL || (found.p >= text && found.p + found.len <= text + len));
    }
    free(found.owned);
    free(text);
    return result;
}

Test(json_in, finds_the_member_of_the_object_itself) {
    static const char *const rows[][2] = {
        {"{\"image\":\"abc\"}", "abc"},
        {" {\n\"image\" :\t\"\" } \r\n", ""},
        {"{\"a\":{\"image\":\"no\"},\"image\":\"yes\",\"b\":[{\"image\":\"no\"}]}", "yes"},
        {"{\"a\":[\"image\",\"no\"],\"image\":\"yes\"}", "yes"},
        {"{\"image\":\"a\\/b\\u0041\\n\"}", "a/bA\n"},
        {"{\"im\\u0061ge\":\"x\"}", "x"},
        {"{\"images\":\"no\",\"imag\":\"no\",\"\":1,\"image\":\"\xe3\x81\x82\"}", "\xe3\x81\x82"},
        {"{\"a\":123456789012345678901234567890,\"b\":-1.5E+10,\"c\":true,\"d\":null,\"image\":"
         "\"x\"}",
         "x"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        char why[200], *got = find(rows[i][0], strlen(rows[i][0]), why, sizeof(why));
        cr_assert(got != NULL, "%s: %s", rows[i][0], why);
        cr_expect(eq(str, got, (char *)rows[i][1]));
        free(got);
    }
}

Test(json_in, no_such_member_is_no_error) {
    static const char *const rows[] = {"{}", "{\"a\":1}", "{\"a\":{\"image\":\"no\"}}"};
    for (size_t i = 0; i < 3; ++i) {
        char why[200];
        cr_expect(find(rows[i], strlen(rows[i]), why, sizeof(why)) == NULL);
        cr_expect(eq(str, why, ""));
    }
}

Test(json_in, anything_else_is_an_error_with_a_sentence) {
    static const char *const rows[][2] = {
        {"", "byte 0"},
        {" ", "byte 1"},
        {"[]", "not a JSON object"},
        {"\"image\"", "not a JSON object"},
        {"1", "not a JSON object"},
        {"null", "not a JSON object"},
        {"{", "byte 1"},
        {"{\"image\"", "byte 8"},
        {"{\"image\":", "byte 9"},
        {"{\"image\":\"abc", "byte 13"},
        {"{\"image\":\"abc\"", "byte 14"},
        {"{\"image\":\"a\",}", "not JSON"},
        {"{\"image\":\"a\"}}", "not JSON"},
        {"{\"image\":\"a\"} {}", "not JSON"},
        {"{image:\"a\"}", "not JSON"},
        {"{'image':'a'}", "not JSON"},
        {"{\"image\":\"a\nb\"}", "not JSON"},
        {"{\"image\":\"\\x\"}", "not JSON"},
        {"{\"image\":\"\\u12\"}", "not JSON"},
        {"{\"image\":\"\xff\"}", "not JSON"},
        {"{\"a\":01,\"image\":\"\"}", "not JSON"},
        {"{\"a\":.5}", "not JSON"},
        {"{\"a\":tru}", "not JSON"},
        {"{\"a\":NaN}", "not JSON"},
        {"// x\n{}", "not JSON"},
        {"/* x */{}", "not JSON"},
        {"{\"image\":\"a\",\"image\":\"b\"}", "twice"},
        {"{\"image\":1}", "string"},
        {"{\"image\":null}", "string"},
        {"{\"image\":true}", "string"},
        {"{\"image\":[\"a\"]}", "string"},
        {"{\"image\":{\"image\":\"a\"}}", "string"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        char why[200], *got = find(rows[i][0], strlen(rows[i][0]), why, sizeof(why));
        cr_expect(got == NULL, "%s", rows[i][0]);
        cr_expect(strstr(why, rows[i][1]) != NULL, "%s: %s", rows[i][0], why);
    }
}

Test(json_in, depth_has_a_limit) {
    char json[400] = "{\"a\":", why[200];
    memset(json + 5, '[', 63);
    memset(json + 68, ']', 63);
    strcpy(json + 131, ",\"image\":\"x\"}");
    char *got = find(json, strlen(json), why, sizeof(why));
    cr_assert(got != NULL, "%s", why);
    free(got);
    memset(json + 5, '[', 300);
    cr_expect(find(json, 305, why, sizeof(why)) == NULL);
    cr_expect(strstr(why, "deeply") != NULL, "%s", why);
}

Test(json_out, strings_are_escaped_and_repaired) {
    static const struct {
        const char *in;
        size_t len;
        const char *out;
    } rows[] = {
        {"plain", 5, "\"plain\""},
        {"", 0, "\"\""},
        {"\"\\/", 3, "\"\\\"\\\\/\""},
        {"\n\r\t\b\0", 5, "\"\\n\\r\\t\\u0008\\u0000\""},
        {"\x7f", 1, "\"\\u007f\""},
        {"\xc3\xa9\xe3\x81\x82\xf0\x9f\x98\x80", 9, "\"\xc3\xa9\xe3\x81\x82\xf0\x9f\x98\x80\""},
        {"\xff", 1, "\"\xef\xbf\xbd\""},
        {"a\xc3", 2, "\"a\xef\xbf\xbd\""},
        {"\xc0\x80", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\""},
        {"\xed\xa0\x80", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
        {"\xe0\x80\x80", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
        {"\xf4\x90\x80\x80", 4, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
        {"\xe3\x81", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        hr_text text = {0};
        hr_json_string(&text, rows[i].in, rows[i].len);
        cr_expect(eq(str, text.p, (char *)rows[i].out));
        hr_text_free(&text);
    }
}

Test(json_out, members_are_separated) {
    hr_text text = {0};
    hr_text_str(&text, "{");
    hr_json_member_str(&text, "a", "1");
    hr_json_member_str(&text, "b", NULL);
    hr_json_member_int(&text, "c", -5);
    hr_json_name(&text, "d");
    hr_text_str(&text, "{");
    hr_json_member(&text, "e", "xyz", 2);
    hr_text_str(&text, "}}");
    cr_expect(eq(str, text.p, "{\"a\":\"1\",\"b\":null,\"c\":-5,\"d\":{\"e\":\"xy\"}}"));
    hr_text_free(&text);
}
