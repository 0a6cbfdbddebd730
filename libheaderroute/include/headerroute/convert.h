/*
 * Conversions: VirtualServices and Gateways of Istio as resources of the Kubernetes Gateway API,
 * and back.
 *
 *     hr_conversion *c;
 *     hr_convert(&c, &found, sources, n, NULL, HR_DIALECT_GATEWAY_API);
 *     hr_diff_new(&diff, hr_conversion_before(c), hr_conversion_after(c), NULL);
 *     hr_conversion_free(c);
 *
 * What the other language cannot express is listed with its place and its consequence; the two
 * tables decide the same requests where nothing is listed. share/doc/headerroute/convert.md has the
 * mapping, field by field.
 *
 * Include <headerroute/headerroute.h>, which includes this file.
 */
#ifndef HEADERROUTE_CONVERT_H
#define HEADERROUTE_CONVERT_H

#include <headerroute/load.h>
#include <headerroute/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The language of rules. */
typedef enum hr_dialect {
    HR_DIALECT_ISTIO = 0,      /* VirtualService and Gateway of networking.istio.io */
    HR_DIALECT_GATEWAY_API = 1 /* HTTPRoute and Gateway of gateway.networking.k8s.io */
} hr_dialect;

/* Returns "istio" or "gateway-api", or NULL if the value is unknown. */
HR_API const char *hr_dialect_name(hr_dialect dialect);

/* A converted folder. Immutable. */
typedef struct hr_conversion hr_conversion;

/* Loads the sources, as hr_table_load() does, and converts their rules to `to`. Rules that are in
 * that language already are left unchanged and are not part of the result. `*diagnostics` receives
 * the findings of the load and is freed with hr_diagnostics_free(); it may be NULL. `options` may
 * be NULL. `*out` is freed with hr_conversion_free().
 *
 * Returns HR_OK, HR_ECONFIG if the sources have errors, HR_EIO, HR_EINVAL or HR_ENOMEM; on failure
 * `*out` is NULL. */
HR_API int hr_convert(hr_conversion **out, hr_diagnostics **diagnostics, const hr_source *sources,
                      size_t n, const hr_load_options *options, hr_dialect to);

/* A resource that was written. Its layout is fixed. */
typedef struct hr_converted {
    hr_str kind, namespace_, name;
    hr_str text; /* One YAML document, without "---". */
} hr_converted;

/* Returns the number of resources, 0 for NULL. */
HR_API size_t hr_conversion_count(const hr_conversion *conversion);

/* Describes the resource at `index`; its strings live as long as the conversion. Returns HR_OK,
 * HR_ENOENT beyond the last one, or HR_EINVAL. */
HR_API int hr_conversion_get(hr_converted *out, const hr_conversion *conversion, size_t index);

/* Returns what cannot be expressed, as warnings with the place in the sources and the consequence.
 * NULL for NULL. */
HR_API const hr_diagnostics *hr_conversion_findings(const hr_conversion *conversion);

/* Returns the rules before and after the conversion, to be compared. The conversion keeps its
 * references; hr_table_ref() takes another. A subset of a DestinationRule becomes a Service of its
 * own in the Gateway API: the table before has the destinations of the rules under that name, so
 * that the comparison is of where requests arrive. NULL for NULL. */
HR_API hr_table *hr_conversion_before(const hr_conversion *conversion);
HR_API hr_table *hr_conversion_after(const hr_conversion *conversion);

/* Returns the number of subsets that became Services, 0 for NULL. */
HR_API size_t hr_conversion_subsets(const hr_conversion *conversion);

/* Frees the conversion and all that is reached through it. Does nothing for NULL. */
HR_API void hr_conversion_free(hr_conversion *conversion);

#ifdef __cplusplus
}
#endif

#endif
