/*
 * The types and rules that all parts of libheaderroute share: errors, strings, scratch memory.
 *
 * Include <headerroute/headerroute.h>, which includes this file.
 */
#ifndef HEADERROUTE_TYPES_H
#define HEADERROUTE_TYPES_H

#include <stddef.h>
#include <stdint.h>

#include <headerroute/version.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Marks the functions that the shared library exports. */
#if defined(__GNUC__)
#define HR_API __attribute__((visibility("default")))
#else
#define HR_API
#endif

/* ---- errors ------------------------------------------------------------------------------- */

/* What functions that can fail return. Later versions may add codes; treat an unknown one as a
 * failure. */
typedef enum hr_error {
    HR_OK = 0,
    HR_EINVAL = -1,    /* An argument is NULL, out of range, or a struct of an unknown version. */
    HR_ENOMEM = -2,    /* Out of memory. */
    HR_ECONFIG = -3,   /* The configuration has errors, which the diagnostics list. */
    HR_EREQUEST = -4,  /* The request is malformed; hr_scratch_error() returns why. */
    HR_ENOENT = -5,    /* The gateway, item, cluster or endpoint does not exist. */
    HR_EIO = -6,       /* A file or folder cannot be read; the diagnostics list it. */
    HR_ENOSPC = -7,    /* The caller's buffer is too small; the size that suffices is returned. */
    HR_ELIMIT = -8,    /* The request takes more work than hr_scratch_limit_regexes() allows. */
    HR_EAMBIGUOUS = -9 /* Two Gateways have the name, one of each language. */
} hr_error;

/* Returns a fixed English phrase for an error code, and "unknown error" for any other number. Never
 * returns NULL. */
HR_API const char *hr_strerror(int error);

/* Returns the name of an error code, "HR_ENOMEM" for example, or NULL if the code is unknown. */
HR_API const char *hr_error_name(int error);

/* Returns "MAJOR.MINOR.PATCH" of the library that runs. HR_VERSION has that of the headers. */
HR_API const char *hr_version(void);

/* ---- strings ------------------------------------------------------------------------------ */

/* A string: a pointer and a length in bytes. It is not zero-terminated and never owned by the
 * struct that holds it. The string is absent if `p` is NULL, which differs from an empty string. */
typedef struct hr_str {
    const char *p;
    size_t len;
} hr_str;

/* The hr_str of a string literal. */
#ifdef __cplusplus
#define HR_STR(literal) (hr_str{(literal), sizeof(literal) - 1})
#else
#define HR_STR(literal) ((hr_str){(literal), sizeof(literal) - 1})
#endif

/* Returns the hr_str of a zero-terminated string, which it points to. Returns an absent string for
 * NULL. */
HR_API hr_str hr_str_from(const char *zero_terminated);

/* A name and a value: a header field, a label. */
typedef struct hr_pair {
    hr_str name, value;
} hr_pair;

/* ---- scratch memory ----------------------------------------------------------------------- */

/* The memory of one thread for what a call must build: a normalized path, a joined header, a line
 * of JSON. It grows to what the calls need and is reused, so that hr_route() allocates nothing
 * once the scratch is warm.
 *
 * hr_route() and hr_upstream_request() use, for one request, at most about four times the bytes of
 * the request (each header counts 32 bytes more) plus the configured values of headers. The view
 * adds some bytes for each header name and regex of its rules. Memory grows by doubling, so a
 * scratch may hold twice that. */
typedef struct hr_scratch hr_scratch;

/* Creates an empty scratch, which hr_scratch_free() frees.
 *
 * Returns HR_OK, HR_EINVAL if `out` is NULL, or HR_ENOMEM. */
HR_API int hr_scratch_new(hr_scratch **out);

/* Frees a scratch. Decisions and strings that point into it are no longer valid. Does nothing for
 * NULL. */
HR_API void hr_scratch_free(hr_scratch *scratch);

/* Returns the number of bytes that a scratch holds, 0 for NULL. Takes constant time for a warm
 * scratch. */
HR_API size_t hr_scratch_bytes(const hr_scratch *scratch);

/* Releases what a scratch holds above `limit` bytes, so that one large request does not keep its
 * memory. The scratch stays usable and always keeps 4 KiB and what the rules of its views need.
 * Decisions and strings that point into it are no longer valid, unless it held no more than the
 * limit. Does nothing for NULL. Cannot fail. */
HR_API void hr_scratch_trim(hr_scratch *scratch, size_t limit);

/* Limits how many bytes hr_route() and hr_explain() match regexes against for one request with this
 * scratch. Each regex that is run counts the bytes of its subjects and 64 more for each of them; of
 * this sum the first 1,088 count half. A regex that a literal text rules out counts nothing. Beyond
 * the limit the functions return HR_ELIMIT. Without a limit, which is the default and SIZE_MAX, the
 * work may grow with the bytes of a header times the number of rules. Does nothing for NULL. Cannot
 * fail. */
HR_API void hr_scratch_limit_regexes(hr_scratch *scratch, size_t bytes);

/* Returns the sentence that explains the last HR_EREQUEST or HR_ELIMIT of this scratch. It is valid
 * until the scratch is used again. Returns an absent string for NULL. */
HR_API hr_str hr_scratch_error(const hr_scratch *scratch);

#ifdef __cplusplus
}
#endif
#endif
