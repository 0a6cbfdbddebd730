/* YAML to typed resources. */
#define _GNU_SOURCE /* memmem */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arena.h"
#include "diag.h"
#include "documents.h"
#include "kinds.h"
#include "text.h"

static hr_arena *arena;
static hr_diagnostics *diagnostics;

static void setup(void) {
    arena = hr_arena_new();
    diagnostics = hr_diagnostics_new();
}

static void teardown(void) {
    hr_diagnostics_free(diagnostics);
    hr_arena_free(arena);
}

TestSuite(resource, .init = setup, .fini = teardown);

static const hr_resources *read_source(const hr_source *source) {
    hr_resources *resources;
    cr_assert(eq(int, hr_resources_read(&resources, arena, diagnostics, source, 1, NULL), HR_OK));
    return resources;
}

static int is(hr_str s, const char *text) {
    return s.len == strlen(text) && memcmp(s.p, text, s.len) == 0;
}

static void no_findings(void) {
    char line[512];
    for (size_t i = 0; i < hr_diagnostics_count(diagnostics); i++) {
        hr_diagnostic_format(line, sizeof(line), hr_diagnostics_get(diagnostics, i));
        cr_expect(0, "%s", line);
    }
}

Test(resource, two_proxies_behind_one_service) {
    const hr_resources *r = read_source(
        &(hr_source){.path = HR_SOURCE_DIR "/tests/headerroute/fixtures/two-proxies.yaml"});
    no_findings();
    cr_assert(eq(sz, r->n_virtual_services, 1));
    cr_assert(eq(sz, r->n_destination_rules, 1));
    cr_assert(eq(sz, r->n_services, 2));
    cr_assert(eq(sz, r->n_workloads, 2));

    const hr_spec_virtual_service *vs = r->virtual_services;
    cr_expect(is(vs->meta.name, "proxy-server"));
    cr_expect(is(vs->meta.namespace_, "default"));
    cr_assert(eq(sz, vs->n_http, 2));
    cr_assert(eq(sz, vs->http[0].n_match, 1));
    const hr_named_match *header = vs->http[0].match[0].headers;
    cr_expect(is(header->name, "target"));
    cr_expect(eq(int, header->match.kind, HR_SM_EXACT));
    cr_expect(is(header->match.value, "condition1"));
    cr_expect(is(vs->http[0].route[0].destination.subset, "proxy-pod-subset1"));
    cr_expect(eq(i64, vs->http[0].timeout_ns, INT64_C(10000000000)));
    cr_expect(eq(int, vs->http[0].pos.line, 110));
    cr_expect(eq(int, vs->http[0].pos.column, 7));
    cr_expect(eq(sz, vs->http[1].n_match, 0));

    const hr_spec_destination_rule *dr = r->destination_rules;
    cr_expect(is(dr->host, "proxy-server"));
    cr_expect(dr->policy.load_balancer.has_simple);
    cr_expect(eq(int, dr->policy.load_balancer.simple, 4));
    cr_assert(eq(sz, dr->n_subsets, 2));
    cr_expect(is(dr->subsets[1].labels[0].value, "proxy-pod-version2"));

    const hr_spec_service *service = r->services;
    cr_expect(eq(u32, service->ports[0].number, 5000));
    cr_expect(eq(u32, service->ports[0].target_port, 5000));
    cr_expect(is(service->selector[0].value, "proxy-pod"));

    const hr_spec_workload *workload = &r->workloads[1];
    cr_expect(is(workload->labels[1].value, "proxy-pod-version2"));
    cr_expect(is(workload->ports[0].name, "http-server"));
    cr_expect(eq(u32, workload->ports[0].number, 5000));
}

/* ---- every field arrives where compile looks for it ---- */

static const hr_resources *everything(void) {
    const hr_resources *r = read_source(
        &(hr_source){.path = HR_SOURCE_DIR "/tests/headerroute/fixtures/everything.yaml"});
    cr_assert(eq(sz, hr_diagnostics_errors(diagnostics), 0));
    return r;
}

#define SECOND INT64_C(1000000000)

Test(resource, metadata_is_read) {
    const hr_spec_virtual_service *vs = everything()->virtual_services;
    cr_expect(is(vs->meta.namespace_, "shop"));
    cr_expect(is(vs->meta.creation_timestamp, "2024-02-03T04:05:06Z"));
    cr_expect(is(vs->meta.labels[0].name, "team") && is(vs->meta.labels[0].value, "a"));
    cr_expect(is(vs->meta.annotations[0].value, "yes"));
    cr_expect(eq(sz, vs->meta.order, 0));
    cr_expect(eq(int, vs->meta.pos.line, 5));
    cr_expect(is(vs->hosts.v[1], "cart"));
    cr_expect(is(vs->gateways.v[1], "edge/public"));
    cr_expect(is(vs->export_to.v[0], "."));
}

Test(resource, every_field_of_a_match_is_read) {
    const hr_match_request *m = everything()->virtual_services->http[0].match;
    cr_expect(is(m->name, "m1"));
    cr_expect(m->uri.kind == HR_SM_PREFIX && is(m->uri.value, "/cart"));
    cr_expect(m->scheme.kind == HR_SM_EXACT && is(m->scheme.value, "https"));
    cr_expect(m->method.kind == HR_SM_REGEX && is(m->method.value, "GET|HEAD"));
    cr_expect(m->authority.kind == HR_SM_EXACT);
    cr_assert(eq(sz, m->n_headers, 3));
    cr_expect(is(m->headers[0].name, "X-User") && m->headers[0].match.kind == HR_SM_EXACT);
    cr_expect(m->headers[2].match.kind == HR_SM_PRESENCE);
    cr_assert(eq(sz, m->n_without_headers, 1));
    cr_expect(m->without_headers[0].match.kind == HR_SM_PREFIX);
    cr_assert(eq(sz, m->n_query_params, 1));
    cr_expect(m->query_params[0].match.kind == HR_SM_EXACT &&
              m->query_params[0].match.value.p != NULL);
    cr_expect(eq(u32, m->port, 8080));
    cr_expect(is(m->source_labels[0].value, "web"));
    cr_expect(is(m->gateways.v[0], "mesh"));
    cr_expect(is(m->source_namespace, "front"));
    cr_expect(m->ignore_uri_case);
    cr_expect(is(m->stat_prefix, "s1"));
    cr_expect(m[1].uri.kind == HR_SM_PRESENCE);
    cr_expect(m[1].method.kind == HR_SM_NONE);
}

Test(resource, destinations_and_header_operations_are_read) {
    const hr_spec_http_route *h = everything()->virtual_services->http;
    cr_assert(eq(sz, h->n_route, 2));
    const hr_spec_route_destination *d = h->route;
    cr_expect(is(d->destination.host, "cart") && is(d->destination.subset, "v1"));
    cr_expect(eq(u32, d->destination.port, 9080));
    cr_expect(eq(i64, d->weight, 90));
    cr_expect(d->headers.present);
    cr_expect(is(d->headers.request.set[0].name, "a") && is(d->headers.request.add[0].value, "d"));
    cr_expect(eq(sz, d->headers.request.n_remove, 2));
    cr_expect(is(d->headers.request.remove[1], "f"));
    cr_expect(d[1].headers.present == false);
    cr_expect(d[1].destination.subset.p == NULL);
    cr_expect(is(h->rewrite->uri, "/basket") && is(h->rewrite->authority, "basket.example.com"));
    cr_expect(h->rewrite->regex_match.p == NULL);
    cr_expect(eq(i64, h->timeout_ns, 90 * SECOND));
    cr_expect(is(h->headers.response.set[0].value, "me"));
    cr_expect(is(h->mirror->destination.host, "shadow"));
    cr_expect(eq(u32, h->mirror->destination.port, 81));
    cr_expect(h->mirror_percentage == 12.5);
    cr_expect(eq(i64, h->mirror_percent, -1));
    const hr_spec_http_route *last = &h[5];
    cr_expect(is(last->rewrite->regex_match, "^/(a)") && is(last->rewrite->regex_rewrite, "/\\1"));
    cr_expect(eq(i64, last->timeout_ns, -1));
    cr_expect(last->mirror == NULL && last->retries == NULL && last->fault == NULL &&
              last->cors_policy == NULL);
    cr_expect(eq(sz, last->n_mirrors, 2));
    cr_expect(last->mirrors[0].percentage == 1 && last->mirrors[1].percentage == -1);
    cr_expect(h[4].has_delegate && is(h[4].delegate_name, "deep") &&
              is(h[4].delegate_namespace, "other"));
}

Test(resource, redirects_and_direct_responses_are_read) {
    const hr_spec_http_route *h = everything()->virtual_services->http;
    cr_expect(is(h[1].redirect->prefix_rewrite, "/new") &&
              is(h[1].redirect->authority, "b.example.com"));
    cr_expect(is(h[1].redirect->scheme, "https") && h[1].redirect->uri.p == NULL);
    cr_expect(eq(u32, h[1].redirect->port, 8443));
    cr_expect(eq(u32, h[1].redirect->redirect_code, 308));
    cr_expect(eq(int, h[1].redirect->derive_port, 0));
    cr_expect(eq(int, h[2].redirect->derive_port, 2));
    cr_expect(eq(u32, h[3].direct_response->status, 503));
    hr_str body = h[3].direct_response->body;
    cr_expect(body.len == 4 && memcmp(body.p, "hi\0!", 4) == 0);
}

Test(resource, retries_faults_and_cors_are_read) {
    const hr_spec_http_route *h = everything()->virtual_services->http;
    cr_expect(eq(i64, h->retries->attempts, 3));
    cr_expect(eq(i64, h->retries->per_try_timeout_ns, 2 * SECOND));
    cr_expect(eq(i64, h->retries->backoff_ns, SECOND / 40));
    cr_expect(is(h->retries->retry_on, "5xx,503"));
    cr_expect(eq(int, h->retries->retry_remote_localities, 1));
    cr_expect(eq(int, h->retries->retry_ignore_previous_hosts, 0));
    cr_expect(h->fault->has_delay && h->fault->has_abort);
    cr_expect(h->fault->delay_percentage == 0.1 && h->fault->abort_percentage == 50);
    cr_expect(eq(i64, h->fault->fixed_delay_ns, 5 * SECOND));
    cr_expect(is(h->fault->abort_grpc_status, "UNAVAILABLE"));
    const hr_spec_cors_policy *cors = h->cors_policy;
    cr_assert(eq(sz, cors->n_allow_origins, 3));
    cr_expect(cors->allow_origins[2].kind == HR_SM_REGEX);
    cr_expect(eq(sz, cors->allow_methods.n, 2));
    cr_expect(eq(sz, cors->expose_headers.n, 2));
    cr_expect(eq(i64, cors->max_age_ns, 86400 * SECOND));
    cr_expect(eq(int, cors->allow_credentials, 0));
    cr_expect(eq(int, cors->unmatched_preflights, 1));
}

Test(resource, every_field_of_a_destination_rule_is_read) {
    const hr_spec_destination_rule *r = everything()->destination_rules;
    cr_expect(r->has_selector && is(r->selector[0].value, "web"));
    const hr_spec_load_balancer *lb = &r->policy.load_balancer;
    cr_expect(lb->present && lb->has_simple == false && lb->has_consistent_hash &&
              lb->has_hash_key);
    cr_expect(lb->hash_kind == HR_HASH_COOKIE && is(lb->hash_name, "user") &&
              is(lb->cookie_path, "/p"));
    cr_expect(eq(i64, lb->cookie_ttl_ns, 3600 * SECOND));
    cr_expect(eq(int, lb->hash_algorithm, 2));
    cr_expect(eq(i64, lb->maglev_table_size, 65537));
    cr_expect(lb->has_locality && lb->locality_enabled == 1);
    cr_expect(is(lb->distribute[0].from, "r1/z1/*") && is(lb->distribute[0].to[1].to, "r2/*"));
    cr_expect(eq(u32, lb->distribute[0].to[0].percent, 80));
    cr_expect(is(lb->failover_priority.v[0], "app"));
    cr_expect(lb->has_warmup && lb->warmup_minimum_percent == 20 && lb->warmup_aggression == 1.5);
    cr_expect(eq(i64, lb->warmup_duration_ns, 60 * SECOND));

    const hr_spec_connection_pool *pool = &r->policy.connection_pool;
    cr_expect(eq(i64, pool->tcp_max_connections, 1));
    cr_expect(eq(i64, pool->tcp_connect_timeout_ns, SECOND * 3 / 100));
    cr_expect(eq(i64, pool->tcp_idle_timeout_ns, 0));
    cr_expect(eq(i64, pool->tcp_max_connection_duration_ns, 3600 * SECOND));
    cr_expect(eq(i64, pool->tcp_keepalive_probes, 3));
    cr_expect(eq(i64, pool->tcp_keepalive_time_ns, 7200 * SECOND));
    cr_expect(eq(i64, pool->tcp_keepalive_interval_ns, 75 * SECOND));
    cr_expect(eq(i64, pool->http1_max_pending_requests, 2));
    cr_expect(eq(i64, pool->http2_max_requests, 3));
    cr_expect(eq(i64, pool->max_requests_per_connection, 4));
    cr_expect(eq(i64, pool->max_retries, 5));
    cr_expect(eq(i64, pool->http_idle_timeout_ns, 10 * SECOND));
    cr_expect(eq(int, pool->h2_upgrade_policy, 2));
    cr_expect(eq(i64, pool->max_concurrent_streams, 6));
    cr_expect(eq(i64, pool->http2_keepalive_timeout_ns, 2 * SECOND));

    const hr_spec_outlier_detection *o = &r->policy.outlier_detection;
    cr_expect(eq(i64, o->consecutive_5xx_errors, 7));
    cr_expect(eq(i64, o->consecutive_gateway_errors, 0));
    cr_expect(eq(i64, o->consecutive_local_origin_failures, 8));
    cr_expect(o->split_external_local_origin_errors);
    cr_expect(eq(i64, o->interval_ns, 300 * SECOND));
    cr_expect(eq(i64, o->base_ejection_time_ns, 900 * SECOND));
    cr_expect(eq(i64, o->max_ejection_percent, 33));
    cr_expect(eq(i64, o->min_health_percent, 44));
    cr_expect(o->n_http_codes == 2 && o->http_codes[1] == 503);

    const hr_spec_client_tls *tls = &r->policy.tls;
    cr_expect(tls->mode == HR_TLS_MUTUAL && is(tls->client_certificate, "/c") &&
              is(tls->private_key, "/k"));
    cr_expect(is(tls->sni, "s.example.com") && is(tls->subject_alt_names.v[1], "b"));
    cr_expect(eq(int, tls->insecure_skip_verify, -1));

    cr_assert(eq(sz, r->policy.n_port_level, 1));
    cr_expect(eq(u32, r->policy.port_level[0].port, 80));
    cr_expect(eq(int, r->policy.port_level[0].policy.load_balancer.simple, 2));
    cr_expect(r->policy.port_level[0].policy.tls.present == false);
}

Test(resource, subsets_and_their_balancers_are_read) {
    const hr_spec_destination_rule *r = everything()->destination_rules;
    cr_assert(eq(sz, r->n_subsets, 3));
    const hr_spec_load_balancer *ring = &r->subsets[0].policy.load_balancer;
    cr_expect(ring->hash_kind == HR_HASH_HEADER && is(ring->hash_name, "x-user") &&
              ring->hash_algorithm == 1);
    cr_expect(eq(i64, ring->minimum_ring_size, 2048));
    const hr_spec_load_balancer *source = &r->subsets[1].policy.load_balancer;
    cr_expect(source->hash_kind == HR_HASH_SOURCE_IP && source->has_hash_key &&
              source->hash_algorithm == 0);
    cr_expect(eq(i64, source->deprecated_minimum_ring_size, 7));
    cr_expect(eq(i64, source->minimum_ring_size, -1));
    cr_expect(eq(i64, source->warmup_duration_secs_ns, 9 * SECOND));
    const hr_spec_load_balancer *query = &r->subsets[2].policy.load_balancer;
    cr_expect(query->hash_kind == HR_HASH_QUERY_PARAMETER && is(query->failover[0].name, "r1") &&
              is(query->failover[0].value, "r2"));
    cr_expect(r->subsets[2].policy.connection_pool.present == false);
}

Test(resource, every_field_of_a_gateway_is_read) {
    const hr_spec_gateway *g = everything()->gateways;
    cr_expect(is(g->selector[0].name, "istio"));
    cr_assert(eq(sz, g->n_servers, 2));
    cr_expect(g->servers[0].has_tls && g->servers[0].https_redirect &&
              g->servers[0].tls_mode.p == NULL);
    const hr_spec_server *s = &g->servers[1];
    cr_expect(eq(u32, s->port, 443));
    cr_expect(is(s->protocol, "HTTPS") && is(s->port_name, "https") && is(s->bind, "10.0.0.1") &&
              is(s->name, "secure"));
    cr_expect(is(s->hosts.v[0], "shop/*.example.com"));
    cr_expect(is(s->tls_mode, "SIMPLE") && s->https_redirect == false);
}

Test(resource, every_field_of_a_service_entry_is_read) {
    const hr_resources *r = everything();
    const hr_spec_service_entry *e = r->service_entries;
    cr_expect(is(e->hosts.v[0], "api.example.org") && is(e->addresses.v[1], "10.8.0.0/16"));
    cr_expect(e->location == 1 && e->resolution == 1);
    cr_assert(eq(sz, e->n_ports, 2));
    cr_expect(eq(u32, e->ports[0].target_port, 8443));
    cr_expect(is(e->ports[0].protocol, "TLS") && e->ports[1].protocol.p == NULL);
    const hr_spec_workload_entry *w = e->endpoints;
    cr_expect(is(w->address, "10.9.0.2") && is(w->network, "n1") && is(w->locality, "r1/z1/s1"));
    cr_expect(is(w->ports[0].name, "tls") && w->ports[0].number == 9443 && w->weight == 5);
    cr_expect(w->meta.name.p == NULL && is(w->service_account, "sa"));
    cr_expect(is(r->workload_entries[0].meta.name, "vm") &&
              is(r->workload_entries[0].address, "fd00::1"));
}

Test(resource, services_pods_and_slices_are_read) {
    const hr_resources *r = everything();
    const hr_spec_service *s = r->services;
    cr_expect(is(s->type, "NodePort") && is(s->cluster_ip, "10.1.0.1") &&
              s->publish_not_ready_addresses);
    cr_expect(s->export_to.n == 2 && is(s->export_to.v[1], "edge"));
    cr_expect(is(s->ports[0].target_port_name, "web") && s->ports[0].target_port == 0);
    cr_expect(is(s->ports[1].app_protocol, "grpc") && s->ports[1].target_port == 9090);
    const hr_spec_workload *pod = &r->workloads[0];
    cr_expect(pod->kind == HR_WORKLOAD_POD && is(pod->pod_ip, "10.2.0.1") &&
              is(pod->phase, "Running"));
    cr_expect(pod->ready == false && pod->terminating && is(pod->node_name, "node-1"));
    cr_assert(eq(sz, pod->n_ports, 3));
    cr_expect(is(pod->ports[0].name, "web") && is(pod->ports[2].name, "side"));
    cr_expect(r->workloads[1].kind == HR_WORKLOAD_DEPLOYMENT &&
              is(r->workloads[1].labels[0].value, "db"));
    const hr_spec_endpoint_slice *slice = r->endpoint_slices;
    cr_expect(is(slice->service_name, "cart") && slice->ports[0].number == 8080);
    const hr_spec_slice_endpoint *e = slice->endpoints;
    cr_expect(e->addresses.n == 2 && e->ready == false && e->serving == false && e->terminating);
    cr_expect(is(e->target_name, "cart-1") && is(e->zone, "z1") && is(e->hostname, "h"));
    cr_expect(e[1].ready && e[1].serving && e[1].terminating == false);
}

/* ---- sources ---- */

static void write_file(const char *path, const char *text) {
    FILE *f = fopen(path, "w");
    cr_assert(f != NULL);
    fputs(text, f);
    fclose(f);
}

static const char rule[] = "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: "
                           "{name: %s}\nspec: {host: a}\n";

Test(resource, a_folder_is_read_by_name_without_kustomization_and_hidden_files) {
    char folder[] = "/tmp/hr-folder-XXXXXX", path[200], text[300];
    cr_assert(mkdtemp(folder) != NULL);
    static const char *const names[] = {"b.yaml",       "a.yml", "kustomization.yaml",
                                        ".hidden.yaml", "c.txt", "d.yaml.bak"};
    for (size_t i = 0; i < 6; i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        snprintf(text, sizeof(text), rule, i == 0 ? "b" : i == 1 ? "a" : "unwanted");
        write_file(path, text);
    }
    snprintf(path, sizeof(path), "%s/deeper.yaml", folder);
    cr_assert(mkdir(path, 0700) == 0);
    char with_slash[200];
    snprintf(with_slash, sizeof(with_slash), "%s//", folder);
    const hr_resources *r = read_source(&(hr_source){.path = with_slash});
    no_findings();
    cr_assert(eq(sz, r->n_destination_rules, 2));
    cr_expect(is(r->destination_rules[0].meta.name, "a"));
    cr_expect(is(r->destination_rules[1].meta.name, "b"));
    snprintf(path, sizeof(path), "%s/a.yml", folder);
    cr_expect(is(r->destination_rules[0].pos.file, path));
    snprintf(text, sizeof(text), "rm -r %s", folder);
    cr_assert(system(text) == 0);
}

Test(resource, unreadable_sources_are_reported_and_the_rest_is_read) {
    hr_resources *resources;
    hr_source sources[] = {
        {.path = "/nowhere/a.yaml"},
        {.name = "t", .text = HR_STR("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")},
        {.path = "/nowhere"}};
    cr_expect(eq(int, hr_resources_read(&resources, arena, diagnostics, sources, 3, NULL), HR_EIO));
    cr_expect(eq(sz, hr_diagnostics_errors(diagnostics), 2));
    cr_expect(resources != NULL);
    const hr_diagnostic *d = hr_diagnostics_get(diagnostics, 0);
    cr_expect(is(d->file, "/nowhere/a.yaml") && d->line == 0);
    cr_expect(strstr(d->message.p, "No such file") != NULL);
    cr_expect(eq(int, hr_resources_read(&resources, arena, diagnostics, &(hr_source){0}, 1, NULL),
                 HR_EINVAL));
    cr_expect(resources == NULL);
}

Test(resource, a_file_beyond_the_size_limit_is_refused) {
    char path[] = "/tmp/hr-size-XXXXXX";
    int fd = mkstemp(path);
    cr_assert(fd >= 0);
    close(fd);
    char text[300];
    snprintf(text, sizeof(text), rule, "a");
    write_file(path, text);
    hr_load_options options = HR_LOAD_OPTIONS_INIT;
    hr_resources *resources;
    options.max_bytes = strlen(text);
    cr_expect(eq(
        int,
        hr_resources_read(&resources, arena, diagnostics, &(hr_source){.path = path}, 1, &options),
        HR_OK));
    options.max_bytes = strlen(text) - 1;
    cr_expect(eq(
        int,
        hr_resources_read(&resources, arena, diagnostics, &(hr_source){.path = path}, 1, &options),
        HR_EIO));
    hr_source memory = {.name = "t", .text = {text, strlen(text)}};
    cr_expect(
        eq(int, hr_resources_read(&resources, arena, diagnostics, &memory, 1, &options), HR_EIO));
    cr_expect(eq(sz, hr_diagnostics_errors(diagnostics), 2));
    unlink(path);
}

Test(resource, given_twice_names_both_places) {
    char text[700], one[300];
    snprintf(one, sizeof(one), rule, "a");
    snprintf(text, sizeof(text), "%s---\n%s", one, one);
    hr_source sources[] = {{.name = "first.yaml", .text = {one, strlen(one)}},
                           {.name = "second.yaml", .text = {text, strlen(text)}}};
    hr_resources *resources;
    cr_assert(eq(int, hr_resources_read(&resources, arena, diagnostics, sources, 2, NULL), HR_OK));
    cr_assert(eq(sz, hr_diagnostics_errors(diagnostics), 2));
    char line[300];
    hr_diagnostic_format(line, sizeof(line), hr_diagnostics_get(diagnostics, 1));
    cr_expect(strcmp(line, "second.yaml:6:1: error: DestinationRule default/a is given twice: "
                           "first at first.yaml:1:1") == 0,
              "%s", line);
    cr_expect(eq(sz, resources->n_destination_rules, 1));
}

/* Notes each name in ctx, and leaves out those of the first source that are called "a". */
static int leave_out_a(void *ctx, const hr_resource_name *name) {
    size_t len = strlen(ctx);
    snprintf((char *)ctx + len, 300 - len, "%zu %.*s %.*s %.*s/%.*s\n", name->source,
             (int)name->group.len, name->group.p, (int)name->kind.len, name->kind.p,
             (int)name->namespace_.len, name->namespace_.p, (int)name->name.len, name->name.p);
    return name->source == 0 && hr_str_eq(name->name, HR_STR("a"));
}

Test(resource, what_is_left_out_can_be_given_again_in_its_place) {
    static const char list[] =
        "kind: DestinationRuleList\napiVersion: networking.istio.io/v1\nitems:\n"
        "- {metadata: {name: a, namespace: ns}, spec: &a {host: !!str invalid host}}\n"
        "- {metadata: {name: b, namespace: ns}, spec: {host: b}}\n"
        "---\n{apiVersion: v1, kind: Node, metadata: {name: a, namespace: ns}}\n";
    static const char again[] =
        "{apiVersion: networking.istio.io/v1beta1, kind: DestinationRule,"
        " metadata: {name: a, namespace: ns}, spec: {host: c}}\n"
        "---\n{apiVersion: v1, kind: Service, metadata: {generateName: d}, spec: {ports: [{port: "
        "1}]}}\n";
    char names[300] = "";
    hr_load_options options = HR_LOAD_OPTIONS_INIT;
    options.leave_out = leave_out_a;
    options.leave_out_ctx = names;
    hr_source sources[] = {{.name = "list.yaml", .text = hr_str_from(list)},
                           {.name = "again.yaml", .text = hr_str_from(again)}};
    hr_resources *r;
    cr_assert(eq(int, hr_resources_read(&r, arena, diagnostics, sources, 2, &options), HR_OK));
    no_findings();
    cr_expect(strcmp(names, "0 networking.istio.io DestinationRule ns/a\n"
                            "0 networking.istio.io DestinationRule ns/b\n"
                            "0  Node /a\n"
                            "1 networking.istio.io DestinationRule ns/a\n") == 0,
              "%s", names);
    cr_assert(eq(sz, r->n_destination_rules, 2));
    cr_expect(is(r->destination_rules[0].meta.name, "b") &&
              r->destination_rules[0].meta.order == 1);
    cr_expect(is(r->destination_rules[1].meta.name, "a") &&
              r->destination_rules[1].meta.order == 0);
    options.version = 4; /* which has no such member */
    names[0] = '\0';
    cr_assert(eq(int, hr_resources_read(&r, arena, diagnostics, sources, 2, &options), HR_OK));
    cr_expect(hr_diagnostics_errors(diagnostics) > 0 && names[0] == '\0');
}

Test(resource, the_default_namespace_is_an_option) {
    char text[300];
    snprintf(text, sizeof(text), rule, "a");
    hr_load_options options = HR_LOAD_OPTIONS_INIT;
    options.default_namespace = "prod";
    hr_source source = {.name = "t", .text = {text, strlen(text)}};
    hr_resources *resources;
    cr_assert(
        eq(int, hr_resources_read(&resources, arena, diagnostics, &source, 1, &options), HR_OK));
    cr_expect(is(resources->destination_rules[0].meta.namespace_, "prod"));
}

Test(resource, lists_are_unpacked) {
    hr_source source = {
        .name = "t",
        .text = HR_STR(
            "apiVersion: v1\nkind: List\nitems:\n"
            "- {apiVersion: v1, kind: Service, metadata: {name: a}, spec: {ports: [{port: 80}]}}\n"
            "- apiVersion: v1\n  kind: List\n  items:\n"
            "  - {apiVersion: v1, kind: Service, metadata: {name: b}, spec: {ports: [{port: "
            "80}]}}\n"
            "---\napiVersion: v1\nkind: ServiceList\nitems:\n- metadata: {name: c}\n  spec: "
            "{ports: [{port: 80}]}\n")};
    hr_resources *resources;
    cr_assert(eq(int, hr_resources_read(&resources, arena, diagnostics, &source, 1, NULL), HR_OK));
    no_findings();
    cr_assert(eq(sz, resources->n_services, 3));
    cr_expect(is(resources->services[2].meta.name, "c"));
}

/* Of a flood of findings the first ones are kept, and all errors are counted. */
Test(resource, thousands_of_findings_are_all_reported) {
    enum { N = 30000 };
    char *text = malloc(N * 8 + 200);
    int n = sprintf(text, "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: "
                          "{name: a}\nspec:\n  hosts: [");
    for (int i = 0; i < N; i++)
        n += sprintf(text + n, "_,");
    n += sprintf(text + n, "]\n  http: [{redirect: {uri: /}}]\n");
    hr_source source = {.name = "t", .text = {text, (size_t)n}};
    hr_resources *resources;
    cr_assert(eq(int, hr_resources_read(&resources, arena, diagnostics, &source, 1, NULL), HR_OK));
    cr_expect(eq(sz, hr_diagnostics_errors(diagnostics), N));
    cr_expect(hr_diagnostics_count(diagnostics) < N);
    free(text);
}

/* Time in the square of this many headers would be beyond the limit of any test. */
Test(resource, a_canary_may_have_very_many_headers) {
    enum { N = 300000 };
    char *text = malloc(N * 24 + 300);
    int n = sprintf(text, "apiVersion: flagger.app/v1beta1\nkind: Canary\nmetadata: {name: a}\n"
                          "spec: {targetRef: {name: a}, service: {port: 80}, analysis: "
                          "{iterations: 1, match: [{headers: {");
    for (int i = 0; i < N; i++)
        n += sprintf(text + n, "h%d: {exact: a},", i);
    n += sprintf(text + n, "}}]}}\n");
    hr_source source = {.name = "t", .text = {text, (size_t)n}};
    hr_load_options options = HR_LOAD_OPTIONS_INIT;
    hr_resources *resources;
    options.expand_rollouts = 1;
    int error = hr_resources_read(&resources, arena, diagnostics, &source, 1, &options);
    cr_assert(eq(int, error, HR_OK));
    cr_assert(eq(sz, hr_diagnostics_errors(diagnostics), 0));
    cr_assert(eq(sz, resources->n_virtual_services, 1));
    cr_expect(eq(sz, resources->virtual_services[0].http[0].match[0].n_headers, N));
    free(text);
}

/* `kubectl apply` keeps the whole Secret in an annotation. */
Test(resource, annotations_of_a_secret_are_not_kept) {
    enum { N = 1 << 20 };
    static const char head[] = "apiVersion: v1\nkind: Secret\nmetadata: {name: a, annotations: "
                               "{kubectl.kubernetes.io/last-applied-configuration: '";
    char *text = malloc(N + 300);
    memcpy(text, head, sizeof(head) - 1);
    memset(text + sizeof(head) - 1, 'x', N);
    memcpy(text + sizeof(head) - 1 + N, "'}}\n", 5);
    hr_source source = {.name = "t", .text = hr_str_from(text)};
    const hr_resources *r = read_source(&source);
    no_findings();
    cr_assert(eq(sz, r->n_secrets, 1));
    cr_expect(lt(sz, hr_arena_bytes(arena), N));
    free(text);
}

Test(resource, no_part_of_a_secret_is_quoted) {
    static const char *const values[] = {"data: {tls.key: '${X:-hidden}'}",
                                         "data: {tls.key: 'ab{{ \"hidden\" }}'}",
                                         "data: '${X:-hidden}'", "stringData: '<hidden>'"};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        char text[200];
        snprintf(text, sizeof(text), "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n%s\n",
                 values[i]);
        size_t before = hr_diagnostics_count(diagnostics);
        read_source(&(hr_source){.name = "t", .text = hr_str_from(text)});
        cr_assert(eq(sz, hr_diagnostics_count(diagnostics), before + 1), "%s", values[i]);
        const hr_diagnostic *found = hr_diagnostics_get(diagnostics, before);
        cr_expect(memmem(found->message.p, found->message.len, "hidden", 6) == NULL, "%.*s",
                  (int)found->message.len, found->message.p);
        cr_expect(memmem(found->message.p, found->message.len, "expected ", 9) != NULL);
    }
}

Test(resource, durations_are_those_of_go) {
    static const struct {
        const char *text;
        int64_t ns;
    } rows[] = {{"0", 0},
                {"1s", SECOND},
                {"1.5s", SECOND * 3 / 2},
                {"1m30s", 90 * SECOND},
                {"-1s", -SECOND},
                {"+5m", 300 * SECOND},
                {"1h2m3s4ms5us6ns", 3723004005006},
                {".5s", SECOND / 2},
                {"1.s", SECOND},
                {"0.000000001s", 1},
                {"100us", 100000},
                {"1\xC2\xB5s", 1000},
                {"2562047h47m16s854ms775us807ns", INT64_MAX}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t ns = 42;
        cr_expect(hr_parse_duration(&ns, hr_str_from(rows[i].text)) && ns == rows[i].ns, "%s: %lld",
                  rows[i].text, (long long)ns);
    }
    static const char *const none[] = {"",
                                       "1",
                                       "s",
                                       ".s",
                                       "1x",
                                       "1 s",
                                       "1s ",
                                       "--1s",
                                       "1s2",
                                       "1e3s",
                                       "9223372036854775808ns",
                                       "2562048h",
                                       "99999999999999999999s",
                                       "1m-1s",
                                       "-"};
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        int64_t ns;
        cr_expect(hr_parse_duration(&ns, hr_str_from(none[i])) == 0, "%s", none[i]);
    }
}
