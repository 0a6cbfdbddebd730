/* ObjectMeta: the name, namespace, labels and annotations of a resource, and the order of creation.
 */
#ifndef HR_META_H
#define HR_META_H

#include "reader.h"

/* metadata of any resource */
typedef struct hr_meta {
    hr_str name, namespace_;   /* namespace_ is never absent: the default is filled in */
    hr_str creation_timestamp; /* RFC 3339 as written; may be absent */
    hr_pair *labels;
    size_t n_labels;
    hr_pair *annotations;
    size_t n_annotations;
    const char *kind; /* of the resource */
    size_t order;     /* position in the load, from 0: the last tie-breaker */
    bool generated;   /* written by a controller that the load expands, not loaded */
    hr_pos pos;
} hr_meta;

typedef enum hr_meta_fields {
    HR_META_KNOWN,  /* unknown fields are ignored */
    HR_META_STRICT, /* unknown fields are reported, as Istio's own resources do */
    HR_META_NAMES   /* only name and namespace are read: annotations may have a copy of a Secret */
} hr_meta_fields;

/* Reads the metadata of `resource`. Returns false if it has no usable name or namespace. */
bool hr_read_meta(hr_reader *r, const hr_node *resource, hr_str default_namespace,
                  hr_meta_fields fields, hr_meta *meta);
/* Reports the annotations that Istio reserves for itself. */
void hr_check_annotations(hr_diagnostics *d, const hr_meta *meta);

/* Nanoseconds since 1970 of an RFC 3339 time. Returns INT64_MIN, which is older than any time, if
 * the text is absent or not a time. */
int64_t hr_creation_time(hr_str rfc3339);
/* Compares by age, then by name, then by namespace: Istio's order wherever it says "oldest". */
int hr_meta_cmp(const hr_meta *a, const hr_meta *b);

#endif
