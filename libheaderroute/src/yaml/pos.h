/* A place in a YAML file, and lists of strings with their place. */
#ifndef HR_POS_H
#define HR_POS_H

#include <headerroute/headerroute.h>

typedef struct hr_pos {
    hr_str file;
    int line, column; /* both start at 1 */
} hr_pos;

typedef struct hr_str_list {
    hr_str *v;
    size_t n;
    hr_pos pos;
} hr_str_list;

#endif
