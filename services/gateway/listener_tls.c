/* Makes the TLS contexts of listeners, and says what is wrong with their certificates. */
#include "listener_tls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "str.h"
#include "tls_set.h"

#define MAX_PEM_BYTES ((size_t)1 << 20)

/* ---- what is refused ---- */

const char *gw_listener_refusal(const hr_listener *l) {
    if (l->verifies_clients)
        return "spec.tls.frontend: this gateway asks no certificate of its clients";
    if (!l->terminates_tls)
        return NULL;
    if (!sv_str_is(l->tls_mode, "SIMPLE"))
        return "this gateway serves TLS of mode SIMPLE only: it asks no certificate of its clients";
    if (l->restricts_ciphers)
        return "tls.cipherSuites: the ciphers of this gateway are fixed; remove it";
    if (l->max_tls_version != 0 && l->max_tls_version < 12)
        return "tls.maxProtocolVersion: this gateway serves TLS 1.2 and 1.3";
    if (l->n_certificates == 0)
        return "it names no certificate that it may use: expected certificateRefs, credentialName, "
               "or serverCertificate and privateKey";
    return NULL;
}

static void complain(const hr_listener *l, const char *severity, hr_str subject, const char *what) {
    sv_log_print("%.*s:%d: %s: listener on port %u: %.*s: %s", (int)l->source_file.len,
                 l->source_file.p, l->source_line, severity, (unsigned)l->port, (int)subject.len,
                 subject.p, what);
}

/* ---- files ---- */

static void wipe_free(char *p, size_t size) {
    if (p != NULL)
        explicit_bzero(p, size);
    free(p);
}

/* The content of a file, malloc'ed with MAX_PEM_BYTES + 1. NULL: `*why` says why. */
static char *read_pem_file(size_t *n, hr_str path, const char **why) {
    char *name = strndup(path.p, path.len), *text = malloc(MAX_PEM_BYTES + 1);
    int fd = name != NULL ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t got = 1;
    *why = fd < 0 ? strerror(errno) : NULL;
    for (*n = 0; text != NULL && fd >= 0 && got > 0 && *n <= MAX_PEM_BYTES; *n += (size_t)got) {
        got = read(fd, text + *n, MAX_PEM_BYTES + 1 - *n);
        if (got < 0) {
            *why = strerror(errno);
            got = 0;
            break;
        }
    }
    if (fd >= 0)
        close(fd);
    free(name);
    if (text == NULL)
        *why = "out of memory";
    else if (*why == NULL && *n > MAX_PEM_BYTES)
        *why = "is larger than 1 MiB";
    if (*why == NULL)
        return text;
    wipe_free(text, MAX_PEM_BYTES + 1);
    return NULL;
}

static int add_pair(SSL_CTX *ctx, const hr_listener *l, hr_str subject, hr_str certificate,
                    hr_str key) {
    char why[256];
    if (sv_tls_context_add(ctx, certificate, key, why, sizeof(why)) == 0)
        return 0;
    complain(l, "error", subject, why);
    return -1;
}

static int add_files(SSL_CTX *ctx, const hr_listener *l, const hr_server_certificate *c) {
    size_t n_certificate = 0, n_key = 0;
    const char *why = NULL;
    int result = -1;
    char *key = NULL, *certificate = read_pem_file(&n_certificate, c->certificate_file, &why);
    if (certificate == NULL)
        complain(l, "error", c->certificate_file, why);
    else if ((key = read_pem_file(&n_key, c->private_key_file, &why)) == NULL)
        complain(l, "error", c->private_key_file, why);
    else
        result = add_pair(ctx, l, c->certificate_file, (hr_str){certificate, n_certificate},
                          (hr_str){key, n_key});
    free(certificate);
    wipe_free(key, MAX_PEM_BYTES + 1);
    return result;
}

/* ---- Secrets ---- */

static int add_of_secret(SSL_CTX *ctx, const hr_listener *l, hr_str name, const hr_table *table) {
    const hr_secret *secret = hr_table_secret(table, name);
    if (secret == NULL) {
        complain(l, "error", name, "no file has this Secret");
        return -1;
    }
    if (secret->certificate.len == 0 || secret->private_key.len == 0) {
        complain(l, "error", name, "the Secret has no tls.crt and tls.key");
        return -1;
    }
    return add_pair(ctx, l, name, secret->certificate, secret->private_key);
}

/* ---- listeners ---- */

/* NULL after a sentence. */
static SSL_CTX *context_of(const hr_listener *l, const hr_table *table, int64_t *not_after) {
    SSL_CTX *ctx = sv_tls_context_new(l->min_tls_version, l->max_tls_version);
    int failed = ctx == NULL;
    for (size_t i = 0; i < l->n_certificates && !failed; i++) {
        const hr_server_certificate *c = &l->certificates[i];
        failed = c->secret.len > 0 ? add_of_secret(ctx, l, c->secret, table) : add_files(ctx, l, c);
    }
    if (failed) {
        SSL_CTX_free(ctx);
        return NULL;
    }
    int64_t end = sv_tls_context_not_after(ctx);
    if (end != 0 && (*not_after == 0 || end < *not_after))
        *not_after = end;
    if (end != 0 && end < (int64_t)time(NULL))
        complain(l, "warning", l->name, "its certificate has expired");
    return ctx;
}

static int make_set(gw_listener *listener, const hr_table *table, sv_tls_server_names *servers) {
    size_t n = hr_view_listener_count(listener->view), made = 0;
    int failed = 0;
    for (size_t i = 0; i < n; i++) {
        const hr_listener *l = hr_view_listener(listener->view, i);
        SSL_CTX *ctx = context_of(l, table, &listener->not_after);
        failed |= ctx == NULL;
        if (ctx != NULL)
            servers[made++] = (sv_tls_server_names){l->server_names, l->n_server_names, ctx};
    }
    listener->tls = failed ? NULL : sv_tls_set_new(servers, made);
    for (size_t i = 0; i < made; i++)
        SSL_CTX_free(servers[i].ctx);
    return listener->tls != NULL ? 0 : -1;
}

int gw_listener_tls(gw_listener *listener, const hr_table *table) {
    const hr_listener *first = hr_view_listener(listener->view, 0);
    if (first == NULL || !first->terminates_tls)
        return 0;
    sv_tls_server_names *servers = calloc(hr_view_listener_count(listener->view), sizeof(*servers));
    int result = servers != NULL ? make_set(listener, table, servers) : -1;
    free(servers);
    return result;
}
