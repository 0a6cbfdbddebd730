/*
 * `[2001:db8::]`: in flow style libyaml refuses a ':' inside a plain scalar that one of ",?[]{}"
 * follows, while go-yaml, which Kubernetes' tools use, reads it as a part of the scalar. Such a ':'
 * is replaced by a character that the text does not have, which is one character as well, so that
 * lines and columns stay, and put back in the scalars.
 */
#ifndef HR_YAML_COLON_H
#define HR_YAML_COLON_H

#include <headerroute/headerroute.h>

#define HR_COLON_BYTES 3 /* of the character, in UTF-8 */

typedef struct hr_colon {
    char *text; /* malloc; NULL: nothing was replaced */
    size_t len;
    char stand_in[HR_COLON_BYTES];
} hr_colon;

/* Replaces; `text` is UTF-8. HR_OK, HR_ENOMEM, or HR_ENOENT if there is nothing to replace. */
int hr_colon_replace(hr_colon *out, hr_str text);
/* Puts ':' back in place. Returns the new length. */
size_t hr_colon_restore(const hr_colon *colon, char *p, size_t len);

#endif
