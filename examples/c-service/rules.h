/* The routing rules of the service: loaded from a file, replaced while requests are served. */
#ifndef EXAMPLE_RULES_H
#define EXAMPLE_RULES_H

#include <headerroute/headerroute.h>

typedef struct rules rules;

/* Loads the file. Prints what is wrong with it on stderr and returns NULL on an error. `path` must
 * stay valid. */
rules *rules_open(const char *path);
void rules_close(rules *r);

/* Loads the file again. If it has an error, prints it, keeps the rules in use, and returns -1. */
int rules_reload(rules *r);

/* Returns the rules in use with a reference, which the caller drops with hr_view_unref(). Any
 * thread may call it. */
hr_view *rules_current(rules *r);

#endif
