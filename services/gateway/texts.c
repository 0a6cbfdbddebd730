/* Keeps texts in a file without a name, and loads tables from them. */
#include "texts.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct gw_texts {
    atomic_uint references;
    int fd;
};

/* Before each text; the name and the text follow, a zero behind each. */
typedef struct text_head {
    uint64_t name_len, text_len;
} text_head;

gw_texts *gw_texts_new(void) {
    gw_texts *texts = calloc(1, sizeof(*texts));
    if (texts == NULL)
        return NULL;
    atomic_init(&texts->references, 1);
    int fd = memfd_create("texts", MFD_CLOEXEC);
    texts->fd = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 5); /* ui_diff.c copies it to 3 or 4 */
    if (fd >= 0)
        close(fd);
    if (texts->fd >= 0)
        return texts;
    free(texts);
    return NULL;
}

static bool write_whole(int fd, const char *p, size_t n) {
    while (n > 0) {
        ssize_t done = write(fd, p, n);
        if (done <= 0)
            return false;
        p += done;
        n -= (size_t)done;
    }
    return true;
}

bool gw_texts_add(gw_texts *texts, hr_str name, hr_str text) {
    text_head head = {name.len, text.len};
    return write_whole(texts->fd, (const char *)&head, sizeof(head)) &&
           write_whole(texts->fd, name.p, name.len) && write_whole(texts->fd, "", 1) &&
           write_whole(texts->fd, text.p, text.len) && write_whole(texts->fd, "", 1);
}

int gw_texts_fd(const gw_texts *texts) {
    return texts->fd;
}

gw_texts *gw_texts_ref(gw_texts *texts) {
    if (texts != NULL)
        atomic_fetch_add_explicit(&texts->references, 1, memory_order_relaxed);
    return texts;
}

void gw_texts_unref(gw_texts *texts) {
    if (texts == NULL ||
        atomic_fetch_sub_explicit(&texts->references, 1, memory_order_acq_rel) != 1)
        return;
    close(texts->fd);
    free(texts);
}

/* ---- reading ---- */

static bool push_source(gw_mapped *m, const char *name, hr_str text) {
    hr_source *v = realloc(m->v, (m->n + 1) * sizeof(*v));
    if (v == NULL)
        return false;
    m->v = v;
    v[m->n++] = (hr_source){.name = name, .text = text};
    return true;
}

bool gw_texts_map(gw_mapped *out, int fd) {
    struct stat st;
    *out = (gw_mapped){0};
    if (fstat(fd, &st) != 0)
        return false;
    out->size = (size_t)st.st_size;
    if (out->size == 0)
        return true;
    out->memory = mmap(NULL, out->size, PROT_READ, MAP_SHARED, fd, 0);
    if (out->memory == MAP_FAILED) {
        out->memory = NULL;
        return false;
    }
    const char *p = out->memory, *end = p + out->size;
    bool good = true;
    while (good && p < end) {
        text_head head;
        memcpy(&head, p, sizeof(head)); /* this process, or its parent, wrote it */
        p += sizeof(head);
        const char *text = p + head.name_len + 1;
        good = push_source(out, p, (hr_str){text, (size_t)head.text_len});
        p = text + head.text_len + 1;
    }
    if (!good)
        gw_texts_unmap(out);
    return good;
}

void gw_texts_unmap(gw_mapped *mapped) {
    free(mapped->v);
    if (mapped->memory != NULL)
        munmap(mapped->memory, mapped->size);
    *mapped = (gw_mapped){0};
}

/* ---- loading ---- */

static int on_text(void *ctx, hr_str name, hr_str text) {
    return gw_texts_add(ctx, name, text) ? HR_OK : HR_ENOMEM;
}

static bool read_paths(gw_texts *texts, const char *const *paths, size_t n,
                       const hr_load_options *options) {
    hr_source *sources = calloc(n + 1, sizeof(*sources));
    for (size_t i = 0; sources != NULL && i < n; i++)
        sources[i].path = paths[i];
    bool good =
        sources != NULL && hr_sources_read(NULL, sources, n, options, on_text, texts) == HR_OK;
    free(sources);
    return good;
}

int gw_texts_load(hr_table **out, hr_diagnostics **findings, gw_texts **texts,
                  const char *const *paths, size_t n, const hr_load_options *options) {
    gw_mapped mapped = {0};
    *texts = gw_texts_new();
    if (*texts == NULL || !read_paths(*texts, paths, n, options) ||
        !gw_texts_map(&mapped, (*texts)->fd) || mapped.n == 0) {
        gw_texts_unmap(&mapped);
        gw_texts_unref(*texts);
        *texts = NULL;
        return hr_table_load_paths(out, findings, paths, n, options);
    }
    int error = hr_table_load(out, findings, mapped.v, mapped.n, options);
    gw_texts_unmap(&mapped);
    return error;
}
