/*
 * Secrets that listeners name. Repositories rarely have Secrets: one is called missing only if
 * another Secret of its namespace is loaded.
 */
#include "lint_secrets.h"

#include "diag.h"
#include "gateway.h"
#include "gwapi_facts.h"
#include "gwapi_gateway.h"
#include "gwapi_listeners.h"
#include "resources.h"
#include "secret.h"
#include "text.h"

/* Whether the files have Secrets of the namespace. */
static bool has_secrets_of(const hr_linter *l, hr_str namespace_) {
    for (size_t i = 0; i < l->resources->n_secrets; i++) {
        hr_str name = l->resources->secrets[i].out.name;
        if (hr_str_eq(hr_str_of(name.p, hr_str_find(name, '/', 0)), namespace_))
            return true;
    }
    return false;
}

static void lint_secret(hr_linter *l, hr_pos pos, const char *field, hr_str namespace_,
                        hr_str name) {
    hr_str full =
        hr_arena_printf(l->arena, "%.*s/%.*s", HR_LINT_STR(namespace_), HR_LINT_STR(name));
    const hr_secret *secret = hr_table_secret(l->table, full);
    if (secret == NULL && has_secrets_of(l, namespace_))
        hr_diag_note(l->d, pos, "secret-not-found", field,
                     "the Secret %.*s is not loaded, others of its namespace are",
                     HR_LINT_STR(full));
    else if (secret != NULL && (secret->certificate.len == 0 || secret->private_key.len == 0))
        hr_diag_note(l->d, pos, "secret-not-usable", field,
                     "the Secret %.*s (%.*s:%d) has no tls.crt and tls.key, and no cert and key",
                     HR_LINT_STR(full), HR_LINT_STR(secret->source_file), secret->source_line);
    else if (secret != NULL && secret->type.len > 0 &&
             !hr_str_eq_c(secret->type, "kubernetes.io/tls") &&
             !hr_str_eq_c(secret->type, "Opaque"))
        hr_diag_note(l->d, pos, "secret-not-usable", field,
                     "the Secret %.*s (%.*s:%d) has the type \"%.*s\"; expected kubernetes.io/tls",
                     HR_LINT_STR(full), HR_LINT_STR(secret->source_file), secret->source_line,
                     HR_LINT_STR(secret->type));
}

static void lint_listener_secrets(hr_linter *l) {
    const hr_gwapi *gwapi = l->table->gwapi;
    size_t index = 0;
    for (size_t i = 0; i < gwapi->n_listeners && !hr_arena_failed(l->arena); i++) {
        const hr_mesh_listener *listener = &gwapi->listeners[i];
        bool first = i == 0 || listener->gateway != gwapi->listeners[i - 1].gateway ||
                     listener->set != gwapi->listeners[i - 1].set;
        index = first ? 0 : index + 1;
        for (size_t c = 0;
             listener->state == HR_LISTENER_USED && c < listener->spec->n_certificates; c++) {
            const hr_spec_gwapi_reference *ref = &listener->spec->certificates[c];
            hr_str ns = hr_listener_secret_namespace(listener, ref);
            if (ref->group.len == 0 && hr_str_eq_c(ref->kind, "Secret"))
                lint_secret(
                    l, ref->pos,
                    HR_LINT_FIELD(l, "spec.listeners[%zu].tls.certificateRefs[%zu]", index, c), ns,
                    ref->name);
        }
    }
}

static void lint_server_secrets(hr_linter *l, const hr_spec_gateway *gateway) {
    for (size_t s = 0; s < gateway->n_servers && !hr_arena_failed(l->arena); s++) {
        const hr_spec_server_tls *tls = gateway->servers[s].tls;
        const char *field = HR_LINT_FIELD(l, "spec.servers[%zu].tls", s);
        if (tls != NULL && tls->credential_name.len > 0)
            lint_secret(l, tls->pos, field, gateway->meta.namespace_, tls->credential_name);
        for (size_t c = 0; tls != NULL && c < tls->credential_names.n; c++)
            lint_secret(l, tls->pos, field, gateway->meta.namespace_, tls->credential_names.v[c]);
    }
}

void hr_lint_secrets(hr_linter *l) {
    if (l->resources->n_secrets == 0)
        return;
    lint_listener_secrets(l);
    for (size_t i = 0; i < l->resources->n_gateways; i++)
        lint_server_secrets(l, &l->resources->gateways[i]);
}
