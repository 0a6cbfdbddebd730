"""Folders and files as real repositories hold them: what is read, what is passed over with a sentence, and that no file keeps the
others from being read."""
import json
import os
import pathlib
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
    """(file:line, severity, message) of each finding."""
    found = []
    for line in (done.stdout + done.stderr).splitlines():
        for severity in ("error", "warning"):
            place, mark, message = line.partition(f": {severity}: ")
            if mark:
                found.append((place.removeprefix(f"{folder}/").rpartition(":")[0], severity, message))
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
    assert f"{tmp_path}:0:0: warning: the folder contains a kustomization, and its files may be parts of resources: " \
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
        ("istio.yaml:2", "warning", f"kind: {kind} is not read: it installs Istio and does not describe routing")]
    assert decide("-f", tmp_path)["virtual_service"] == "default/shop"
