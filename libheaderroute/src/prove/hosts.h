/*
 * Authorities in classes: all authorities of a class lead to the same virtual hosts on both sides.
 * A class is one host name, all names that end with a suffix and are in no narrower class, or all
 * that is left.
 */
#ifndef HR_HOSTS_H
#define HR_HOSTS_H

#include "rules_of_view.h"

typedef enum hr_host_kind { HR_HOST_EXACT = 0, HR_HOST_SUFFIX, HR_HOST_ANY } hr_host_kind;

typedef struct hr_host_class {
    hr_host_kind kind;
    hr_str text;      /* in lower case */
    hr_str example;   /* an authority of the class; absent: none was found */
    uint32_t cluster; /* classes that are reported together */
    const hr_rule_list *lists[2];
} hr_host_class;

/* Classes that lead to the same two lists. */
typedef struct hr_host_group {
    const hr_rule_list *lists[2];
    HR_LIST(hr_host_class *) classes;
} hr_host_group;

typedef struct hr_hosts {
    HR_LIST(hr_host_class *) classes; /* the last is HR_HOST_ANY */
    HR_LIST(hr_host_group *) groups;
    hr_map exact, suffix; /* text -> class */
    uint32_t n_clusters;
} hr_hosts;

/* Reads the lists of all virtual hosts of both views. */
void hr_hosts_build(hr_hosts *out, hr_rule_reader *r, const hr_view *const views[2],
                    hr_scratch *scratch);

/* A class of the group that has an example, if there is one. */
const hr_host_class *hr_host_group_example(const hr_host_group *group);

/* The class of an authority. */
hr_host_class *hr_host_class_of(const hr_hosts *hosts, hr_str authority, char *buf);

/* Whether `inner` is among the classes that are narrower than `outer`. */
bool hr_host_narrower(const hr_host_class *inner, const hr_host_class *outer);

#endif
