/* Reads the sample images of --ui-samples into memory and finds them by name. */
#include "samples.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "json_out.h"
#include "log.h"
#include "str.h"

struct gw_samples {
    gw_sample v[GW_MAX_SAMPLES];
    size_t n, bytes;
    sv_text list;
};

static const struct type {
    const char *suffix, *content_type;
} types[] = {{".jpg", "image/jpeg"},
             {".jpeg", "image/jpeg"},
             {".png", "image/png"},
             {".webp", "image/webp"}};

static const char *type_of(const char *name) {
    size_t len = strlen(name);
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        size_t n = strlen(types[i].suffix);
        if (len > n && strcmp(name + len - n, types[i].suffix) == 0)
            return types[i].content_type;
    }
    return NULL;
}

static int compare(const void *a, const void *b) {
    return strcmp(((const gw_sample *)a)->name, ((const gw_sample *)b)->name);
}

static bool read_whole(hr_str *out, int fd, size_t size) {
    char *bytes = malloc(size + 1);
    *out = (hr_str){bytes, 0};
    if (bytes == NULL)
        return false;
    for (ssize_t got; (got = read(fd, bytes + out->len, size - out->len)) > 0;)
        out->len += (size_t)got;
    return true;
}

/* False: out of memory. A file that cannot be offered is passed over. */
static bool add(gw_samples *samples, int folder, const char *name) {
    const char *type = type_of(name);
    struct stat st;
    bool ok = true;
    if (name[0] == '.' || type == NULL)
        return true;
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return true;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return true;
    }
    if (samples->n == GW_MAX_SAMPLES || (size_t)st.st_size > GW_MAX_SAMPLE_BYTES - samples->bytes) {
        sv_log(SV_LOG_WARN,
               "--ui-samples: %s is left out: at most %d files of %zu MiB together are kept", name,
               GW_MAX_SAMPLES, GW_MAX_SAMPLE_BYTES >> 20);
    } else {
        gw_sample *sample = &samples->v[samples->n];
        sample->content_type = type;
        sample->name = strdup(name);
        ok = sample->name != NULL && read_whole(&sample->bytes, fd, (size_t)st.st_size);
        samples->bytes += sample->bytes.len;
        samples->n++;
    }
    close(fd);
    return ok;
}

static bool read_folder(gw_samples *samples, const char *folder) {
    DIR *dir = opendir(folder);
    bool ok = true;
    if (dir == NULL)
        return true; /* it was there when the flags were read: an empty list is the truth */
    for (struct dirent *entry; ok && (entry = readdir(dir)) != NULL;)
        ok = add(samples, dirfd(dir), entry->d_name);
    closedir(dir);
    return ok;
}

static void write_list(gw_samples *samples) {
    sv_text_str(&samples->list, "[");
    for (size_t i = 0; i < samples->n; i++) {
        sv_text_str(&samples->list, i > 0 ? "," : "");
        sv_json_string(&samples->list, samples->v[i].name, strlen(samples->v[i].name));
    }
    sv_text_str(&samples->list, "]");
}

gw_samples *gw_samples_load(const char *folder) {
    gw_samples *samples = calloc(1, sizeof(*samples));
    if (samples == NULL)
        return NULL;
    bool ok = read_folder(samples, folder);
    if (ok) {
        qsort(samples->v, samples->n, sizeof(samples->v[0]), compare);
        write_list(samples);
    }
    if (ok && !samples->list.failed)
        return samples;
    gw_samples_free(samples);
    return NULL;
}

void gw_samples_free(gw_samples *samples) {
    if (samples == NULL)
        return;
    for (size_t i = 0; i < samples->n; i++) {
        free(samples->v[i].name);
        free((char *)(uintptr_t)samples->v[i].bytes.p);
    }
    sv_text_free(&samples->list);
    free(samples);
}

hr_str gw_samples_list(const gw_samples *samples) {
    return samples != NULL ? (hr_str){samples->list.p, samples->list.len} : HR_STR("[]");
}

const gw_sample *gw_samples_find(const gw_samples *samples, hr_str name) {
    for (size_t i = 0; samples != NULL && i < samples->n; i++) {
        const gw_sample *sample = &samples->v[i];
        if (sv_str_is(name, sample->name))
            return sample;
    }
    return NULL;
}
