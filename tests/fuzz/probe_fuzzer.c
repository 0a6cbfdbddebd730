/* The header reader on any bytes: what it says is in range, and the same each time. */
#include <grabcut/grabcut.h>

#include <stdlib.h>
#include <string.h>

static void demand(int truth) {
    if (!truth) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    grabcut_probe probe, again;
    grabcut_errbuf err;
    memset(&probe, 0x55, sizeof(probe));
    memset(&again, 0xaa, sizeof(again));
    probe.version = again.version = GRABCUT_PROBE_VERSION;
    int rc = grabcut_probe_header(&probe, data, size, &err);
    demand(grabcut_probe_header(&again, data, size, NULL) == rc);
    demand(probe.format == again.format && probe.width == again.width &&
           probe.height == again.height && probe.orientation == again.orientation);
    if (rc) {
        demand(rc == GRABCUT_EFORMAT || rc == GRABCUT_EDECODE || rc == GRABCUT_EUNSUPPORTED);
        demand(probe.width == 0 && probe.height == 0 && err.text[0] != '\0');
        return 0;
    }
    demand(err.text[0] == '\0' && grabcut_format_mime(probe.format) != NULL);
    demand(probe.width > 0 && probe.height > 0);
    demand(probe.orientation >= 1 && probe.orientation <= 8);
    return 0;
}
