/* JSON out of anything. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "json_out.h"

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
        sv_text text = {0};
        sv_json_string(&text, rows[i].in, rows[i].len);
        cr_expect(eq(str, text.p, (char *)rows[i].out));
        sv_text_free(&text);
    }
}

Test(json_out, members_are_separated) {
    sv_text text = {0};
    sv_text_str(&text, "{");
    sv_json_member_str(&text, "a", "1");
    sv_json_member_str(&text, "b", NULL);
    sv_json_member_int(&text, "c", -5);
    sv_json_name(&text, "d");
    sv_text_str(&text, "{");
    sv_json_member(&text, "e", "xyz", 2);
    sv_text_str(&text, "}}");
    cr_expect(eq(str, text.p, "{\"a\":\"1\",\"b\":null,\"c\":-5,\"d\":{\"e\":\"xy\"}}"));
    sv_text_free(&text);
}
