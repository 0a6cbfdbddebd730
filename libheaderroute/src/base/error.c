/* The sentence of each error code, the version, and an hr_str from a C string. */
#include <string.h>

#include <headerroute/headerroute.h>

const char *hr_strerror(int error) {
    switch (error) {
    case HR_OK:
        return "success";
    case HR_EINVAL:
        return "invalid argument";
    case HR_ENOMEM:
        return "out of memory";
    case HR_ECONFIG:
        return "the configuration has errors";
    case HR_EREQUEST:
        return "the request is malformed";
    case HR_ENOENT:
        return "not found";
    case HR_EIO:
        return "a file or folder cannot be read";
    case HR_ENOSPC:
        return "the buffer is too small";
    case HR_ELIMIT:
        return "matching the regexes takes more work than allowed";
    case HR_EAMBIGUOUS:
        return "two Gateways have this name; put Gateway.gateway.networking.k8s.io/ or "
               "Gateway.networking.istio.io/ in front of it";
    default:
        return "unknown error";
    }
}

const char *hr_version(void) {
    return HR_VERSION;
}

hr_str hr_str_from(const char *zero_terminated) {
    return (hr_str){zero_terminated, zero_terminated == NULL ? 0 : strlen(zero_terminated)};
}
