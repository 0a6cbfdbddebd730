/* Parses flags and their environment variables from a table and prints --help. */
#include "flags.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <headerroute/version.h>

#define WHY_SIZE 256

static int flags_fail(char *why, size_t why_size, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static int flags_fail(char *why, size_t why_size, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    vsnprintf(why, why_size, fmt, args);
    va_end(args);
    return -1;
}

int sv_flag_parse_int(int64_t *out, const char *text, int64_t min, int64_t max, char *why,
                      size_t why_size) {
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    /* strtoll passes leading blanks over; a flag should not. */
    if (!(isdigit((unsigned char)text[0]) || text[0] == '-') || *end != '\0')
        return flags_fail(why, why_size, "'%s' is not a whole number", text);
    if (errno == ERANGE || value < min || value > max)
        return flags_fail(why, why_size, "%s is out of range: from %" PRId64 " to %" PRId64, text,
                          min, max);
    *out = value;
    return 0;
}

int sv_flag_parse_bytes(int64_t *out, const char *text, int64_t min, int64_t max, char *why,
                        size_t why_size) {
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    int shift = 0;
    switch (*end) {
    case 'k':
    case 'K':
        shift = 10;
        break;
    case 'm':
    case 'M':
        shift = 20;
        break;
    case 'g':
    case 'G':
        shift = 30;
        break;
    default:
        break;
    }
    if (shift != 0)
        end += strcmp(end + 1, "iB") == 0 ? 3 : 1;
    if (!isdigit((unsigned char)text[0]) || *end != '\0')
        return flags_fail(why, why_size,
                          "'%s' is not a number of bytes (such as 4194304, 4096K or 4M)", text);
    if (errno == ERANGE || value > INT64_MAX >> shift || (value << shift) < min ||
        (value << shift) > max)
        return flags_fail(why, why_size,
                          "%s is out of range: from %" PRId64 " to %" PRId64 " bytes", text, min,
                          max);
    *out = value << shift;
    return 0;
}

int sv_flag_parse_seconds(int64_t *out_ms, const char *text, int64_t min, int64_t max, char *why,
                          size_t why_size) {
    char *end;
    size_t digits = strspn(text, "0123456789.");
    double value = strtod(text, &end);
    if (digits == 0 || text[digits] != '\0' || end != text + digits)
        return flags_fail(why, why_size, "'%s' is not a number of seconds (such as 10 or 0.5)",
                          text);
    double ms = round(value * 1000);
    if (ms < (double)min || ms > (double)max)
        return flags_fail(why, why_size, "%s is out of range: from %g to %g seconds", text,
                          (double)min / 1000, (double)max / 1000);
    *out_ms = (int64_t)ms;
    return 0;
}

static int parse_bool(bool *out, const char *text, char *why, size_t why_size) {
    if (strcmp(text, "1") == 0 || strcmp(text, "true") == 0)
        *out = true;
    else if (strcmp(text, "0") == 0 || strcmp(text, "false") == 0 || text[0] == '\0')
        *out = false;
    else
        return flags_fail(why, why_size, "'%s' is not one of 1, true, 0, false", text);
    return 0;
}

static int parse_choice(int *out, const char *const *choices, const char *text, char *why,
                        size_t why_size) {
    char all[128] = "";
    for (int i = 0; choices[i] != NULL; ++i) {
        if (strcmp(choices[i], text) == 0) {
            *out = i;
            return 0;
        }
        size_t used = strlen(all);
        snprintf(all + used, sizeof(all) - used, "%s%s", i == 0 ? "" : ", ", choices[i]);
    }
    return flags_fail(why, why_size, "'%s' is not one of %s", text, all);
}

/* What lists and their texts lie in lives as long as the program, as argv and the environment do.
 */
static struct kept { struct kept *next; } * kept;

static void *flags_keep(size_t size) {
    struct kept *block = malloc(sizeof(*block) + size);
    if (block == NULL)
        return NULL;
    block->next = kept;
    kept = block;
    return block + 1;
}

static int list_add(sv_text_list *list, const char *text, char *why, size_t why_size) {
    const char **grown = flags_keep((list->n + 1) * sizeof(*grown));
    if (grown == NULL)
        return flags_fail(why, why_size, "out of memory");
    if (list->n > 0)
        memcpy(grown, list->v, list->n * sizeof(*grown));
    list->v = grown;
    list->v[list->n++] = text;
    return 0;
}

static int list_add_all(sv_text_list *list, const char *text, char *why, size_t why_size) {
    char *copy = flags_keep(strlen(text) + 1), *state = NULL;
    if (copy == NULL)
        return flags_fail(why, why_size, "out of memory");
    strcpy(copy, text);
    for (char *part = strtok_r(copy, ", \t\n", &state); part != NULL;
         part = strtok_r(NULL, ", \t\n", &state)) {
        if (list_add(list, part, why, why_size) != 0)
            return -1;
    }
    return 0;
}

static int set_value(const sv_flag *flag, void *field, const char *text, char *why,
                     size_t why_size) {
    switch (flag->kind) {
    case SV_FLAG_SWITCH:
        return parse_bool(field, text, why, why_size);
    case SV_FLAG_TEXT:
        *(const char **)field = text;
        return 0;
    case SV_FLAG_LIST:
        return list_add(field, text, why, why_size);
    case SV_FLAG_INT:
        return sv_flag_parse_int(field, text, flag->min, flag->max, why, why_size);
    case SV_FLAG_BYTES:
        return sv_flag_parse_bytes(field, text, flag->min, flag->max, why, why_size);
    case SV_FLAG_SECONDS:
        return sv_flag_parse_seconds(field, text, flag->min, flag->max, why, why_size);
    case SV_FLAG_CHOICE:
        return parse_choice(field, flag->choices, text, why, why_size);
    case SV_FLAG_CUSTOM:
        return flag->parse(field, text, why, why_size);
    }
    return flags_fail(why, why_size, "unknown kind of flag");
}

static void twin_name(char *out, size_t size, const char *flag_name) {
    size_t n = (size_t)snprintf(out, size, "HR_%s", flag_name);
    for (size_t i = 3; i < n && i < size; ++i)
        out[i] = out[i] == '-' ? '_' : (char)toupper((unsigned char)out[i]);
}

static int from_environment(const sv_flag *flag, void *field, const char *variable,
                            const char *program) {
    const char *text = getenv(variable);
    char why[WHY_SIZE];
    if (text == NULL ||
        text[0] == '\0') /* set to nothing is not set: manifests often leave it so */
        return 0;
    int bad;
    if (flag->kind == SV_FLAG_LIST) {
        ((sv_text_list *)field)->n = 0;
        bad = list_add_all(field, text, why, sizeof(why));
    } else {
        bad = set_value(flag, field, text, why, sizeof(why));
    }
    if (bad)
        fprintf(stderr, "%s: environment variable %s: %s\n", program, variable, why);
    return bad;
}

/* ---- --help ---- */

static void print_default(const sv_flag *flag, const void *field) {
    if (flag->default_text != NULL) {
        if (flag->default_text[0] != '\0')
            printf(" Default: %s.", flag->default_text);
        return;
    }
    switch (flag->kind) {
    case SV_FLAG_TEXT:
        if (*(const char *const *)field != NULL)
            printf(" Default: %s.", *(const char *const *)field);
        break;
    case SV_FLAG_INT:
        printf(" Default: %" PRId64 ".", *(const int64_t *)field);
        break;
    case SV_FLAG_BYTES: {
        int64_t v = *(const int64_t *)field;
        if (v != 0 && v % (1 << 20) == 0)
            printf(" Default: %" PRId64 "M.", v >> 20);
        else if (v != 0 && v % (1 << 10) == 0)
            printf(" Default: %" PRId64 "K.", v >> 10);
        else
            printf(" Default: %" PRId64 ".", v);
        break;
    }
    case SV_FLAG_SECONDS:
        printf(" Default: %g.", (double)*(const int64_t *)field / 1000);
        break;
    case SV_FLAG_CHOICE:
        printf(" Default: %s.", flag->choices[*(const int *)field]);
        break;
    case SV_FLAG_SWITCH:
    case SV_FLAG_LIST:
    case SV_FLAG_CUSTOM:
        break;
    }
}

static void print_wrapped(const char *text) {
    const int width = 92;
    int column = 0;
    while (*text != '\0') {
        size_t word = strcspn(text, " ");
        if (column == 0 || column + 1 + (int)word > width) {
            printf("%s      ", column == 0 ? "" : "\n");
            column = 6;
        } else {
            putchar(' ');
            ++column;
        }
        printf("%.*s", (int)word, text);
        column += (int)word;
        text += word;
        text += strspn(text, " ");
    }
}

static void print_value_name(FILE *to, const sv_flag *flag) {
    if (flag->value_name != NULL) {
        fputs(flag->value_name, to);
        return;
    }
    for (int i = 0; flag->kind == SV_FLAG_CHOICE && flag->choices[i] != NULL; ++i)
        fprintf(to, "%s%s", i == 0 ? "" : "|", flag->choices[i]);
}

static void print_flag(const sv_flag *flag, const void *options) {
    char twin[64];
    printf("\n  ");
    if (flag->letter != 0)
        printf("-%c, ", flag->letter);
    printf("--%s", flag->name);
    if (flag->kind != SV_FLAG_SWITCH) {
        putchar(' ');
        print_value_name(stdout, flag);
    }
    if (flag->kind == SV_FLAG_LIST)
        printf("   (repeatable)");
    putchar('\n');
    print_wrapped(flag->help);
    print_default(flag, (const char *)options + flag->offset);
    twin_name(twin, sizeof(twin), flag->name);
    printf(" [%s%s%s]\n", twin, flag->also_env != NULL ? ", " : "",
           flag->also_env != NULL ? flag->also_env : "");
}

static void print_help(const sv_flag_set *sets, size_t n_sets, const char *program,
                       const char *summary) {
    printf("usage: %s [flags]\n\n%s\n\nflags (in brackets: the same as an environment variable):\n",
           program, summary);
    for (size_t s = 0; s < n_sets; ++s)
        for (size_t i = 0; i < sets[s].n; ++i)
            print_flag(&sets[s].flags[i], sets[s].options);
    printf("\n  --version\n      Prints the version.\n\n  --help\n      Prints this text.\n");
}

/* ---- the command line ---- */

/* "--name", "--name=value" or "-f": the row, and where its value begins (NULL: the next argument).
 */
static const sv_flag *find_flag(const sv_flag_set *sets, size_t n_sets, const char *arg,
                                void **field, const char **value) {
    const char *name = arg + 2, *equals = strchr(arg, '=');
    size_t len = equals != NULL ? (size_t)(equals - name) : strlen(name);
    bool is_long = arg[1] == '-';
    *value = is_long && equals != NULL ? equals + 1 : NULL;
    for (size_t s = 0; s < n_sets; ++s) {
        for (size_t i = 0; i < sets[s].n; ++i) {
            const sv_flag *flag = &sets[s].flags[i];
            bool same = is_long ? strlen(flag->name) == len && memcmp(flag->name, name, len) == 0
                                : flag->letter != 0 && arg[1] == flag->letter && arg[2] == '\0';
            if (!same)
                continue;
            *field = (char *)sets[s].options + flag->offset;
            return flag;
        }
    }
    return NULL;
}

/* A list on the command line replaces the environment's: remembered by which fields were begun. */
typedef struct begun_lists {
    void *v[16];
    size_t n;
} begun_lists;

static void begin_list(begun_lists *begun, sv_text_list *list) {
    for (size_t i = 0; i < begun->n; ++i)
        if (begun->v[i] == list)
            return;
    list->n = 0;
    if (begun->n < sizeof(begun->v) / sizeof(begun->v[0]))
        begun->v[begun->n++] = list;
}

static int parse_arguments(const sv_flag_set *sets, size_t n_sets, int argc, char **argv,
                           const char *program) {
    begun_lists begun = {{0}, 0};
    for (int i = 1; i < argc; ++i) {
        const char *arg = argv[i], *value;
        void *field;
        char why[WHY_SIZE];
        if (arg[0] != '-' || arg[1] == '\0') {
            fprintf(stderr, "%s: unexpected argument '%s' (try --help)\n", program, arg);
            return -1;
        }
        const sv_flag *flag = find_flag(sets, n_sets, arg, &field, &value);
        if (flag == NULL) {
            fprintf(stderr, "%s: unknown flag '%s' (try --help)\n", program, arg);
            return -1;
        }
        if (flag->kind == SV_FLAG_SWITCH && value == NULL) {
            *(bool *)field = true;
            continue;
        }
        if (value == NULL && ++i == argc) {
            fprintf(stderr, "%s: %s needs a value: ", program, arg);
            print_value_name(stderr, flag);
            fputc('\n', stderr);
            return -1;
        }
        if (value == NULL)
            value = argv[i];
        if (flag->kind == SV_FLAG_LIST)
            begin_list(&begun, field);
        if (set_value(flag, field, value, why, sizeof(why)) != 0) {
            fprintf(stderr, "%s: --%s: %s\n", program, flag->name, why);
            return -1;
        }
    }
    return 0;
}

int sv_flags_parse(const sv_flag_set *sets, size_t n_sets, int argc, char **argv,
                   const char *program, const char *summary) {
    /* --help and --version answer whatever else is wrong. */
    for (int i = 1; i < argc; ++i) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            print_help(sets, n_sets, program, summary);
            return 0;
        }
        if (strcmp(argv[i], "--version") == 0) {
            printf("%s %s\n", program, HR_VERSION);
            return 0;
        }
    }
    for (size_t s = 0; s < n_sets; ++s) {
        for (size_t i = 0; i < sets[s].n; ++i) {
            const sv_flag *flag = &sets[s].flags[i];
            void *field = (char *)sets[s].options + flag->offset;
            char twin[64];
            twin_name(twin, sizeof(twin), flag->name);
            if (flag->also_env != NULL &&
                from_environment(flag, field, flag->also_env, program) != 0)
                return 2;
            if (from_environment(flag, field, twin, program) != 0)
                return 2;
        }
    }
    return parse_arguments(sets, n_sets, argc, argv, program) == 0 ? SV_FLAGS_RUN : 2;
}
