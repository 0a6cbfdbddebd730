/* Values, environment variables, order of precedence, and messages about bad values. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "flags.h"

typedef struct options {
    const char *text;
    int64_t count, bytes, ms;
    int choice;
    bool on;
    sv_text_list list;
} options;

static const char *const choices[] = {"red", "green", NULL};
#define AT(member) offsetof(options, member)
static const sv_flag table[] = {
    {.name = "text",
     .letter = 't',
     .kind = SV_FLAG_TEXT,
     .value_name = "TEXT",
     .help = "A text.",
     .offset = AT(text),
     .also_env = "OTHER_TEXT"},
    {.name = "count",
     .kind = SV_FLAG_INT,
     .value_name = "N",
     .help = "A count.",
     .offset = AT(count),
     .min = -5,
     .max = 9},
    {.name = "some-bytes",
     .kind = SV_FLAG_BYTES,
     .value_name = "N",
     .help = "Bytes.",
     .offset = AT(bytes),
     .max = INT64_MAX},
    {.name = "wait",
     .kind = SV_FLAG_SECONDS,
     .value_name = "S",
     .help = "Seconds.",
     .offset = AT(ms),
     .max = 60000},
    {.name = "colour",
     .kind = SV_FLAG_CHOICE,
     .value_name = "C",
     .help = "A colour.",
     .offset = AT(choice),
     .choices = choices},
    {.name = "on", .kind = SV_FLAG_SWITCH, .help = "A switch.", .offset = AT(on)},
    {.name = "list",
     .letter = 'l',
     .kind = SV_FLAG_LIST,
     .value_name = "X",
     .help = "Some.",
     .offset = AT(list)},
};

static int parse(options *o, int argc, const char **argv) {
    const sv_flag_set set = {table, sizeof(table) / sizeof(table[0]), o};
    return sv_flags_parse(&set, 1, argc, (char **)argv, "prog", "For tests.");
}

static void clear_environment(void) {
    static const char *const names[] = {"HR_TEXT", "OTHER_TEXT", "HR_COUNT", "HR_SOME_BYTES",
                                        "HR_WAIT", "HR_COLOUR",  "HR_ON",    "HR_LIST"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); ++i)
        unsetenv(names[i]);
}

TestSuite(flags, .init = clear_environment);

Test(flags, take_their_values_in_every_spelling) {
    options o = {0};
    const char *argv[] = {"prog", "--text",     "a b",      "--count=-3", "--some-bytes",
                          "4K",   "--wait=1.5", "--colour", "green",      "--on",
                          "-l",   "x",          "--list=y"};
    cr_assert(eq(int, parse(&o, 13, argv), SV_FLAGS_RUN));
    cr_expect(eq(str, (char *)o.text, "a b"));
    cr_expect(eq(i64, o.count, -3));
    cr_expect(eq(i64, o.bytes, 4096));
    cr_expect(eq(i64, o.ms, 1500));
    cr_expect(eq(int, o.choice, 1));
    cr_expect(o.on);
    cr_assert(eq(sz, o.list.n, 2));
    cr_expect(eq(str, (char *)o.list.v[1], "y"));
}

Test(flags, leave_what_is_not_given) {
    options o = {.text = "kept", .count = 7};
    const char *argv[] = {"prog"};
    cr_assert(eq(int, parse(&o, 1, argv), SV_FLAGS_RUN));
    cr_expect(eq(str, (char *)o.text, "kept"));
    cr_expect(eq(i64, o.count, 7));
}

Test(flags, twin_beats_other_variable_and_flag_beats_twin) {
    options o = {0};
    const char *none[] = {"prog"}, *given[] = {"prog", "-t", "flag"};
    setenv("OTHER_TEXT", "other", 1);
    parse(&o, 1, none);
    cr_expect(eq(str, (char *)o.text, "other"));
    setenv("HR_TEXT", "twin", 1);
    parse(&o, 1, none);
    cr_expect(eq(str, (char *)o.text, "twin"));
    parse(&o, 3, given);
    cr_expect(eq(str, (char *)o.text, "flag"));
}

Test(flags, an_empty_variable_is_not_set) {
    options o = {.count = 7};
    const char *argv[] = {"prog"};
    setenv("HR_COUNT", "", 1);
    cr_assert(eq(int, parse(&o, 1, argv), SV_FLAGS_RUN));
    cr_expect(eq(i64, o.count, 7));
}

Test(flags, lists_of_the_environment_are_replaced_by_the_command_line) {
    options o = {0};
    const char *none[] = {"prog"}, *given[] = {"prog", "--list", "c", "--list", "d"};
    setenv("HR_LIST", "a, b c", 1);
    parse(&o, 1, none);
    cr_assert(eq(sz, o.list.n, 3));
    cr_expect(eq(str, (char *)o.list.v[2], "c"));
    o = (options){0};
    parse(&o, 5, given);
    cr_assert(eq(sz, o.list.n, 2));
    cr_expect(eq(str, (char *)o.list.v[0], "c"));
}

Test(flags, switches_of_the_environment) {
    static const struct {
        const char *text;
        bool on;
    } rows[] = {{"1", true}, {"true", true}, {"0", false}, {"false", false}};
    const char *argv[] = {"prog"};
    for (size_t i = 0; i < 4; ++i) {
        options o = {.on = !rows[i].on};
        setenv("HR_ON", rows[i].text, 1);
        cr_expect(eq(int, parse(&o, 1, argv), SV_FLAGS_RUN));
        cr_expect(eq(int, o.on, rows[i].on), "%s", rows[i].text);
    }
    options o = {0};
    setenv("HR_ON", "perhaps", 1);
    cr_expect(eq(int, parse(&o, 1, argv), 2));
}

Test(flags, bad_command_lines_are_exit_2) {
    static const char *const rows[][2] = {{"--count", "ten"},
                                          {"--count", "10"},
                                          {"--count", "-6"},
                                          {"--count", ""},
                                          {"--count", " 1"},
                                          {"--count", "+1"},
                                          {"--count", "99999999999999999999"},
                                          {"--colour", "blue"},
                                          {"--some-bytes", "-1"},
                                          {"--some-bytes", "1KB"},
                                          {"--some-bytes", "9223372036854775807K"},
                                          {"--wait", "61"},
                                          {"--wait", "1e3"},
                                          {"--wait", "nan"},
                                          {"--wait", "1.2.3"},
                                          {"--wait", "-1"},
                                          {"--nothing", "x"},
                                          {"-x", "y"},
                                          {"x", "y"},
                                          {"--", "x"},
                                          {"-", "x"},
                                          {"--counts", "1"},
                                          {"--coun", "1"},
                                          {"--text", NULL},
                                          {"-tx", NULL}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        options o = {0};
        const char *argv[] = {"prog", rows[i][0], rows[i][1]};
        cr_expect(eq(int, parse(&o, rows[i][1] != NULL ? 3 : 2, argv), 2), "%s %s", rows[i][0],
                  rows[i][1]);
    }
}

Test(flags, help_and_version_win_over_nonsense) {
    options o = {0};
    const char *help[] = {"prog", "--nonsense", "--help"},
               *version[] = {"prog", "--count", "x", "--version"};
    cr_expect(eq(int, parse(&o, 3, help), 0));
    cr_expect(eq(int, parse(&o, 4, version), 0));
}

Test(flags, bytes_have_binary_suffixes) {
    static const struct {
        const char *text;
        int64_t bytes;
    } rows[] = {{"0", 0},
                {"17", 17},
                {"1k", 1024},
                {"2K", 2048},
                {"3KiB", 3072},
                {"4M", 4 << 20},
                {"5MiB", 5 << 20},
                {"6G", (int64_t)6 << 30},
                {"8589934591G", (int64_t)8589934591 << 30}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        int64_t out = -1;
        char why[100];
        cr_expect(
            eq(int, sv_flag_parse_bytes(&out, rows[i].text, 0, INT64_MAX, why, sizeof(why)), 0));
        cr_expect(eq(i64, out, rows[i].bytes));
    }
}
