"""Sidecar: what its egress listeners import. The first table has the outcomes of Istio's own TestSidecarRoutes with a Sidecar; the
others state what the API and pilot's sidecar scope say."""
import json
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ["HR_BUILD_DIR"]) / "bin" / "headerroute"


def service(name, namespace, address, ports="80, 8080"):
    listed = ", ".join(f"{{name: http-{p.strip()}, port: {p.strip()}}}" for p in ports.split(","))
    return (f"apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: {namespace}}}\n"
            f"spec: {{clusterIP: {address}, ports: [{listed}]}}\n---\n")


KNOWN = (service("known", "default", "10.0.0.1") + service("alt-known", "default", "10.0.0.2")
         + service("not-default", "not-default", "10.0.0.3"))
LOCAL = ".svc.cluster.local"


def rule(namespace, hosts, destination, year=2020):
    return (f"apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: r{abs(hash((namespace, hosts))) % 10 ** 9}, "
            f"namespace: {namespace}, creationTimestamp: '{year}-01-01T00:00:00Z'}}\n"
            f"spec:\n  hosts: [{hosts}]\n  http:\n  - route: [{{destination: {{host: {destination}}}}}]\n---\n")


def sidecar(namespace, spec, name="s", year=2020):
    return (f"apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {{name: {name}, namespace: {namespace}, "
            f"creationTimestamp: '{year}-01-01T00:00:00Z'}}\nspec: {spec}\n---\n")


def imports(*hosts):
    return "{egress: [{hosts: [%s]}]}" % ", ".join(f"'{h}'" for h in hosts)


def decide(rules, url, *flags):
    done = subprocess.run([PROGRAM, "route", "-f", "-", "--json", *flags, url], cwd=ROOT, input=rules, text=True, capture_output=True,
                          timeout=60)
    assert done.returncode in (0, 1) and done.stdout, done.stderr  # 1: the rules for the host need a Service that is not loaded
    return json.loads(done.stdout)


def cluster(rules, host, *flags, port=80):
    return decide(rules, f"http://{host}:{port}/", *flags)["cluster"]


def out(name, port=80, namespace=None):
    return f"outbound|{port}||{name}" if namespace is None else f"outbound|{port}||{name}.{namespace}{LOCAL}"


PASS = "PassthroughCluster"
IMPORTS_TWO = imports(f"default/known.default{LOCAL}", f"default/alt-known.default{LOCAL}")


@pytest.mark.parametrize("rules, namespace, expected", [
    pytest.param(rule("default", "'*.cluster.local'", "arbitrary.example.com") + sidecar("default", imports("*/*.cluster.local")), "default",
                 {f"alt-known.default{LOCAL}": out("arbitrary.example.com"), f"known.default{LOCAL}": out("arbitrary.example.com"),
                  "x.cluster.local": PASS}, id="wildcard match with sidecar"),
    pytest.param(rule("default", "'*.cluster.local'", "wild.example.com", 2000)
                 + rule("default", f"known.default{LOCAL}", "explicit.example.com", 2010) + sidecar("default", IMPORTS_TWO), "default",
                 {f"alt-known.default{LOCAL}": out("wild.example.com"), f"known.default{LOCAL}": out("explicit.example.com"),
                  "x.cluster.local": PASS}, id="wildcard and explicit with sidecar"),
    pytest.param(rule("not-default", "'*.cluster.local'", "wild.example.com", 2000)
                 + rule("default", f"known.default{LOCAL}", "explicit.example.com", 2010) + sidecar("default", IMPORTS_TWO), "default",
                 {f"alt-known.default{LOCAL}": out("alt-known", 80, "default"), f"known.default{LOCAL}": out("explicit.example.com"),
                  "x.cluster.local": PASS}, id="explicit first then wildcard with sidecar cross namespace"),
    pytest.param(rule("default", f"arbitrary{LOCAL}", f"arbitrary{LOCAL}") + sidecar("default", imports("*/*.cluster.local")), "default",
                 {f"arbitrary{LOCAL}": out(f"arbitrary{LOCAL}")}, id="explicit match with wildcard sidecar"),
    pytest.param(rule("default", "'*.cluster.local'", "arbitrary.example.com") + sidecar("default", imports(f"*/known.default{LOCAL}")),
                 "default", {f"known.default{LOCAL}": out("arbitrary.example.com"), "x.cluster.local": PASS},
                 id="wildcard match with explicit sidecar"),
    pytest.param(rule("default", "'*.example.org'", "arbitrary.example.com")
                 + sidecar("default", imports("*/explicit.example.org", f"*/alt-known.default{LOCAL}")), "default",
                 {f"known.default{LOCAL}": PASS, f"alt-known.default{LOCAL}": out("alt-known", 80, "default"),
                  "x.example.org": out("arbitrary.example.com")}, id="non-service wildcard match with explicit sidecar"),
    pytest.param(rule("not-default", f"'*.default{LOCAL}'", "arbitrary.example.com")
                 + rule("default", f"explicit.default{LOCAL}", f"explicit.default{LOCAL}")
                 + sidecar("not-default", imports(f"not-default/*.default{LOCAL}", f"not-default/not-default.not-default{LOCAL}")),
                 "not-default", {f"x.default{LOCAL}": out("arbitrary.example.com"), f"explicit.default{LOCAL}": out("arbitrary.example.com"),
                                 f"not-default.not-default{LOCAL}": out("not-default", 80, "not-default")}, id="sidecar filter"),
    pytest.param(rule("default", f"foo.default{LOCAL}", "example.com") + sidecar("default", imports(f"*/foo.default{LOCAL}")), "default",
                 {f"foo.default{LOCAL}": PASS, f"known.default{LOCAL}": PASS}, id="import only a unknown service route"),
    pytest.param(rule("default", f"known.default{LOCAL}, alt-known.default{LOCAL}", "example.com")
                 + sidecar("default", imports(f"*/known.default{LOCAL}")), "default",
                 {f"known.default{LOCAL}": out("example.com"), f"alt-known.default{LOCAL}": out("example.com")},
                 id="multi-host import single"),
])
def test_outcomes_of_istios_own_tests(rules, namespace, expected):
    assert {host: cluster(KNOWN + rules, host, "--namespace", namespace) for host in expected} == expected


FIRST, SECOND = f"known.default{LOCAL}", f"alt-known.default{LOCAL}"
ONLY = imports(f"./known.default{LOCAL}")


def seen(rules, *flags, port=80):
    return [host.split(".")[0] for host in (FIRST, SECOND, f"not-default.not-default{LOCAL}")
            if cluster(KNOWN + rules, host, *flags, port=port) not in (PASS, "BlackHoleCluster", None)]


@pytest.mark.parametrize("rules, flags, expected", [
    ("", (), ["known", "alt-known", "not-default"]),
    (sidecar("default", ONLY), (), ["known"]),
    (sidecar("default", ONLY), ("--namespace", "not-default"), ["known", "alt-known", "not-default"]),
    (sidecar("istio-system", imports("./*")), (), ["known", "alt-known"]),
    (sidecar("istio-system", imports("./*")), ("--namespace", "not-default"), ["not-default"]),
    (sidecar("istio-system", imports("./*")) + sidecar("default", imports("*/*")), (), ["known", "alt-known", "not-default"]),
    (sidecar("istio-system", "{workloadSelector: {labels: {app: a}}, egress: [{hosts: ['./*']}]}"), ("--source-label", "app=a"),
     ["known", "alt-known", "not-default"]),
    (sidecar("default", "{workloadSelector: {labels: {app: a}}, egress: [{hosts: ['not-default/*']}]}") + sidecar("default", ONLY, "all", 2000),
     ("--source-label", "app=a"), ["not-default"]),
    (sidecar("default", "{workloadSelector: {labels: {app: a}}, egress: [{hosts: ['not-default/*']}]}") + sidecar("default", ONLY, "all", 2000),
     ("--source-label", "app=b"), ["known"]),
    (sidecar("default", ONLY, "old", 2000) + sidecar("default", imports("*/*"), "new", 2010), (), ["known"]),
    (sidecar("default", imports("~/*")), (), []),
    (sidecar("default", imports("*/*", f"~default/known.default{LOCAL}")), (), ["alt-known", "not-default"]),
    (sidecar("default", imports("./*", "not-default/*", "~not-default/*")), (), ["known", "alt-known"]),
    (sidecar("default", "{outboundTrafficPolicy: {mode: ALLOW_ANY}}"), (), ["known", "alt-known", "not-default"]),
])
def test_which_services_a_proxy_sees(rules, flags, expected):
    assert seen(rules, *flags) == expected


LISTENERS = """{egress: [{port: {number: 8080, protocol: HTTP, name: http}, hosts: ['./known.default.svc.cluster.local']},
                {hosts: ['not-default/*']}]}"""


def test_a_listener_with_a_port_and_one_for_the_rest():
    assert seen(sidecar("default", LISTENERS), port=8080) == ["known"]
    assert seen(sidecar("default", LISTENERS), port=80) == ["not-default"]
    only = sidecar("default", LISTENERS.replace(",\n                {hosts: ['not-default/*']}", ""))
    assert seen(only, port=8080) == ["known"] and seen(only, port=80) == []


def test_a_listener_declares_the_protocol_of_its_port():
    rules = (service("raw", "default", "10.0.0.9", "7000").replace("http-7000", "raw")
             + sidecar("default", "{egress: [{port: {number: 7000, protocol: HTTP, name: h}, hosts: ['./*']}]}"))
    assert cluster(rules, f"raw.default{LOCAL}", port=7000) == out("raw", 7000, "default")
    assert decide(rules, "http://10.0.0.9:7000/", "-H", "Host: other.example.com")["cluster"] == PASS


def test_a_declared_port_has_a_listener_once_a_service_of_any_listener_has_it():
    """Its table is the declared listener's (Istio and Envoy 1.40: tests/conformance/cases/sidecars.yaml)."""
    scope = (rule("default", "'*.foo.com'", "other") +
             sidecar("default", "{outboundTrafficPolicy: {mode: REGISTRY_ONLY}, egress: "
                                "[{port: {number: 80, protocol: HTTP, name: http}, hosts: ['prod/*']}, {hosts: ['*/*']}]}"))
    rules = service("other", "default", "10.0.0.9", "80") + scope.replace("'prod/*'", "'prod/*', 'default/*.foo.com'")
    assert decide(rules, "http://a.foo.com/")["virtual_service"] is not None
    unknown = decide(rules, "http://other/")
    assert unknown["local_reply"]["status"] == 502 and not unknown["closes_connection"]
    without = decide(service("other", "default", "10.0.0.9", "9080") + scope, "http://a.foo.com/")
    assert without["virtual_service"] is None and without["closes_connection"]


def test_a_service_declares_whether_it_has_a_virtual_host_on_a_declared_port():
    """Its own protocol counts, not that of the Sidecar's listener, which the call reaches."""
    scope = sidecar("default", "{egress: [{port: {number: 80, protocol: HTTP, name: http}, hosts: ['./*']}%s]}")
    plain = service("plain", "default", "10.0.0.9", "80").replace("http-80", "tcp-80")
    assert decide(plain + scope % "", "http://plain/")["cluster"] == PASS
    direct = decide(plain + scope % ", {hosts: ['*/*']}", "http://plain/")  # a listener at the address, for TCP
    assert direct["cluster"] == out("plain", namespace="default") and direct["virtual_service"] is None
    sniffed = service("sniffed", "default", "10.0.0.8", "80").replace("name: http-80, ", "")
    hidden = decide(sniffed + scope.replace("'./*'", "'./none.example.com'") % ", {hosts: ['*/*']}", "http://sniffed/")
    assert hidden["action"] == "no_route" and hidden["local_reply"]["status"] == 404


def test_the_policy_for_unknown_hosts_is_that_of_the_sidecar():
    closed = decide(KNOWN + sidecar("default", "{outboundTrafficPolicy: {mode: REGISTRY_ONLY}}"), "http://www.example.org/")
    assert closed["local_reply"]["status"] == 502
    nothing = decide(KNOWN + sidecar("default", "{outboundTrafficPolicy: {}}"), "http://www.example.org/")
    assert nothing["local_reply"]["status"] == 502
    opened = decide(KNOWN + sidecar("default", "{outboundTrafficPolicy: {mode: ALLOW_ANY}}"), "http://www.example.org/",
                    "--outbound-policy", "registry-only")
    assert opened["cluster"] == PASS


def test_a_destination_of_an_imported_rule_needs_no_import():
    rules = KNOWN + rule("default", FIRST, SECOND) + sidecar("default", ONLY)
    assert cluster(rules, FIRST) == out("alt-known", 80, "default") and cluster(rules, SECOND) == PASS
    assert decide(rules, f"http://{FIRST}/")["local_reply"] is None
    unseen = KNOWN + rule("default", FIRST, SECOND).replace("- route", "- match: [{sourceNamespace: other}]\n    route") + sidecar(
        "default", ONLY)
    assert cluster(unseen, FIRST) == out("known", 80, "default")


def test_a_gateway_has_no_sidecar():
    gateway = ("apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: g}\n"
               "spec: {selector: {a: b}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]}\n---\n")
    rules = rule("default", "'a.example'", SECOND).replace("spec:\n", "spec:\n  gateways: [g]\n")
    assert cluster(KNOWN + gateway + rules + sidecar("default", ONLY), "a.example", "--gateway", "default/g") == out("alt-known", 80, "default")


def test_a_service_that_is_not_imported_is_named():
    rules = KNOWN + sidecar("default", ONLY)
    assert decide(rules, f"http://{SECOND}/")["caveats"] == [
        "the Sidecar default/s does not import Service alt-known of namespace default, so that the proxy does not know it"]
    assert decide(rules, f"http://{FIRST}/")["caveats"] == []


def test_explain_says_which_sidecar_leaves_a_rule_out():
    rules = KNOWN + rule("default", SECOND, FIRST) + sidecar("default", ONLY)
    done = subprocess.run([PROGRAM, "explain", "-f", "-", f"http://{SECOND}/"], cwd=ROOT, input=rules, text=True, capture_output=True,
                          timeout=60)
    assert "the Sidecar default/s (<stdin>:" in done.stdout and "imports none of its hosts on this port" in done.stdout


@pytest.mark.parametrize("spec, said", [
    ("{}", "spec: is empty: expected egress, ingress, outboundTrafficPolicy or inboundConnectionPool"),
    ("{egress: [{hosts: []}]}", "spec.egress[0]: hosts is required"),
    ("{egress: [{hosts: [known]}]}", 'spec.egress[0].hosts[0]: "known": expected NAMESPACE/HOST'),
    ("{egress: [{hosts: ['a_b/*']}]}", '"a_b" is not a valid namespace'),
    ("{egress: [{hosts: ['./*']}, {port: {number: 80, protocol: HTTP, name: a}, hosts: ['./*']}]}",
     "spec.egress[0]: only the last listener may have no port"),
    ("{egress: [{port: {number: 80, protocol: HTTP, name: a}, hosts: ['./*']}, {port: {number: 80, protocol: HTTP, name: b}, hosts: ['./*']}]}",
     "the port 80 is given twice"),
    ("{egress: [{host: ['./*']}]}", 'spec.egress[0].host: unknown field of IstioEgressListener'),
    ("{outboundTrafficPolicy: {mode: SOME}}", "spec.outboundTrafficPolicy.mode"),
])
def test_a_sidecar_that_istio_refuses_is_an_error(spec, said):
    done = subprocess.run([PROGRAM, "validate", "-"], cwd=ROOT, input=sidecar("default", spec), text=True, capture_output=True, timeout=60)
    assert done.returncode == 1 and said in done.stdout
