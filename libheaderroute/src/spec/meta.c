/* ObjectMeta: the name, namespace, labels and annotations of a resource, and the order of creation.
 */
#include "meta.h"

#include <stddef.h>
#include <string.h>

#include "common_fields.h"
#include "diag.h"
#include "text.h"

/* ---- reading ---- */

#define M(member) offsetof(hr_meta, member)
static const hr_field meta_fields[] = {
    {"name", hr_read_string, M(name), 0, NULL, 0},
    {"namespace", hr_read_string, M(namespace_), 0, NULL, 0},
    {"labels", hr_read_labels, M(labels), M(n_labels), NULL, 0},
    {"annotations", hr_read_pairs, M(annotations), M(n_annotations), NULL, 0},
    {"creationTimestamp", hr_read_string, M(creation_timestamp), 0, NULL, 0},
    {"generateName", hr_read_nothing, 0, 0, NULL, 0},
    {"selfLink", hr_read_nothing, 0, 0, NULL, 0},
    {"uid", hr_read_nothing, 0, 0, NULL, 0},
    {"resourceVersion", hr_read_nothing, 0, 0, NULL, 0},
    {"generation", hr_read_nothing, 0, 0, NULL, 0},
    {"deletionTimestamp", hr_read_nothing, 0, 0, NULL, 0},
    {"deletionGracePeriodSeconds", hr_read_nothing, 0, 0, NULL, 0},
    {"ownerReferences", hr_read_nothing, 0, 0, NULL, 0},
    {"finalizers", hr_read_nothing, 0, 0, NULL, 0},
    {"managedFields", hr_read_nothing, 0, 0, NULL, 0},
};
static const hr_field name_fields[] = {
    {"name", hr_read_string, M(name), 0, NULL, 0},
    {"namespace", hr_read_string, M(namespace_), 0, NULL, 0},
};
#undef M

static const hr_schema meta_schemas[] = {
    [HR_META_KNOWN] = {"ObjectMeta", HR_FIELDS(meta_fields), sizeof(hr_meta),
                       offsetof(hr_meta, pos), -1, 1, NULL, NULL},
    [HR_META_STRICT] = HR_SCHEMA_WITH_POS("ObjectMeta", meta_fields, hr_meta, NULL, NULL),
    [HR_META_NAMES] = {"ObjectMeta", HR_FIELDS(name_fields), sizeof(hr_meta),
                       offsetof(hr_meta, pos), -1, 1, NULL, NULL},
};

/* a-z, 0-9, '-' and '.', with a letter or digit at both ends: Kubernetes' rule for names. */
static bool is_resource_name(hr_str s) {
    if (s.len == 0 || s.len > 253)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.p[i];
        bool alnum = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        bool inside = i > 0 && i + 1 < s.len && (c == '-' || c == '.');
        if (!alnum && !inside)
            return false;
    }
    return true;
}

bool hr_read_meta(hr_reader *r, const hr_node *resource, hr_str default_namespace,
                  hr_meta_fields fields, hr_meta *meta) {
    const hr_node *node = hr_node_get(resource, HR_STR("metadata"));
    hr_path step = {.up = NULL, .name = HR_STR("metadata")};
    r->path = &step;
    *meta = (hr_meta){.pos = hr_reader_pos(r, resource)};
    if (node != NULL && node->kind != HR_NODE_NULL)
        hr_read_fields(r, node, meta, &meta_schemas[fields]);
    step.name = HR_STR("metadata.name");
    const hr_node *generated = hr_node_get(node, HR_STR("generateName"));
    bool ok = false, strict = fields == HR_META_STRICT;
    if (meta->name.len == 0 && !strict && generated != NULL && generated->kind == HR_NODE_STRING) {
        meta->name = hr_reader_copy(r, generated->u.text); /* the API server appends to it */
        ok = true;
    } else if (meta->name.len == 0)
        hr_reader_error(r, node == NULL ? resource : node, "is required");
    else if (!is_resource_name(meta->name))
        hr_reader_error(r, hr_node_get(node, HR_STR("name")),
                        "\"%.*s\" is not a valid resource name; expected lower-case letters, "
                        "digits, '-' and '.'",
                        (int)meta->name.len, meta->name.p);
    else
        ok = true;
    step.name = HR_STR("metadata.namespace");
    if (meta->namespace_.len == 0)
        meta->namespace_ = default_namespace;
    else if (!is_resource_name(meta->namespace_) ||
             memchr(meta->namespace_.p, '.', meta->namespace_.len) != NULL) {
        hr_reader_error(r, hr_node_get(node, HR_STR("namespace")),
                        "\"%.*s\" is not a valid namespace", (int)meta->namespace_.len,
                        meta->namespace_.p);
        ok = false;
    }
    r->path = NULL;
    return ok;
}

/* ---- annotations ---- */

void hr_check_annotations(hr_diagnostics *d, const hr_meta *meta) {
    for (size_t i = 0; i < meta->n_annotations; i++) {
        hr_str name = meta->annotations[i].name;
        if (hr_str_starts(name, HR_STR("internal.istio.io/")))
            hr_diag_error(d, meta->pos, "metadata.annotations",
                          "\"%.*s\" is reserved for Istio; remove it", (int)name.len, name.p);
        else if (hr_str_eq_c(name, "istio.io/dry-run"))
            hr_diag_error(d, meta->pos, "metadata.annotations",
                          "\"istio.io/dry-run\" is allowed on AuthorizationPolicies only");
    }
}

/* ---- order of creation ---- */

static bool fixed_digits(hr_str s, size_t from, size_t n, int64_t *out) {
    if (from + n > s.len)
        return false;
    int64_t value = 0;
    for (size_t i = from; i < from + n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        value = value * 10 + (s.p[i] - '0');
    }
    *out = value;
    return true;
}

/* Days since 1970-01-01 in the proleptic Gregorian calendar, the year beginning in March. */
static int64_t days_from_civil(int64_t year, int64_t month, int64_t day) {
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

int64_t hr_creation_time(hr_str s) {
    int64_t year, month, day, hour, minute, second, fraction = 0;
    if (s.p == NULL || !fixed_digits(s, 0, 4, &year) || !fixed_digits(s, 5, 2, &month) ||
        !fixed_digits(s, 8, 2, &day) || !fixed_digits(s, 11, 2, &hour) ||
        !fixed_digits(s, 14, 2, &minute) || !fixed_digits(s, 17, 2, &second))
        return INT64_MIN;
    size_t at = 19;
    if (at < s.len && s.p[at] == '.') {
        int64_t unit = 100000000;
        for (at++; at < s.len && s.p[at] >= '0' && s.p[at] <= '9'; at++, unit /= 10)
            fraction += unit * (s.p[at] - '0');
    }
    int64_t offset = 0, offset_hours, offset_minutes;
    if (at < s.len && (s.p[at] == '+' || s.p[at] == '-') &&
        fixed_digits(s, at + 1, 2, &offset_hours) && fixed_digits(s, at + 4, 2, &offset_minutes))
        offset = (offset_hours * 60 + offset_minutes) * (s.p[at] == '-' ? -60 : 60);
    int64_t seconds =
        days_from_civil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset;
    if (seconds > INT64_MAX / 1000000000 - 1 || seconds < INT64_MIN / 1000000000 + 1)
        return INT64_MIN;
    return seconds * 1000000000 + fraction;
}

int hr_meta_cmp(const hr_meta *a, const hr_meta *b) {
    int64_t ta = hr_creation_time(a->creation_timestamp),
            tb = hr_creation_time(b->creation_timestamp);
    if (ta != tb)
        return ta < tb ? -1 : 1;
    int c = hr_str_cmp(a->name, b->name);
    return c != 0 ? c : hr_str_cmp(a->namespace_, b->namespace_);
}
