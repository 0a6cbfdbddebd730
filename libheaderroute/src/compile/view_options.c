/* Options of a view by name: the one list behind flags, keys of --batch, `view` of test cases and
 * Python's arguments. */
#include <stddef.h>
#include <stdio.h>

#include "text.h"

typedef enum option_kind { OPTION_TEXT, OPTION_GATEWAY, OPTION_PORT, OPTION_CHOICE } option_kind;

/* Choices in the order of their enum. */
static const char *const outbound_policies[] = {
    [HR_ALLOW_ANY] = "allow-any", [HR_REGISTRY_ONLY] = "registry-only", NULL};
static const char *const repetitions[] = {
    [HR_REPEATED_JOINED] = "joined", [HR_REPEATED_EACH] = "each", NULL};
static const char *const normalizations[] = {
    [HR_PATH_NORMALIZATION_BASE] = "base",
    [HR_PATH_NORMALIZATION_NONE] = "none",
    [HR_PATH_NORMALIZATION_MERGE_SLASHES] = "merge-slashes",
    [HR_PATH_NORMALIZATION_DECODE_AND_MERGE_SLASHES] = "decode-and-merge-slashes",
    NULL};

typedef struct view_option {
    const char *name;
    option_kind kind;
    unsigned since; /* version of hr_view_options */
    size_t offset;  /* in hr_view_options */
    const char *expected;
    const char *const *choices;
} view_option;

#define AT(member) offsetof(hr_view_options, member)
static const view_option view_options[] = {
    {"gateway", OPTION_GATEWAY, 1, AT(gateway), "mesh or NAMESPACE/NAME", NULL},
    {"port", OPTION_PORT, 1, AT(port), "a number from 1 to 65535", NULL},
    {"namespace", OPTION_TEXT, 1, AT(namespace_), "the name of a namespace", NULL},
    {"locality", OPTION_TEXT, 2, AT(locality), "REGION/ZONE/SUBZONE", NULL},
    {"outbound_policy", OPTION_CHOICE, 1, AT(outbound_policy), "allow-any or registry-only",
     outbound_policies},
    {"repeated_headers", OPTION_CHOICE, 1, AT(repeated_headers), "joined or each", repetitions},
    {"path_normalization", OPTION_CHOICE, 2, AT(path_normalization),
     "none, base, merge-slashes or decode-and-merge-slashes", normalizations},
};
#undef AT
#define N_VIEW_OPTIONS (sizeof(view_options) / sizeof(view_options[0]))

/* A choice is written as an int, whatever its enum. */
_Static_assert(sizeof(hr_outbound_policy) == sizeof(int), "an enum has the size of an int");
_Static_assert(sizeof(hr_repeated_headers) == sizeof(int), "an enum has the size of an int");
_Static_assert(sizeof(hr_path_normalization) == sizeof(int), "an enum has the size of an int");

static bool set_option_text(void *member, hr_str value) {
    if (value.len == 0 || memchr(value.p, '\0', value.len) != NULL)
        return false;
    memcpy(member, &value, sizeof(value));
    return true;
}

static bool set_option_gateway(void *member, hr_str value) {
    if (!hr_str_eq_c(value, "mesh") && (value.len == 0 || memchr(value.p, '/', value.len) == NULL))
        return false;
    return set_option_text(member, value);
}

static bool set_option_port(void *member, hr_str value) {
    uint32_t number = 0;
    for (size_t i = 0; i < value.len; i++) {
        if (value.p[i] < '0' || value.p[i] > '9' || number > 65535)
            return false;
        number = number * 10 + (uint32_t)(value.p[i] - '0');
    }
    uint16_t port = (uint16_t)number;
    if (number == 0 || number > 65535)
        return false;
    memcpy(member, &port, sizeof(port));
    return true;
}

static bool set_option_choice(void *member, hr_str value, const char *const *choices) {
    for (int i = 0; choices[i] != NULL; i++) {
        if (!hr_str_eq_c(value, choices[i]))
            continue;
        memcpy(member, &i, sizeof(i));
        return true;
    }
    return false;
}

static bool set_option(hr_view_options *options, const view_option *option, hr_str value) {
    void *member = (char *)options + option->offset;
    switch (option->kind) {
    case OPTION_TEXT:
        return set_option_text(member, value);
    case OPTION_GATEWAY:
        return set_option_gateway(member, value);
    case OPTION_PORT:
        return set_option_port(member, value);
    case OPTION_CHOICE:
        return set_option_choice(member, value, option->choices);
    }
    return false;
}

/* NULL: options of this version have no such name. */
static const view_option *find_option(const hr_view_options *options, hr_str name) {
    for (size_t i = 0; i < N_VIEW_OPTIONS; i++)
        if (hr_str_eq_c(name, view_options[i].name) && options->version >= view_options[i].since)
            return &view_options[i];
    return NULL;
}

int hr_view_options_set(hr_view_options *options, hr_str name, hr_str value,
                        const char **expected) {
    if (options == NULL || name.p == NULL)
        return HR_EINVAL;
    const view_option *option = find_option(options, name);
    if (option == NULL)
        return HR_ENOENT;
    if (value.p != NULL && set_option(options, option, value))
        return HR_OK;
    if (expected != NULL)
        *expected = option->expected;
    return HR_EINVAL;
}

static hr_str text_of_port(const void *member, char number[HR_VIEW_OPTION_NUMBER]) {
    uint16_t port;
    memcpy(&port, member, sizeof(port));
    int len = snprintf(number, HR_VIEW_OPTION_NUMBER, "%u", port);
    return port == 0 ? (hr_str){0} : hr_str_of(number, (size_t)len);
}

static hr_str text_of_choice(const void *member, const char *const *choices) {
    int value;
    memcpy(&value, member, sizeof(value));
    return value == 0 ? (hr_str){0} : hr_str_from(choices[value]);
}

hr_str hr_view_options_get(const hr_view_options *options, hr_str name,
                           char number[HR_VIEW_OPTION_NUMBER]) {
    const view_option *option =
        options == NULL || name.p == NULL ? NULL : find_option(options, name);
    if (option == NULL)
        return (hr_str){0};
    const void *member = (const char *)options + option->offset;
    hr_str text;
    switch (option->kind) {
    case OPTION_PORT:
        return text_of_port(member, number);
    case OPTION_CHOICE:
        return text_of_choice(member, option->choices);
    case OPTION_TEXT:
    case OPTION_GATEWAY:
        break;
    }
    memcpy(&text, member, sizeof(text));
    return text;
}

const char *hr_view_option_name(size_t index) {
    return index < N_VIEW_OPTIONS ? view_options[index].name : NULL;
}
