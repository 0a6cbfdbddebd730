/* Commands of Envoy's substitution formatter: %NAME%, %NAME(ARGUMENT)%, %NAME(ARGUMENT):LIMIT%. */
#ifndef HR_FORMAT_COMMAND_H
#define HR_FORMAT_COMMAND_H

#include "text.h"

/* Where a command's value comes from. */
typedef enum hr_command_kind {
    HR_CMD_FACT,   /* given by the caller; else nothing */
    HR_CMD_NUMBER, /* given by the caller; else 0 */
    HR_CMD_DASH,   /* given by the caller; else "-" */
    HR_CMD_HOST,   /* of the address that the command before "_WITHOUT_PORT" has */
    HR_CMD_PORT,   /* of the address of `of` */
    HR_CMD_REQUEST_HEADER,
    HR_CMD_RESPONSE_HEADER,
    HR_CMD_TRAILER,
    HR_CMD_QUERY_PARAMETER,
    HR_CMD_QUERY,
    HR_CMD_PATH,
    HR_CMD_SERVER_NAME,
    HR_CMD_START_TIME,
    HR_CMD_EMIT_TIME,
    HR_CMD_DURATION,
    HR_CMD_CLIENT_ADDRESS,
    HR_CMD_PEER_ADDRESS,
    HR_CMD_LOCAL_ADDRESS,
    HR_CMD_UPSTREAM_ADDRESS,
    HR_CMD_CLUSTER,
    HR_CMD_ROUTE_NAME,
    HR_CMD_PROTOCOL,
    HR_CMD_STATUS,
    HR_CMD_FLAGS,
    HR_CMD_DETAILS,
    HR_CMD_ATTEMPTS,
    HR_CMD_REQUEST_BYTES,
    HR_CMD_RESPONSE_BYTES,
    HR_CMD_STREAM_ID,
    HR_CMD_LOG_TYPE,
    HR_CMD_FOREIGN /* Envoy evaluates it; this library knows only the value that the caller gives */
} hr_command_kind;

typedef struct hr_command_row {
    const char *name;
    hr_command_kind kind;
    uint8_t syntax; /* of enum hr_command_syntax */
    bool served;    /* headerroute-gateway and the library together know the value */
    const char *of; /* HR_CMD_HOST, HR_CMD_PORT: the command with the whole address */
    const char *(*mistake)(hr_str argument); /* NULL: every argument is accepted */
} hr_command_row;

enum hr_command_syntax {
    HR_CMD_PLAIN = 0,
    HR_CMD_ARGUMENT = 1,
    HR_CMD_NEEDS_ARGUMENT = 2,
    HR_CMD_LIMIT = 4
};

typedef struct hr_command {
    const hr_command_row *row;
    hr_str text;     /* between the percent signs, without the limit */
    hr_str argument; /* empty: none */
    size_t limit;    /* SIZE_MAX: none */
    size_t end;      /* after the closing '%' */
} hr_command;

/* The row of a command by its name; NULL if Envoy does not have it. */
const hr_command_row *hr_command_find(hr_str name);

/* Reads the command that begins with the '%' at s.p[at]. Returns NULL, or what is wrong with it:
 * Envoy then rejects the value. */
const char *hr_command_read(hr_command *out, hr_str s, size_t at);

/* Where the next command at or after `at` begins; s.len if there is none. "%%" is a percent sign.
 */
size_t hr_command_next(hr_str s, size_t at);

/* Returns NULL, or why Envoy rejects the value. *where is then the part of the value that is wrong.
 * */
const char *hr_format_error(hr_str *where, hr_str format);
/* The first command of a valid value that this library cannot evaluate; absent if there is none.
 * With `served`: that headerroute-gateway cannot evaluate, either. */
hr_str hr_format_unknown(hr_str format, bool served);

#endif
