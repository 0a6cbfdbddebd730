/* A list of headers that grows in a scratch. */
#ifndef HR_HEADER_LIST_H
#define HR_HEADER_LIST_H

#include "scratch.h"

typedef struct hr_header_list {
    hr_pair *v; /* names in lower case */
    size_t n, capacity;
    hr_scratch *scratch;
} hr_header_list;

#endif
