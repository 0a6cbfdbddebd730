/* Chooses certificates by server name. */
#include "tls_set.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "tls.h"
#include "tls_server.h"

#define MAX_SERVER_NAME 255 /* RFC 6066 has 2^16 - 1, DNS 255 */

/* ---- contexts ---- */

static int version_number(int version) {
    return version == 12 ? TLS1_2_VERSION : version == 13 ? TLS1_3_VERSION : 0;
}

SSL_CTX *sv_tls_context_new(int min_version, int max_version) {
    SSL_CTX *ctx = sv_tls_context_plain();
    if (ctx == NULL)
        return NULL;
    if (min_version > 12)
        SSL_CTX_set_min_proto_version(ctx, version_number(min_version));
    if (max_version > 0)
        SSL_CTX_set_max_proto_version(ctx, version_number(max_version));
    return ctx;
}

static int set_no_pass_phrase(char *buf, int size, int writing, void *arg) {
    (void)buf, (void)size, (void)writing, (void)arg;
    return 0;
}

static int explain_pem(char *why, size_t why_size, const char *what) {
    char reason[192];
    sv_tls_error_text(reason, sizeof(reason));
    snprintf(why, why_size, "%s: %s", what, reason);
    return -1;
}

/* The other certificates of the chain. */
static bool add_chain(SSL_CTX *ctx, BIO *bio) {
    SSL_CTX_clear_chain_certs(ctx);
    for (X509 *cert; (cert = PEM_read_bio_X509(bio, NULL, set_no_pass_phrase, NULL)) != NULL;)
        if (SSL_CTX_add0_chain_cert(ctx, cert) != 1) {
            X509_free(cert);
            return false;
        }
    bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    if (at_end)
        ERR_clear_error();
    return at_end;
}

static bool use_chain(SSL_CTX *ctx, hr_str pem) {
    BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.len);
    X509 *leaf = bio != NULL ? PEM_read_bio_X509_AUX(bio, NULL, set_no_pass_phrase, NULL) : NULL;
    bool ok = leaf != NULL && SSL_CTX_use_certificate(ctx, leaf) == 1 && add_chain(ctx, bio);
    X509_free(leaf);
    BIO_free(bio);
    return ok;
}

static bool use_key(SSL_CTX *ctx, hr_str pem) {
    BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.len);
    EVP_PKEY *key =
        bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, set_no_pass_phrase, NULL) : NULL;
    bool ok = key != NULL && SSL_CTX_use_PrivateKey(ctx, key) == 1;
    EVP_PKEY_free(key);
    BIO_free(bio);
    return ok;
}

int sv_tls_context_add(SSL_CTX *ctx, hr_str certificate, hr_str private_key, char *why,
                       size_t why_size) {
    ERR_clear_error();
    if (certificate.len > INT32_MAX || !use_chain(ctx, certificate))
        return explain_pem(why, why_size, "the certificate is not a chain in PEM");
    if (private_key.len > INT32_MAX || !use_key(ctx, private_key))
        return explain_pem(why, why_size,
                           "the private key is not one in PEM that matches the certificate");
    if (SSL_CTX_check_private_key(ctx) != 1)
        return explain_pem(why, why_size, "the private key does not belong to the certificate");
    return 0;
}

int64_t sv_tls_context_not_after(SSL_CTX *ctx) {
    int64_t first = 0;
    for (long more = SSL_CTX_set_current_cert(ctx, SSL_CERT_SET_FIRST); more == 1;
         more = SSL_CTX_set_current_cert(ctx, SSL_CERT_SET_NEXT)) {
        struct tm end;
        X509 *cert = SSL_CTX_get0_certificate(ctx);
        if (cert == NULL || ASN1_TIME_to_tm(X509_get0_notAfter(cert), &end) != 1)
            continue;
        int64_t at = (int64_t)timegm(&end);
        first = first == 0 || at < first ? at : first;
    }
    return first;
}

/* ---- names ---- */

typedef struct set_name {
    char *text; /* of a wildcard what follows the '*' */
    size_t len;
    size_t order;
    SSL_CTX *ctx;
} set_name;

typedef struct names {
    set_name *v;
    size_t n;
} names;

typedef struct tls_set {
    names exact, wild; /* sorted */
    SSL_CTX *any;
} tls_set;

static int set_names_order(const char *a, size_t a_len, const char *b, size_t b_len) {
    int order = memcmp(a, b, a_len < b_len ? a_len : b_len);
    return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

static int compare_set_names(const void *a, const void *b) {
    const set_name *x = a, *y = b;
    int order = set_names_order(x->text, x->len, y->text, y->len);
    return order != 0 ? order : (x->order > y->order) - (x->order < y->order);
}

/* The first of equal names. */
static SSL_CTX *find_set_name(const names *list, const char *text, size_t len) {
    size_t low = 0, high = list->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const set_name *m = &list->v[middle];
        if (set_names_order(m->text, m->len, text, len) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    bool found =
        low < list->n && set_names_order(list->v[low].text, list->v[low].len, text, len) == 0;
    return found ? list->v[low].ctx : NULL;
}

static SSL_CTX *server_for(const tls_set *set, const char *name, size_t len) {
    SSL_CTX *ctx = find_set_name(&set->exact, name, len);
    for (size_t i = 1; ctx == NULL && i < len; i++)
        if (name[i] == '.')
            ctx = find_set_name(&set->wild, name + i, len - i);
    return ctx != NULL ? ctx : set->any;
}

static void names_free(names *list) {
    for (size_t i = 0; i < list->n; i++) {
        SSL_CTX_free(list->v[i].ctx);
        free(list->v[i].text);
    }
    free(list->v);
}

static void set_free(tls_set *set) {
    if (set == NULL)
        return;
    names_free(&set->exact);
    names_free(&set->wild);
    SSL_CTX_free(set->any);
    free(set);
}

static bool add_set_name(names *list, hr_str text, size_t order, SSL_CTX *ctx) {
    set_name *name = &list->v[list->n];
    *name = (set_name){strndup(text.p, text.len), text.len, order, ctx};
    if (name->text == NULL)
        return false;
    SSL_CTX_up_ref(ctx);
    list->n++;
    return true;
}

static bool add_server(tls_set *set, const sv_tls_server_names *server, size_t order) {
    for (size_t i = 0; i < server->n_names; i++) {
        hr_str name = server->names[i];
        bool wild = name.len > 0 && name.p[0] == '*', ok = true;
        if (wild && name.len == 1) {
            if (set->any == NULL && SSL_CTX_up_ref(server->ctx) == 1)
                set->any = server->ctx;
        } else if (wild) {
            ok = add_set_name(&set->wild, (hr_str){name.p + 1, name.len - 1}, order, server->ctx);
        } else {
            ok = add_set_name(&set->exact, name, order, server->ctx);
        }
        if (!ok)
            return false;
    }
    return true;
}

static tls_set *fill_set(const sv_tls_server_names *servers, size_t n) {
    size_t total = 0;
    for (size_t i = 0; i < n; i++)
        total += servers[i].n_names;
    tls_set *set = calloc(1, sizeof(*set));
    bool ok = set != NULL;
    if (ok) {
        set->exact.v = calloc(total + 1, sizeof(*set->exact.v));
        set->wild.v = calloc(total + 1, sizeof(*set->wild.v));
        ok = set->exact.v != NULL && set->wild.v != NULL;
    }
    for (size_t i = 0; ok && i < n; i++)
        ok = add_server(set, &servers[i], i);
    if (!ok) {
        set_free(set);
        return NULL;
    }
    qsort(set->exact.v, set->exact.n, sizeof(*set->exact.v), compare_set_names);
    qsort(set->wild.v, set->wild.n, sizeof(*set->wild.v), compare_set_names);
    return set;
}

/* ---- the handshake ---- */

/* The name in the extension server_name (RFC 6066, section 3), in lower case. False: malformed. */
static bool read_server_name(char out[MAX_SERVER_NAME], size_t *n, const unsigned char *ext,
                             size_t len) {
    if (len < 5 || (size_t)(ext[0] << 8 | ext[1]) != len - 2 || ext[2] != TLSEXT_NAMETYPE_host_name)
        return false;
    *n = (size_t)(ext[3] << 8 | ext[4]);
    if (*n == 0 || *n > MAX_SERVER_NAME || *n > len - 5)
        return false;
    for (size_t i = 0; i < *n; i++) {
        unsigned char c = ext[5 + i];
        if (c == '\0')
            return false;
        out[i] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    }
    return true;
}

static int on_hello(SSL *ssl, int *alert, void *arg) {
    const tls_set *set = arg;
    const unsigned char *ext;
    size_t len, n = 0;
    char name[MAX_SERVER_NAME] = "";
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &ext, &len) == 1 &&
        !read_server_name(name, &n, ext, len)) {
        *alert = SSL_AD_DECODE_ERROR;
        return SSL_CLIENT_HELLO_ERROR;
    }
    SSL_CTX *ctx = server_for(set, name, n);
    if (ctx == NULL) {
        *alert = SSL_AD_UNRECOGNIZED_NAME;
        return SSL_CLIENT_HELLO_ERROR;
    }
    /* SSL_set_SSL_CTX takes the certificates over, but not the versions. */
    if (SSL_set_SSL_CTX(ssl, ctx) == NULL ||
        SSL_set_min_proto_version(ssl, (int)SSL_CTX_get_min_proto_version(ctx)) != 1 ||
        SSL_set_max_proto_version(ssl, (int)SSL_CTX_get_max_proto_version(ctx)) != 1) {
        *alert = SSL_AD_INTERNAL_ERROR;
        return SSL_CLIENT_HELLO_ERROR;
    }
    return SSL_CLIENT_HELLO_SUCCESS;
}

/* ---- life ---- */

static int set_index = -1;
static pthread_once_t set_once = PTHREAD_ONCE_INIT;

/* The names go with the last reference to their context: a handshake may outlive a configuration.
 */
static void free_with_context(void *parent, void *set, CRYPTO_EX_DATA *data, int index, long argl,
                              void *argp) {
    (void)parent, (void)data, (void)index, (void)argl, (void)argp;
    set_free(set);
}

static void make_index(void) {
    set_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, free_with_context);
}

SSL_CTX *sv_tls_set_new(const sv_tls_server_names *servers, size_t n) {
    pthread_once(&set_once, make_index);
    tls_set *set = fill_set(servers, n);
    SSL_CTX *ctx = set != NULL && set_index >= 0 ? sv_tls_context_plain() : NULL;
    if (ctx == NULL || SSL_CTX_set_ex_data(ctx, set_index, set) != 1) {
        SSL_CTX_free(ctx);
        set_free(set);
        return NULL;
    }
    SSL_CTX_set_client_hello_cb(ctx, on_hello, set);
    return ctx;
}

SSL *sv_tls_set_accept(SSL_CTX *set) {
    SSL *ssl = SSL_new(set);
    if (ssl != NULL)
        SSL_set_accept_state(ssl);
    return ssl;
}
