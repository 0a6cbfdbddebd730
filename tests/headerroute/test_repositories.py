"""Folders and files as real repositories hold them: what is read, what is passed over with a sentence, and that no file keeps the
others from being read."""
import json
import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ["HR_BUILD_DIR"]) / "bin" / "headerroute"
SERVICE = """apiVersion: v1
kind: Service
metadata: {name: shop, namespace: default}
spec:
  ports: [{name: http, port: 80}]
"""
RULE = """apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop, namespace: default}
spec:
  hosts: [shop]
  http:
  - route: [{destination: {host: shop}}]
"""
CASES = """testCases:
- description: the shop
  request: {authority: [shop]}
  decision: {virtual_service: default/shop}
"""
RESOURCES = SERVICE + "---\n" + RULE


def run(*words, **more):
    return subprocess.run([PROGRAM, *map(str, words)], cwd=ROOT, text=True, capture_output=True, timeout=120, **more)


def write(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def findings(done, folder):
    """(file:line, severity, message) of each finding; the line is 0 where it has no place."""
    found = []
    for line in (done.stdout + done.stderr).splitlines():
        for severity in ("error", "warning"):
            place, mark, message = line.partition(f": {severity}: ")
            if mark:
                file, line_number = re.fullmatch(r"(.*?)(?::(\d+):\d+)?", place).groups()
                found.append((f"{file.removeprefix(f'{folder}/')}:{line_number or 0}", severity, message))
    return found


def decide(*words, **more):
    done = run("route", *words, "--json", "http://shop/", **more)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


# ---- paths ----

def test_standard_input_in_every_command(tmp_path):
    write(tmp_path, {"rules.yaml": RESOURCES, "cases.yaml": CASES, "requests": '{"authority":"shop","path":"/"}\n'})
    rules, cases = tmp_path / "rules.yaml", tmp_path / "cases.yaml"
    assert run("validate", "-", input=RESOURCES).returncode == 0
    assert run("validate", "-f", "-", input=RESOURCES).returncode == 0
    assert decide("-f", "-", input=RESOURCES)["virtual_service"] == "default/shop"
    assert "MATCH default/shop http[0] (<stdin>:13)" in run("explain", "-f", "-", "http://shop/", input=RESOURCES).stdout
    assert "ok 1 - the shop" in run("test", "-f", "-", cases, input=RESOURCES).stdout
    assert "ok 1 - the shop" in run("test", "-f", rules, "-", input=CASES).stdout
    assert run("diff", "-", rules, input=RESOURCES).returncode == 0
    assert run("diff", rules, "-", input=RESOURCES.replace("port: 80", "port: 81")).returncode == 1


def test_standard_input_holds_json_as_well():
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "shop"}, "spec": {"ports": [{"name": "http", "port": 80}]}}
    listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": [service]})
    assert decide("-f", "-", input=listed)["destination"]["host"] == "shop.default.svc.cluster.local"


def test_a_finding_in_standard_input_names_it():
    done = run("validate", "-", input=RESOURCES.replace("hosts:", "host:"))
    assert done.returncode == 1 and "<stdin>:11:3: error: spec.host: unknown field of VirtualService" in done.stdout


@pytest.mark.parametrize("words", [
    ["route", "-f", "-", "-f", "-", "http://shop/"],
    ["route", "-f", "-", "--batch", "-"],
    ["validate", "-", "-f", "-"],
    ["test", "-f", "-", "-"],
    ["diff", "-", "-"],
])
def test_standard_input_is_read_once(words):
    done = run(*words, input=RESOURCES)
    assert done.returncode == 2 and "standard input (-) can be read only once" in done.stderr


def test_folders_below_are_read_with_the_flag_only(tmp_path):
    write(tmp_path, {"overlays/prod/rules.yaml": RESOURCES, ".hidden/rules.yaml": "nothing: good", "overlays/notes.txt": "text"})
    for words in (["validate", tmp_path], ["route", "-f", tmp_path, "http://shop/"], ["test", tmp_path]):
        done = run(*words)
        assert done.returncode == 1
        assert findings(done, "-")[0] == (f"{tmp_path}:0", "error",
                                          f"the YAML files of this folder are in subfolders, such as {tmp_path}/overlays/prod/rules.yaml: "
                                          "read them with -R, --recursive (option recursive), or name the subfolder")
    for flag in ("-R", "--recursive"):
        done = run("validate", flag, tmp_path)
        assert done.returncode == 0 and done.stdout == "" and "1 VirtualServices" in done.stderr
        assert decide("-f", tmp_path, flag)["virtual_service"] == "default/shop"


def test_a_link_that_leads_back_is_not_followed(tmp_path):
    write(tmp_path, {"a/rules.yaml": RESOURCES})
    (tmp_path / "a" / "again").symlink_to(tmp_path)
    assert run("validate", "-R", tmp_path).returncode == 0


def test_cases_are_found_below_as_well(tmp_path):
    write(tmp_path, {"rules.yaml": RESOURCES, "tests/one/cases.yaml": CASES, "tests/two/cases.json": json.dumps({"testCases": [
        {"description": "as JSON", "request": {"authority": "shop"}, "decision": {"action": "route"}}]})})
    done = run("test", "-R", "-f", tmp_path / "rules.yaml", tmp_path / "tests")
    assert done.returncode == 0 and "1..2" in done.stdout


def test_json_files_of_a_folder_are_read(tmp_path):
    rule = {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": "shop"},
            "spec": {"hosts": ["shop"], "http": [{"route": [{"destination": {"host": "shop"}}]}]}}
    write(tmp_path, {"service.yml": SERVICE, "rule.json": json.dumps(rule)})
    assert decide("-f", tmp_path)["virtual_service"] == "default/shop"


# ---- files without a resource ----

@pytest.mark.parametrize("name, text, place, said", [
    ("values.yaml", "replicas: 2\nimage: {tag: v1}\n", 1, "not a Kubernetes resource, not read: it has no apiVersion and kind"),
    ("Chart.yaml", "apiVersion: v2\nname: shop\nversion: 1.0.0\n", 1,
     "not a Kubernetes resource, not read: it has no apiVersion and kind"),
    ("docker-compose.yml", 'version: "3"\nservices: {web: {image: x}}\n', 1,
     "not a Kubernetes resource, not read: it has no apiVersion and kind"),
    ("parameters.yaml", "varReference:\n- {path: spec/hosts, kind: VirtualService}\n", 1,
     "not a Kubernetes resource, not read: it has no apiVersion and kind"),
    ("patch.yaml", "- {op: replace, path: /spec/hosts/0, value: shop}\n", 1,
     "not a Kubernetes resource, not read: it has no apiVersion and kind"),
    ("package.json", '{"name": "shop", "kind": 3}', 1, "not a Kubernetes resource, not read: it has no apiVersion and kind"),
    ("tsconfig.json", '{\n  // a comment\n  "a": 1\n}\n', 3, "not a Kubernetes resource, not read: not valid YAML: "),
    ("mkdocs.yml", "site_name: x\nplugins: !!python/name:a.b\n", 2,
     "not a Kubernetes resource, not read: unknown tag !!python/name:a.b"),
    ("twice.yaml", "a: 1\na: 2\n", 1, "not a Kubernetes resource, not read: it has no apiVersion and kind"),
    ("cases.yaml", CASES, 1, "test cases are not read here: give the file to `headerroute test`"),
    ("template.yaml", "{{- if .Values.on }}\n" + RULE + "{{- end }}\n", 1,
     "this is a Helm template: render it with `helm template` first; it is not read"),
    ("quoted.yaml", RULE.replace("name: shop", 'name: "{{ .Release.Name }}-shop"'), 1,
     "{{ .Release.Name }} makes this a Helm template: render it with `helm template` first; it is not read"),
    ("host.yaml", RULE.replace("[shop]", '["{{ .Values.host }}"]'), 1,
     "{{ .Values.host }} makes this a Helm template: render it with `helm template` first; it is not read"),
])
def test_a_file_that_is_no_resource_is_reported_and_passed_over(tmp_path, name, text, place, said):
    write(tmp_path, {name: text, "rules.yaml": RESOURCES})
    done = run("validate", tmp_path)
    found = findings(done, tmp_path)
    assert done.returncode == 0 and [(f[0], f[1]) for f in found] == [(f"{name}:{place}", "warning")] and said in found[0][2]
    done = run("route", "-f", tmp_path, "--json", "http://shop/")
    assert json.loads(done.stdout)["virtual_service"] == "default/shop" and findings(done, tmp_path) == found
    assert run("validate", "--strict", tmp_path).returncode == 1
    done = run("route", "--strict", "-f", tmp_path, "http://shop/")
    assert done.returncode == 1 and done.stdout == "" and "with --strict these warnings are errors" in done.stderr
    done = run("validate", tmp_path / name)
    assert done.returncode == 0 and (f"{name}:0", "warning", "contains no Kubernetes resource: nothing to evaluate") in findings(done, tmp_path)
    done = run("route", "-f", tmp_path / name, "http://shop/")
    assert done.returncode == 1 and (f"{name}:0", "error", "contains no Kubernetes resource: nothing to evaluate") in findings(done, tmp_path)


def test_text_in_braces_that_is_no_template_stays(tmp_path):
    body = RULE.replace("route: [{destination: {host: shop}}]", "directResponse: {status: 200, body: {string: '{{ user }}'}}")
    config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {alert: '{{ $labels.pod }}'}\n"
    write(tmp_path, {"rules.yaml": SERVICE + "---\n" + body, "config.yaml": config})
    done = run("validate", tmp_path)
    assert done.returncode == 0 and done.stdout == ""
    assert decide("-f", tmp_path)["direct_response"]["body"] == "{{ user }}"


@pytest.mark.parametrize("text, line, said", [
    ("apiVersion: networking.istio.io/v1\nspec: {hosts: [a]}\n", 1, "kind: is required, for example kind: VirtualService"),
    ("kind: VirtualService\nspec: {hosts: [a]}\n", 1, "apiVersion: is required, for example apiVersion: networking.istio.io/v1"),
    ("kind: Anything\nmetadata: {name: a}\n", 1, "apiVersion: is required, for example apiVersion: networking.istio.io/v1"),
    ("apiVersion: v1\nkind: Service\nmetadata: {name: a, name: b}\nspec: {ports: [{port: 80}]}\n", 3, 'the key "name" is given twice'),
])
def test_a_resource_with_a_mistake_is_no_other_file(tmp_path, text, line, said):
    write(tmp_path, {"wrong.yaml": text})
    done = run("validate", tmp_path)
    found = findings(done, tmp_path)
    assert done.returncode == 1 and found[0][:2] == (f"wrong.yaml:{line}", "error") and found[0][2].startswith(said)


@pytest.mark.parametrize("change, variable", [
    (("{host: shop}", "{host: shop.$(NS).svc.cluster.local}"), "$(NS)"),
    (("{host: shop}", "{host: 'shop.${NAMESPACE:-prod}.svc'}"), "${NAMESPACE:-prod}"),
    (("name: shop", "name: <NAME>"), "<NAME>"),
    (("namespace: default", "namespace: $(NS)"), "$(NS)"),
    (("[shop]", "[${HOST}]"), "${HOST}"),
    (("{host: shop}", "{host: shop, port: {number: $(PORT)}}"), "$(PORT)"),
])
def test_a_variable_that_was_not_replaced_is_named(tmp_path, change, variable):
    write(tmp_path, {"rule.yaml": RULE.replace(*change)})
    done = run("validate", tmp_path)
    assert done.returncode == 1
    assert f"; {variable} is a variable that was not replaced: run `kustomize build`, `envsubst` or `helm template` first" in done.stdout


# ---- given twice ----

@pytest.mark.parametrize("kind, group, name", [
    ("Namespace", "v1", "shop"), ("ServiceAccount", "v1", "prod/shop"), ("ConfigMap", "v1", "prod/shop"),
    ("ClusterRole", "rbac.authorization.k8s.io/v1", "shop"), ("CustomResourceDefinition", "apiextensions.k8s.io/v1", "shop"),
    ("Telemetry", "telemetry.istio.io/v1", "prod/shop"), ("PeerAuthentication", "security.istio.io/v1", "prod/shop"),
])
def test_kinds_that_do_not_route_may_be_given_twice(tmp_path, kind, group, name):
    one = f"apiVersion: {group}\nkind: {kind}\nmetadata: {{name: shop, namespace: prod}}\n"
    write(tmp_path, {"a.yaml": one, "b.yaml": one, "rules.yaml": RESOURCES})
    done = run("validate", tmp_path)
    assert done.returncode == 0
    assert ("b.yaml:1", "warning", f"{kind} {name} is given twice: first at {tmp_path}/a.yaml:1:1; kubectl apply uses the last one") in findings(
        done, tmp_path)


def test_a_routing_resource_given_twice_is_an_error_beside_all_other_findings(tmp_path):
    write(tmp_path, {"a.yaml": RESOURCES, "b.yaml": RULE,
                     "c.yaml": RULE.replace("name: shop", "name: other").replace("[shop]", "[nowhere]")})
    done = run("validate", tmp_path)
    found = findings(done, tmp_path)
    assert done.returncode == 1
    assert ("b.yaml:1", "error", f"VirtualService default/shop is given twice: first at {tmp_path}/a.yaml:7:1") in found
    assert any(place == "c.yaml:5" and "is not the host of any Service" in message for place, _, message in found)


@pytest.mark.parametrize("name", ["kustomization.yaml", "kustomization.yml", "Kustomization"])
def test_files_of_a_kustomization_name_the_remedy(tmp_path, name):
    write(tmp_path, {"base/rules.yaml": RESOURCES, f"base/{name}": "resources: [rules.yaml]\n",
                     "prod/rules.yaml": RULE, f"prod/{name}": "resources: [../base]\n"})
    done = run("validate", "-R", tmp_path)
    assert done.returncode == 1
    assert f"VirtualService default/shop is given twice: first at {tmp_path}/base/rules.yaml:7:1; the files belong to a kustomization: " \
           f"load what it builds, kubectl kustomize {tmp_path}/prod | headerroute validate -" in done.stdout


def test_a_part_of_a_resource_under_a_kustomization_gets_a_hint(tmp_path):
    patch = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: shop}\nspec: {http: [{timeout: 3s}]}\n"
    write(tmp_path, {"patch.yaml": patch, "kustomization.yaml": "patches: [{path: patch.yaml}]\n"})
    done = run("validate", tmp_path)
    assert done.returncode == 1
    assert f"{tmp_path}: warning: the folder contains a kustomization, and its files may be parts of resources: " \
           f"kubectl kustomize {tmp_path} | headerroute validate -" in done.stdout
    assert "a kustomization is not read: load what `kubectl kustomize DIR` prints" in run("validate", tmp_path / "kustomization.yaml").stdout
    (tmp_path / "patch.yaml").unlink()
    assert f"the folder contains only a kustomization, which is not read: load what `kubectl kustomize {tmp_path}` prints" in run(
        "validate", tmp_path).stdout


@pytest.mark.parametrize("kind, version", [("IstioOperator", "install.istio.io/v1alpha1"), ("Istio", "operator.istio.io/v1")])
def test_what_installs_istio_is_passed_over(tmp_path, kind, version):
    write(tmp_path, {"istio.yaml": f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: x}}\nspec: {{profile: minimal}}\n",
                     "rules.yaml": RESOURCES})
    done = run("validate", tmp_path)
    assert done.returncode == 0
    assert findings(done, tmp_path) == [
        ("istio.yaml:1", "warning", f"{kind} is not evaluated (1 resource): it installs Istio and does not describe routing")]
    assert decide("-f", tmp_path)["virtual_service"] == "default/shop"


# ---- kinds that are not evaluated ----

UNREAD = {
    "EnvoyFilter": ("networking.istio.io/v1alpha3", "{workloadSelector: {labels: {app: shop}}}",
                    "it patches Envoy's configuration, so that any part of a decision may differ"),
    "ProxyConfig": ("networking.istio.io/v1beta1", "{}", "it configures the proxies themselves and has no effect on routing"),
    "WorkloadGroup": ("networking.istio.io/v1", "{}", "it is a template for WorkloadEntries, and only those are read"),
    "WasmPlugin": ("extensions.istio.io/v1alpha1", "{selector: {matchLabels: {app: shop}}}", "its code may change or answer any request"),
    "AuthorizationPolicy": ("security.istio.io/v1", "{selector: {matchLabels: {app: shop}}}", "every request is treated as allowed"),
    "RequestAuthentication": ("security.istio.io/v1", "{}", "every request is treated as allowed"),
    "TCPRoute": ("gateway.networking.k8s.io/v1", "{rules: [{backendRefs: [{name: a, port: 80}]}]}",
                 "it routes connections and never decides an HTTP request"),
    "Ingress": ("networking.k8s.io/v1", "{rules: [{host: shop}]}",
                "where Istio is its controller, it decides requests for its hosts; it is not part of a decision"),
    "Canary": ("flagger.app/v1beta1", "{targetRef: {name: shop}}",
               "Flagger changes the routes of its VirtualService while a release is under way"),
    "Rollout": ("argoproj.io/v1alpha1", "{strategy: {canary: {trafficRouting: {istio: {virtualService: {name: shop}}}}}}",
                "Argo Rollouts changes the routes of its VirtualService while a release is under way"),
}


def unread(kind, spec=None, name="x", namespace="default"):
    version, default, _ = UNREAD[kind]
    return f"---\napiVersion: {version}\nkind: {kind}\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec: {spec or default}\n"


@pytest.mark.parametrize("kind", UNREAD)
def test_a_kind_that_is_not_evaluated_gets_one_warning_and_blocks_nothing(tmp_path, kind):
    write(tmp_path, {"rules.yaml": RESOURCES, "other.yaml": unread(kind) + unread(kind, name="z")})
    done = run("validate", tmp_path)
    assert done.returncode == 0
    assert findings(done, tmp_path) == [("other.yaml:2", "warning", f"{kind} is not evaluated (2 resources): {UNREAD[kind][2]}")]
    assert decide("-f", tmp_path)["virtual_service"] == "default/shop"
    assert run("validate", "--strict", tmp_path).returncode == 1
    assert run("explain", "--strict", "-f", tmp_path, "http://shop/").returncode == 1


def caveats(rules, *words):
    done = run("route", "-f", "-", "--json", *words, input=rules)
    found = json.loads(done.stdout)["caveats"]
    assert done.returncode == any(sentence.endswith(" need it") for sentence in found), done.stderr
    return found


@pytest.mark.parametrize("kind, spec, namespace, flags, concerned", [
    ("EnvoyFilter", None, "default", (), True),
    ("EnvoyFilter", "{}", "other", (), False),
    ("EnvoyFilter", "{}", "istio-system", (), True),
    ("EnvoyFilter", None, "default", ("--source-label", "app=cart", "--namespace", "cart"), True),
    ("EnvoyFilter", "{workloadSelector: {labels: {app: cart}}}", "default", ("--source-label", "app=other"), False),
    ("EnvoyFilter", "{workloadSelector: {labels: {app: cart}}}", "cart", ("--source-label", "app=cart", "--namespace", "cart"), True),
    ("AuthorizationPolicy", None, "default", (), True),
    ("AuthorizationPolicy", "{selector: {matchLabels: {app: cart}}}", "default", (), False),
    ("AuthorizationPolicy", "{}", "cart", ("--namespace", "cart"), False),
    ("Canary", None, "default", (), True),
    ("Canary", "{service: {name: cart}, targetRef: {name: shop}}", "default", (), False),
    ("Rollout", None, "default", (), True),
    ("Rollout", None, "other", (), False),
    ("ProxyConfig", None, "default", (), False),
])
def test_a_decision_names_what_can_concern_it(kind, spec, namespace, flags, concerned):
    rules = RESOURCES.replace("spec:\n  ports", "spec:\n  selector: {app: shop}\n  ports") + unread(kind, spec, namespace=namespace)
    found = caveats(rules, *flags, "http://shop.default.svc.cluster.local/")
    found += caveats(rules, *flags, "http://shop/") if not flags else []
    said = f"{kind} {namespace}/x (<stdin>:16) is not evaluated: {UNREAD[kind][2]}"
    assert (said in found) == concerned and set(found) <= {said}
    if concerned:
        url = "http://shop.default.svc.cluster.local/" if flags else "http://shop/"
        assert f"caveat       {said}" in run("route", "-f", "-", *flags, url, input=rules).stdout


def test_a_gateway_is_concerned_by_what_selects_its_pods():
    rules = """apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge, namespace: edge}
spec: {selector: {istio: edge}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]}
"""
    flags = ("--gateway", "edge/edge", "http://a/")
    for selector, concerned in [("istio: edge", 1), ("istio: other", 0), ("app: x", 1)]:
        policy = unread("RequestAuthentication", "{selector: {matchLabels: {%s}}}" % selector, namespace="edge")
        assert len(caveats(rules + policy, *flags)) == concerned
    pod = "---\napiVersion: v1\nkind: Pod\nmetadata: {name: e, namespace: edge, labels: {istio: edge, app: e}}\n"
    for selector, concerned in [("istio: edge", 1), ("app: e", 1), ("app: x", 0), ("b: x", 0)]:
        policy = unread("RequestAuthentication", "{selector: {matchLabels: {%s}}}" % selector, namespace="edge")
        assert len(caveats(rules + pod + policy, *flags)) == concerned
    for spec, concerned in [("{targetRefs: [{kind: Gateway, group: gateway.networking.k8s.io, name: edge}]}", 0), ("{}", 1)]:
        assert len(caveats(rules + unread("AuthorizationPolicy", spec, namespace="edge"), *flags)) == concerned, \
            "targetRefs name Gateways of the Gateway API only"
    assert len(caveats(rules + unread("Ingress", "{rules: [{http: {}}]}"), *flags)) == 1


@pytest.mark.parametrize("labelled", ["kind: Namespace\nmetadata: {name: default, labels: {istio.io/use-waypoint: w}}\n",
                                      "kind: Service\nmetadata: {name: shop, labels: {istio.io/use-waypoint: w}}\n"
                                      "spec: {ports: [{name: http, port: 80}]}\n"])
def test_a_waypoint_is_a_caveat(labelled):
    rules = (RULE if "Service" in labelled else RESOURCES) + "---\napiVersion: v1\n" + labelled
    found = caveats(rules, "http://shop/")
    assert len(found) == 1 and "istio.io/use-waypoint" in found[0] and "a waypoint applies the rules" in found[0]


# ---- repositories without Pods ----

def workload(kind, version, spec, name="shop-v1"):
    return f"---\napiVersion: {version}\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {spec}\n"


SELECTING = RESOURCES.replace("spec:\n  ports", "spec:\n  selector: {app: shop}\n  ports")
TEMPLATE = "template: {metadata: {labels: {app: shop, version: v1}}, spec: {containers: [{name: c, image: x}]}}"
SUBSETS = """---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: shop}
spec: {host: shop, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}},
                             {name: here, labels: {version: v1, topology.kubernetes.io/region: r}}]}
"""


def to_subset(subset):
    return SELECTING.replace("{host: shop}", "{host: shop, subset: %s}" % subset) + SUBSETS


@pytest.mark.parametrize("kind, version", [
    ("Deployment", "apps/v1"), ("StatefulSet", "apps/v1"), ("DaemonSet", "apps/v1"), ("ReplicaSet", "apps/v1"), ("Job", "batch/v1"),
    ("CronJob", "batch/v1"), ("Rollout", "argoproj.io/v1alpha1"), ("DeploymentConfig", "apps.openshift.io/v1")])
def test_workloads_stand_behind_a_service(kind, version):
    spec = "{jobTemplate: {spec: {%s}}}" % TEMPLATE if kind == "CronJob" else "{%s}" % TEMPLATE
    rewritten = SELECTING.replace("route:", "rewrite: {uri: /new}\n    route:")
    done = run("route", "-f", "-", "--json", "http://shop/old", input=rewritten + workload(kind, version, spec))
    decision = json.loads(done.stdout)
    assert decision["endpoints_known"] is False and decision["endpoints"] == [] and decision["local_reply"] is None
    assert decision["workloads"] == [{"kind": kind, "name": "default/shop-v1", "source": "<stdin>:17"}]
    assert decision["upstream"]["path"] == "/newold"
    assert run("validate", "-", input=to_subset("v1") + workload(kind, version, spec)).stdout.count("selects no pod") == 1  # v2


@pytest.mark.parametrize("subset, spec, known, names", [
    ("v1", TEMPLATE, False, ["default/shop-v1"]),
    ("here", TEMPLATE, False, ["default/shop-v1"]),
    ("v2", TEMPLATE, True, []),
    ("v1", "replicas: 0, " + TEMPLATE, True, []),
    ("v1", "template: {metadata: {labels: {app: other}}}", False, []),
])
def test_unhealthy_is_said_only_if_the_workloads_show_it(subset, spec, known, names):
    decision = decide("-f", "-", input=to_subset(subset) + workload("Deployment", "apps/v1", "{%s}" % spec))
    assert decision["endpoints_known"] is known and [w["name"] for w in decision["workloads"]] == names
    assert (decision["local_reply"] is not None and decision["local_reply"]["flag"] == "UH") is known
    text = run("route", "-f", "-", "http://shop/", input=to_subset(subset) + workload("Deployment", "apps/v1", "{%s}" % spec)).stdout
    assert ("endpoints    unknown: no Pod and no EndpointSlice is loaded" in text) is not known


def test_pods_make_endpoints_known():
    pod = "---\napiVersion: v1\nkind: Pod\nmetadata: {name: p, labels: {app: other}}\nstatus: {podIP: 10.0.0.1}\n"
    decision = decide("-f", "-", input=SELECTING + workload("Deployment", "apps/v1", "{%s}" % TEMPLATE) + pod)
    assert decision["endpoints_known"] is True and decision["local_reply"]["flag"] == "UH" and decision["workloads"] == []


ENDPOINTS = """---
apiVersion: v1
kind: Endpoints
metadata: {name: shop}
subsets:
- addresses: [{ip: 10.0.0.1, targetRef: {kind: Pod, name: shop-1}}, {ip: 10.0.0.2}]
  notReadyAddresses: [{ip: 10.0.0.3}]
  ports: [{name: http, port: 8080}]
"""


def test_endpoints_of_the_core_group_are_read():
    assert [(e["address"], e["port"], e["name"]) for e in decide("-f", "-", input=RESOURCES + ENDPOINTS)["endpoints"]] == [
        ("10.0.0.1", 8080, "shop-1"), ("10.0.0.2", 8080, None)]
    piece = """---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: shop-x, labels: {kubernetes.io/service-name: shop}}
addressType: IPv4
endpoints: [{addresses: [10.0.0.9]}]
ports: [{name: http, port: 8080}]
"""
    assert [e["address"] for e in decide("-f", "-", input=RESOURCES + ENDPOINTS + piece)["endpoints"]] == ["10.0.0.9"]


@pytest.mark.parametrize("called, flags, said", [
    ("http://shop/", (), "no Service shop in namespace default is loaded; found shop in namespace prod, port 9080, 9090; "
     "the rules of VirtualService default/shop need it"),
    ("http://shop.default.svc.cluster.local/", ("--namespace", "x"),
     "no Service shop in namespace default is loaded; found shop in namespace prod, port 9080, 9090; the rules of VirtualService default/shop need it"),
    ("http://shop.prod:80/", (), "Service shop in namespace prod has no port 80; it has 9080, 9090"),
    ("http://cart/", (), "no Service cart in namespace default is loaded"),
    ("http://shop.prod:9080/", (), None),
    ("http://www.example.org/", (), None),
])
def test_a_call_to_a_service_that_is_not_loaded_says_what_is_missing(called, flags, said):
    elsewhere = SERVICE.replace("namespace: default", "namespace: prod").replace(
        "[{name: http, port: 80}]", "[{name: http, port: 9080}, {name: http-2, port: 9090}]")
    assert caveats(RULE + "---\n" + elsewhere, *flags, called) == ([] if said is None else [said])


def test_a_destination_that_is_not_loaded_says_what_is_missing():
    elsewhere = SERVICE.replace("{name: shop, namespace: default}", "{name: cart, namespace: prod}")
    rules = RESOURCES.replace("{host: shop}", "{host: cart}") + "---\n" + elsewhere
    assert caveats(rules, "http://shop/") == ["no Service cart in namespace default is loaded; found cart in namespace prod, port 80"]
