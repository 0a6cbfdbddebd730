"""The program `headerroute` as a person or a script meets it: exit codes, where what is printed, and what it says
of flags, files and input that are wrong."""
import json
import os
import pathlib
import re
import subprocess
import sys
import xml.etree.ElementTree

import jsonschema
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "conformance"))
import replay  # noqa: E402
PROGRAM = pathlib.Path(os.environ["HR_BUILD_DIR"]) / "bin" / "headerroute"
RULES = "tests/headerroute/fixtures/two-proxies.yaml"
URL = "http://proxy-server:5000/predict"
CASES = """testCases:
- description: the header chooses
  wantMatch: true
  request: {authority: [proxy-server.default.svc.cluster.local], method: [POST], uri: [/predict], headers: {target: condition1}}
  route: [{destination: {host: proxy-server, subset: proxy-pod-subset1}}]
- description: a case that fails
  wantMatch: true
  request: {authority: [proxy-server.default.svc.cluster.local], method: [GET], uri: [/], headers: {}}
  route: [{destination: {host: proxy-server, subset: proxy-pod-subset1}}]
"""

def run(*words, **more):
    return subprocess.run([PROGRAM, *map(str, words)], cwd=ROOT, text=True, capture_output=True, timeout=120, **more)


def one_line(text):
    return text.endswith("\n") and text.count("\n") == 1


# ---- wrong command lines: one sentence, exit 2, nothing on stdout ----

@pytest.mark.parametrize("words, said", [
    ([], "usage: headerroute COMMAND"),
    (["rout"], "there is no command 'rout'"),
    (["--frobnicate"], "--frobnicate"),
    (["validate"], "no"),
    (["validate", "--frobnicate", RULES], "--frobnicate"),
    (["route"], "no configuration: give -f PATH"),
    (["route", "-f"], "-f"),
    (["route", "-f", RULES], "no URL"),
    (["route", "-f", RULES, URL, URL], "more than one URL"),
    (["route", "-f", RULES, "--body-header", "x-model", URL], "--body-header: expected NAME=PATH, not 'x-model'"),
    (["route", "-f", RULES, "--body-header", "x=model", URL], "--body-header: expected $.MEMBER"),
    (["route", "-f", RULES, "--body", "/dev/null", URL], "--body needs --body-header"),
    (["route", "-f", RULES, "--batch", "-", "--body", "/dev/null"], "--batch takes no URL"),
    (["route", "-f", "-", "--body", "-", "--body-header", "x=$.a", URL], "standard input (-) can be read only once"),
    (["route", "-f", RULES, "ftp://a/"], "the URL's scheme is neither http nor https: 'ftp://a/'"),
    (["route", "-f", RULES, "http:///x"], "the URL names no host"),
    (["route", "-f", RULES, "--port", "0", URL], "--port: expected a number from 1 to 65535"),
    (["route", "-f", RULES, "--port", "65536", URL], "--port: expected a number from 1 to 65535"),
    (["route", "-f", RULES, "--port", "80x", URL], "--port: expected a number from 1 to 65535"),
    (["route", "-f", RULES, "--random", "1", URL], "--random"),
    (["route", "-f", RULES, "--random", "-0.1", URL], "--random"),
    (["route", "-f", RULES, "--random", "nan", URL], "--random"),
    (["route", "-f", RULES, "--outbound-policy", "some", URL], "--outbound-policy"),
    (["route", "-f", RULES, "--path-normalization", "some", URL], "--path-normalization"),
    (["route", "-f", RULES, "--repeated-headers", "some", URL], "--repeated-headers"),
    (["route", "-f", RULES, "--source-label", "nothing", URL], "--source-label"),
    (["route", "-f", RULES, "-H", "nothing", URL], "a header is written 'Name: value'"),
    (["route", "-f", RULES, "-H", ":path: /", URL], "a pseudo header is not allowed here"),
    (["route", "-f", RULES, "--batch", "-", URL], "--batch takes no URL"),
    (["route", "-f", RULES, "--batch", "-", "-H", "a: b"], "--batch takes no URL"),
    (["route", "-f", RULES, "--batch", "-", "-X", "GET"], "--batch takes no URL"),
    (["explain", "-f", RULES, "--batch", "-"], "batch"),
    (["test", "-f", RULES], "no"),
    (["test"], "no file of test cases"),
    (["diff", RULES, RULES, "--trusted-proxies", "1"], "diff takes no --trusted-proxies: what it proves is about proxies that trust none"),
    (["diff", RULES, RULES, "--peer-address", "9.9.9.9"], "diff takes no --peer-address"),
    (["explain", "--order", "-f", RULES, "--peer-address", "9.9.9.9"], "--order takes no --peer-address"),
    (["explain", "--order", "-f", RULES, "--trusted-proxies", "2"], "--order takes no --trusted-proxies"),
    (["test", "-f", RULES, "--generate", "--trusted-proxies", "2"], "--generate takes no --trusted-proxies"),
    (["replay", "-f", RULES, "--peer-address", "9.9.9.9", "/dev/null"], "replay takes no --peer-address"),
])
def test_a_wrong_command_line_is_one_sentence_and_exit_2(words, said):
    done = run(*words, stdin=subprocess.DEVNULL)
    assert done.returncode == 2 and done.stdout == ""
    assert said in done.stderr
    assert not words or one_line(done.stderr)


# ---- files that are missing, empty, folders, unreadable or huge: exit 1 and a sentence with the name ----

@pytest.fixture(params=["validate", "route", "explain", "test"])
def loading(request, tmp_path):
    """Runs each command that loads a configuration over a path."""
    cases = tmp_path / "cases.yaml"
    cases.write_text("testCases: []\n")
    return lambda path: run(*{"validate": ["validate", path], "route": ["route", "-f", path, URL],
                              "explain": ["explain", "-f", path, URL], "test": ["test", "-f", path, cases]}[request.param])


def refused(done, said):
    out = done.stdout + done.stderr
    return done.returncode == 1 and said in out and "Traceback" not in out


def test_a_missing_file_is_reported(loading, tmp_path):
    assert refused(loading(tmp_path / "none.yaml"), f"{tmp_path}/none.yaml: error: cannot be read: No such file or directory")


def test_folder_without_yaml(loading, tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()
    (folder / "notes.txt").write_text("no resource")
    done = loading(folder)
    assert f"{folder}: warning: the folder contains no *.yaml, *.yml or *.json file" in done.stdout + done.stderr
    assert refused(done, f"{folder}: error: contains no Kubernetes resource")


def test_file_that_is_no_yaml(loading, tmp_path):
    (tmp_path / "picture.yaml").write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(range(256)))
    (tmp_path / "service.yaml").write_text("apiVersion: v1\nkind: Service\nmetadata: [\n")
    assert "picture.yaml:1:1: warning: not a Kubernetes resource, not read: not valid YAML: " in (
        lambda done: done.stdout + done.stderr)(loading(tmp_path / "picture.yaml"))
    assert refused(loading(tmp_path / "service.yaml"), "service.yaml:4:1: error: not valid YAML: ")


def test_device_that_never_ends(loading):
    assert refused(loading("/dev/zero"), "/dev/zero")


def test_a_huge_file_is_refused(loading, tmp_path):
    with open(tmp_path / "huge.yaml", "wb") as f:
        f.truncate(65 << 20)
    assert refused(loading(tmp_path / "huge.yaml"), "huge.yaml: error: is larger than the limit of 67108864 bytes")


@pytest.mark.parametrize("path, why", [("/proc/self/mem", "Input/output error"), (RULES + "/x.yaml", "Not a directory")])
def test_file_that_cannot_be_read(loading, path, why):
    assert refused(loading(path), f"{path}: error: ") and why in loading(path).stdout + loading(path).stderr


def test_empty_file_has_nothing_to_evaluate(tmp_path):
    (tmp_path / "empty.yaml").write_text("")
    said = f"{tmp_path}/empty.yaml: %s: contains no Kubernetes resource: nothing to evaluate"
    done = run("validate", tmp_path / "empty.yaml")
    assert done.returncode == 0 and said % "warning" in done.stdout
    assert refused(run("route", "-f", tmp_path / "empty.yaml", "--json", "http://a/"), said % "error")


@pytest.mark.parametrize("text", ["apiVersion: v1\nmetadata: {name: a}\n", "a: [\napiVersion: v1\nkind: Service\n",
                                  "apiVersion: rbac.istio.io/v1alpha1\nkind: ServiceRole\nmetadata: {name: a}\n"])
def test_an_error_says_why_a_file_has_nothing_to_evaluate(loading, tmp_path, text):
    (tmp_path / "one.yaml").write_text(text)
    done = loading(tmp_path / "one.yaml")
    assert refused(done, "one.yaml:") and "contains no Kubernetes resource" not in done.stdout + done.stderr


@pytest.mark.parametrize("to", [">/dev/full", ">&-"])
@pytest.mark.parametrize("words", [["route", "-f", RULES, "--json", URL], ["explain", "-f", RULES, URL], ["explain", "--order", "-f", RULES],
                                   ["validate", RULES], ["diff", RULES, RULES], ["diff", "--json", RULES, RULES],
                                   ["diff", "--format", "sarif", RULES, RULES], ["convert", "--to", "gateway-api", "-f", RULES],
                                   ["replay", "-f", RULES, "/dev/null"], ["test", "-f", RULES, "CASES"], ["test", "-f", RULES, "--generate"],
                                   ["diff", "--help"], ["--help"], ["--version"]], ids=" ".join)
def test_output_that_cannot_be_written_is_exit_2_of_every_command(tmp_path, words, to):
    """1 would be the answer that something differs or fails."""
    (tmp_path / "cases.yaml").write_text("testCases: [{description: a, wantMatch: false, inputs: [{authority: [no.such.test], method: [GET], uri: [/]}]}]\n")
    words = [str(tmp_path / "cases.yaml") if w == "CASES" else str(w) for w in words]
    done = subprocess.run(["sh", "-c", f'exec "$0" "$@" {to}', PROGRAM, *words], cwd=ROOT, text=True, stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == 2 and done.stderr.endswith("headerroute: cannot write the output\n")


def test_a_file_never_takes_the_place_of_a_closed_output(tmp_path):
    (tmp_path / "cases.yaml").write_text("testCases: [{description: a, wantMatch: false, inputs: [{authority: [no.such.test], method: [GET], uri: [/]}]}]\n")
    done = subprocess.run(["sh", "-c", 'exec "$0" "$@" >&-', PROGRAM, "test", "-f", RULES, "--junit", tmp_path / "junit.xml", tmp_path / "cases.yaml"],
                          cwd=ROOT, text=True, stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == 2 and (tmp_path / "junit.xml").read_text().rstrip().endswith("</testsuites>")


# ---- validate ----

FINDING = re.compile(r"^(.+):(\d+):(\d+): (error|warning): ([\w.\[\]*-]+): .+$")


def test_findings_have_place_field_and_sentence(tmp_path):
    text = (ROOT / RULES).read_text().replace("exact: condition1", "exat: condition1")
    (tmp_path / "wrong.yaml").write_text(text)
    done = run("validate", tmp_path / "wrong.yaml")
    found = [FINDING.match(line) for line in done.stdout.splitlines()]
    assert done.returncode == 1 and all(found)
    wrong = [m for m in found if m[4] == "error"]
    line = next(i for i, t in enumerate(text.splitlines(), 1) if "exat" in t)
    assert [(m[1], int(m[2]), m[5]) for m in wrong] == [
        (str(tmp_path / "wrong.yaml"), line, "spec.http[0].match[0].headers[target].exat")]


def test_warnings_alone_are_no_failure_but_with_strict():
    assert "warning: " in run("validate", RULES).stdout
    assert run("validate", RULES).returncode == 0
    assert run("validate", "--strict", RULES).returncode == 1
    assert run("validate", "--no-lint", RULES).returncode == 0


# ---- route, explain ----

def test_route_says_which_rule_and_where():
    done = run("route", "-f", RULES, "-X", "POST", "-H", "target: condition1", URL)
    assert done.returncode == 0 and done.stderr == ""
    assert "default/proxy-server  http[0].match[0]" in done.stdout and RULES + ":" in done.stdout
    assert "proxy-pod-subset1" in done.stdout


def test_route_names_both_places_of_a_delegated_rule():
    """The index of the delegate's rule is not one of the VirtualService with the host."""
    done = run("route", "-f", "tests/headerroute/test-command/delegated-rules.yaml", "--namespace", "web", "http://www.example.com/users/1")
    file = "tests/headerroute/test-command/delegated-rules.yaml"
    assert re.search(rf"rule         web/root  http\[1\]  {file}:\d+\ndelegate     users/users  http\[1\]  {file}:30\n", done.stdout)
    done = run("explain", "-f", "tests/headerroute/test-command/delegated-rules.yaml", "--namespace", "web", "http://www.example.com/users/1")
    assert "miss  users/users http[0].match[0] " in done.stdout and "MATCH users/users http[1] " in done.stdout


def test_a_delegated_rule_that_inherits_its_match_has_its_own_place(tmp_path):
    rules = tmp_path / "rules.yaml"
    rules.write_text("""apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: root}
spec:
  hosts: [a.com]
  http:
  - match: [{uri: {prefix: /a}}]
    delegate: {name: leaf}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: leaf}
spec:
  http:
  - {directResponse: {status: 200}}
""")
    d = json.loads(run("route", "--json", "-f", rules, "http://a.com/a").stdout)
    assert (d["route_index"], d["match_index"], d["source"]) == (0, None, f"{rules}:15")
    assert (d["root_route_index"], d["root_source"]) == (0, f"{rules}:7")


def test_explain_names_a_virtual_service_whose_host_another_one_has(tmp_path):
    rules = tmp_path / "rules.yaml"
    one = """apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: %s}
spec: {hosts: [a.com], http: [{directResponse: {status: 200}}]}
"""
    rules.write_text(one % "first" + "---\n" + one % "second")
    done = run("explain", "-f", rules, "http://a.com/")
    assert f"not in this view: default/second ({rules}:6): for a.com another VirtualService comes first" in done.stdout


def test_explain_says_why_the_rule_of_a_delegate_is_dropped():
    done = run("explain", "-f", "tests/headerroute/fixtures/delegate-conflict.yaml", "http://app.example.com/m/1")
    assert ("not in this view: default/d http[0] (tests/headerroute/fixtures/delegate-conflict.yaml:16): its match conflicts with that of "
            "the rule that delegates to it") in done.stdout
    assert "not in this view: default/root http[1] " in done.stdout and "its delegate is not loaded, has hosts, or" in done.stdout


def entry(name, year, resolution, address):
    listed = f", endpoints: [{{address: {address}, labels: {{version: {name}}}}}]" if address else ""
    return (f"apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: {name}, creationTimestamp: '{year}-01-01T00:00:00Z'}}\n"
            f"spec: {{hosts: [x.com], ports: [{{number: 80, name: http, protocol: HTTP}}], resolution: {resolution}{listed}}}\n---\n")


@pytest.mark.parametrize("older,newer,expected", [
    (("STATIC", "10.0.0.1"), ("STATIC", "10.0.0.2"), ["10.0.0.1", "10.0.0.2"]),
    (("STATIC", "10.0.0.1"), ("DNS", "10.0.0.2"), ["10.0.0.1", "10.0.0.2"]),
    (("STATIC", "10.0.0.1"), ("DNS", "b.org"), ["10.0.0.1"]),  # a list of addresses takes no name
    (("STATIC", "10.0.0.1"), ("DNS_ROUND_ROBIN", "10.0.0.2"), ["10.0.0.1"]),
    (("DNS", "a.org"), ("STATIC", "10.0.0.2"), ["10.0.0.2", "a.org"]),
    (("DNS", None), ("STATIC", "10.0.0.2"), ["10.0.0.2", "x.com"]),
    (("DNS", "a.org"), ("DNS", "b.org"), ["a.org", "b.org"]),
    (("DNS", "a.org"), ("DNS_ROUND_ROBIN", "b.org"), ["a.org"]),
    (("DNS_ROUND_ROBIN", "a.org"), ("STATIC", "10.0.0.2"), ["10.0.0.2", "a.org"]),
    (("DNS_ROUND_ROBIN", "a.org"), ("DNS", "b.org"), ["a.org", "b.org"]),
    (("DNS_ROUND_ROBIN", "a.org"), ("DNS_ROUND_ROBIN", "b.org"), ["a.org"]),
    (("NONE", None), ("STATIC", "10.0.0.2"), ["10.0.0.2"]),
    (("NONE", None), ("DNS", "10.0.0.2"), ["10.0.0.2"]),
])
def test_service_entries_of_one_host_share_their_endpoints(older, newer, expected):
    """At a Gateway, as Istio's control plane has them in the cluster of the older one."""
    rules = entry("a", 2025, *older) + entry("b", 2026, *newer) + """apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: g}
spec: {selector: {istio: g}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: v}
spec: {hosts: [y.com], gateways: [g], http: [{route: [{destination: {host: x.com}}]}]}
"""
    done = run("route", "-f", "-", "--gateway", "default/g", "--json", "http://y.com/", input=rules)
    assert sorted(e["address"] for e in json.loads(done.stdout)["endpoints"]) == expected


MISTAKES = """apiVersion: v1
kind: Service
metadata: {name: shop}
spec: {selector: {app: shop}, ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: shop-1, labels: {app: shop, version: v1}}
status: {podIP: 10.0.0.1}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: shop}
spec:
  host: shop
  trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: x-user}}}
  subsets: [{name: v1, labels: {version: v1}}, {name: empty, labels: {version: v9}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop]
  http:
  - match: [{uri: {prefix: /subset}}]
    route: [{destination: {host: shop, subset: v2}}]
  - match: [{uri: {prefix: /host}}]
    route: [{destination: {host: nowhere}}]
  - match: [{uri: {prefix: /empty}}]
    route: [{destination: {host: shop, subset: empty}}]
  - match: [{uri: {prefix: /slashes}}]
    rewrite: {uri: /}
    route: [{destination: {host: shop}, weight: 50}, {destination: {host: shop, subset: v1}, weight: 50}]
  - route: [{destination: {host: shop}}]
"""


@pytest.mark.parametrize("path,reply,said", [
    ("subset", "503 NC", [("reason", "subset-unknown")]),
    ("host", "503 NC", [("reason", "host-unknown")]),
    ("empty", "503 UH", [("reason", "subset-empty")]),
    ("slashes", None, [("warning", "double-slash"), ("warning", "hash-behind-weights")]),
    ("", None, []),
])
def test_explain_gives_the_findings_about_the_rule_that_decides(tmp_path, path, reply, said):
    """The sentences are those of `validate`; those about other rules of the VirtualService are left out."""
    rules = tmp_path / "rules.yaml"
    rules.write_text(MISTAKES)
    for words in [(), ("--json",), ("--strict",)]:
        done = run("explain", "-f", rules, *words, f"http://shop/{path}")
        assert done.returncode == 0, done.stderr
        found = [line for line in done.stdout.splitlines() if re.match(r"(reason|warning)  ", line)]
        assert [(line.split()[0], re.search(r" \[([a-z0-9-]+)\]  ", line)[1]) for line in found] == said
        assert words == ("--json",) or (f"reply        {reply}" in done.stdout) == (reply is not None)
    warnings = run("validate", rules).stdout
    for line in found:
        field, sentence = re.match(r"\w+ +(\S+): (.*\])  ", line).groups()
        assert f"warning: {field}: {sentence}\n" in warnings


def test_route_says_nothing_of_findings(tmp_path):
    rules = tmp_path / "rules.yaml"
    rules.write_text(MISTAKES)
    done = run("route", "-f", rules, "http://shop/subset")
    assert "subset-unknown" not in done.stdout + done.stderr


ROLLOUT = """apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: shop}
spec:
  selector: {matchLabels: {app: shop}}
  template: {metadata: {labels: {app: shop}}, spec: {containers: [{name: c, image: x}]}}
  strategy:
    canary:
      stableService: stable
      canaryService: canary
      trafficRouting:
        managedRoutes: [{name: beta}, {name: copies}]
        istio: {virtualService: {name: shop, routes: [primary]}}
      steps:
      - setHeaderRoute: {name: beta, match: [{headerName: x-beta, headerValue: {exact: 'yes'}}]}
      - setWeight: 20
      - setMirrorRoute: {name: copies, percentage: 35, match: [{path: {prefix: /a}, method: {exact: GET}}]}
      - setHeaderRoute: {name: beta}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop]
  http:
  - name: primary
    route: [{destination: {host: stable}, weight: 100}, {destination: {host: canary}, weight: 0}]
"""
for name in ("shop", "stable", "canary"):
    ROLLOUT += f"---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{ports: [{{name: http, port: 80}}]}}\n"


@pytest.mark.parametrize("step,rules", [
    ("1", "step 1 of 4: VirtualService shop has http[0] beta -> canary 100; http[1] primary -> stable 100, canary 0"),
    ("2", "step 2 of 4: VirtualService shop has http[0] beta -> canary 100; http[1] primary -> stable 80, canary 20"),
    ("3", "step 3 of 4: VirtualService shop has http[0] beta -> canary 100; http[1] copies -> stable 80, canary 20, mirror canary; "
          "http[2] primary -> stable 80, canary 20"),
    ("4", "step 4 of 4: VirtualService shop has http[0] copies -> stable 80, canary 20, mirror canary; http[1] primary -> stable 80, canary 20"),
    ("5", "complete, after step 4 of 4: VirtualService shop has http[0] primary -> stable 100, canary 0"),
    (None, "step 4 of 4: VirtualService shop has http[0] copies -> "),
])
def test_the_steps_of_a_rollout_are_shown_and_evaluated(step, rules):
    def decide(*words):
        done = run("route", "-f", "-", "--expand", "rollouts", *(("--rollout-step", step) if step else ()), "--json", *words, input=ROLLOUT)
        assert done.returncode == 0, done.stderr
        assert f"warning: Rollout default/shop, {rules}" in done.stderr
        return json.loads(done.stdout)
    beta = decide("-H", "x-beta: yes", "http://shop/")
    assert (beta["destination"]["host"] == "canary.default.svc.cluster.local") == (step in ("1", "2", "3"))
    share = decide("--random", "0.85", "http://shop/b")
    assert (share["destination"]["host"] == "canary.default.svc.cluster.local") == (step in ("2", "3", "4", None))
    mirrored = decide("http://shop/a")["mirrors"]
    assert [m["percentage"] for m in mirrored] == ([35] if step in ("3", "4", None) else [])


def test_a_rollout_is_expanded_only_if_asked():
    done = run("route", "-f", "-", "-H", "x-beta: yes", "http://shop/", input=ROLLOUT)
    assert "Rollout is not evaluated" in done.stderr and "destination  stable." in done.stdout
    assert run("route", "-f", "-", "--expand", "canaries", "http://shop/", input=ROLLOUT).returncode == 2
    assert run("route", "-f", "-", "--rollout-step", "0", "http://shop/", input=ROLLOUT).returncode == 2


def test_a_rollout_that_the_controller_refuses_changes_nothing():
    broken = ROLLOUT.replace("routes: [primary]", "routes: [other]")
    done = run("route", "-f", "-", "--expand", "rollouts", "-H", "x-beta: yes", "http://shop/", input=broken)
    assert "the controller refuses VirtualService shop: it lacks a route that the Rollout names" in done.stderr
    assert "destination  stable." in done.stdout


CANARY = """apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: podinfo}
spec:
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: podinfo}
  service:
    port: 80
    gateways: [mesh]
    match: [{uri: {prefix: /api}}, {uri: {prefix: /}}]
    timeout: 5s
    trafficPolicy: {loadBalancer: {simple: RANDOM}}
  analysis:
    interval: 1m
%s
"""
AB = """    iterations: 3
    match:
    - headers: {x-canary: {regex: .*insider.*}}
    - headers: {cookie: {exact: canary=always}}
      uri: {prefix: /ignored}
"""


def of_canary(analysis, *words, step=None, more=""):
    done = run("route", "-f", "-", "--expand", "rollouts", *(("--rollout-step", str(step)) if step else ()), "--json", *words,
               input=CANARY % analysis + more)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


def called(decision):
    return decision["destination"]["host"].split(".")[0]


@pytest.mark.parametrize("step,canary", [(1, True), (3, True), (4, False), (None, True)])
def test_the_conditions_of_a_canary_are_evaluated(step, canary):
    insider, said = of_canary(AB, "-H", "x-canary: an insider", "http://podinfo/api/x", step=step)
    assert called(insider) == ("podinfo-canary" if canary else "podinfo-primary")
    assert insider["timeout_ms"] == 5000
    assert ("step %s of 3" % (step or 3) if canary else "complete, after step 3 of 3") + ": VirtualService podinfo has http[0]" in said
    others, _ = of_canary(AB, "-H", "x-canary: other", "http://podinfo/", step=step)
    assert called(others) == "podinfo-primary" and others["route_index"] == 1
    plain, _ = of_canary(AB, "http://podinfo/", step=step)
    assert plain["load_balancer"] == "RANDOM" and not plain["endpoints_known"]


@pytest.mark.parametrize("analysis,weights", [
    ("    stepWeight: 20\n    maxWeight: 50", [20, 40, 60, 0]),
    ("    stepWeights: [1, 10, 80]", [1, 10, 80, 0, 0]),
    ("    stepWeights: [1, 10, 80]\n    stepWeightPromotion: 50", [1, 10, 80, 30, 0]),
    ("    stepWeight: 50\n    mirror: true\n    mirrorWeight: 10", [0, 50, 100, 0]),
    ("    iterations: 2\n    mirror: true", [0, 0, 100, 0]),
])
def test_a_canary_has_the_weights_of_its_step(analysis, weights):
    for step, weight in enumerate(weights, 1):
        low, said = of_canary(analysis, "--random", str(max(weight - 0.1, 0) / 100), "http://podinfo/", step=step)
        split = f"podinfo-primary {100 - weight}, podinfo-canary {weight}"
        assert split in said
        below, _ = of_canary(analysis, "--random", str((100 - weight - 0.1 if weight < 100 else 0) / 100), "http://podinfo/", step=step)
        assert called(below) == ("podinfo-canary" if weight == 100 else "podinfo-primary")
        mirrored = "mirror: true" in analysis and weight == 0 and step < len(weights)
        assert len(low["mirrors"]) == mirrored
        if mirrored and "mirrorWeight" in analysis:
            assert low["mirrors"][0]["percentage"] == 10


def test_a_canary_has_the_cookies_of_its_step():
    affinity = "    stepWeight: 20\n    sessionAffinity: {cookieName: flagger, maxAge: 60, secure: true, primaryCookieName: stay}"
    status = "status: {phase: Progressing, canaryWeight: 40, sessionAffinityCookie: flagger=ABC}\n"
    bound, said = of_canary(affinity, "-H", "cookie: a=1; flagger=ABC", "http://podinfo/", more=status)
    assert called(bound) == "podinfo-canary" and "step 2 of 5" in said
    first, _ = of_canary(affinity, "--random", "0.9", "http://podinfo/", more=status)
    assert [level["add"] for level in first["response_headers"]] == [[["Set-Cookie", "flagger=ABC; Max-Age=60; Secure"]]]
    stays, _ = of_canary(affinity, "--random", "0.9", "-H", "cookie: stay=abcdefghij", "http://podinfo/", more=status)
    assert called(stays) == "podinfo-primary"
    gone, _ = of_canary(affinity, "-H", "cookie: flagger=ABC", "http://podinfo/", step=9, more=status)
    assert called(gone) == "podinfo-primary" and gone["response_headers"][0]["add"] == [["Set-Cookie", "flagger=ABC; Max-Age=-1"]]


def test_a_canary_takes_the_place_of_the_virtual_service_of_its_name():
    loaded = """---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: podinfo}
spec: {hosts: [podinfo], http: [{name: mine, route: [{destination: {host: elsewhere}}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: podinfo}
spec: {ports: [{name: http, port: 80}]}
"""
    decision, _ = of_canary(AB, "http://podinfo/", step=1, more=loaded)
    assert decision["virtual_service"] == "default/podinfo" and called(decision) == "podinfo-primary"
    done = run("route", "-f", "-", "http://podinfo/", input=CANARY % AB + loaded)
    assert "elsewhere" in done.stdout and "Canary is not evaluated" in done.stderr


def test_a_canary_replaces_the_destination_rules_of_its_names():
    """Flagger overwrites the spec of a DestinationRule that has the name of one of its own; one of another name stays, and
    counts before Flagger's if it is older."""
    canary = (CANARY % AB).replace("metadata: {name: podinfo}", 'metadata: {name: podinfo, creationTimestamp: "2024-01-01T00:00:00Z"}')
    rule = """---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: %s, creationTimestamp: "2020-01-01T00:00:00Z"}
spec: {host: podinfo-primary, trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}}
"""
    for name, balancer in (("podinfo-primary", "RANDOM"), ("mine", "ROUND_ROBIN")):
        done = run("route", "-f", "-", "--expand", "rollouts", "--json", "http://podinfo/", input=canary + rule % name)
        decision = json.loads(done.stdout)
        assert called(decision) == "podinfo-primary" and decision["load_balancer"] == balancer, name


@pytest.mark.parametrize("phase,said", [
    ("", "step 3 of 3"), ("Progressing", "step 3 of 3"), ("Waiting", "step 3 of 3"), ("WaitingPromotion", "step 3 of 3"),
    ("Promoting", "step 3 of 3"), ("Succeeded", "complete, after step 3 of 3"), ("Failed", "complete, after step 3 of 3"),
])
def test_the_phase_of_a_canary_says_whether_it_is_under_way(phase, said):
    _, printed = of_canary(AB, "http://podinfo/", more="status: {phase: '%s'}\n" % phase)
    assert "podinfo, " + said in printed


@pytest.mark.parametrize("analysis,why", [
    ("    iterations: 1\n  provider: kubernetes", "its provider is not istio"),
    ("    sessionAffinity: {cookieName: a, primaryCookieName: b}\n    interval: soon", "refuses primaryCookieName without an interval"),
    ("    match: [" + "{uri: {prefix: /}}, " * 600 + "]\n    iterations: 1", "its conditions have too many combinations"),
])
def test_a_canary_that_is_not_expanded_says_why(analysis, why):
    text = CANARY % analysis
    if "interval: soon" in analysis:
        text = text.replace("    interval: 1m\n", "")
    done = run("route", "-f", "-", "--expand", "rollouts", "http://podinfo/", input=text)
    assert "Canary default/podinfo is not expanded: " in done.stderr and why in done.stderr


def test_explain_names_the_condition_that_failed_with_its_value():
    done = run("explain", "-f", RULES, "-H", "target: other", URL)
    assert done.returncode == 0
    assert re.search(r'no  headers\[target\]: expected exact: condition1, got "other"', done.stdout)
    assert "proxy-pod-subset2" in done.stdout


def test_as_with_curl_the_url_says_the_port_and_host_the_name():
    ask = lambda host, url: json.loads(run("route", "-f", RULES, "--json", "-H", "Host: " + host, url).stdout)  # noqa: E731
    assert ask("proxy-server:9999", URL)["destination"]["subset"] == "proxy-pod-subset2"
    assert ask("proxy-server:5000", "http://proxy-server:9999/")["destination"] is None
    assert ask("proxy-server", "http://10.0.0.1:5000/")["destination"]["subset"] == "proxy-pod-subset2"


def test_a_gateway_that_is_not_loaded_is_reported():
    done = run("route", "-f", RULES, "--gateway", "default/none", URL)
    assert done.returncode == 1 and "there is no Gateway default/none" in done.stderr and one_line(done.stderr)


# ---- batches ----

def batch(text, *more):
    done = run("route", "-f", RULES, *more, "--batch", "-", input=text)
    return done, [json.loads(line) for line in done.stdout.splitlines()]


def test_a_batch_answers_line_by_line_and_goes_on_after_a_malformed_one():
    good = json.dumps({"authority": "proxy-server:5000", "path": "/", "headers": [["target", "condition1"]]})
    done, answers = batch("\n".join([good, "{", '{"path": "/"}', '{"authority": "a", "path": "/", "no": 1}', "[]",
                                     '{"authority": "a", "path": "x"}',
                                     '{"authority": "a", "path": "/", "headers": [[":path", "/b"]]}', good]) + "\n")
    assert done.returncode == 0 and len(answers) == 8
    assert answers[0] == answers[7] and answers[0]["destination"]["subset"] == "proxy-pod-subset1"
    assert all(list(a) == ["error"] and len(a["error"]) > 5 for a in answers[1:7])


def test_a_batch_without_lines_or_without_the_last_line_break():
    assert batch("")[0].returncode == 0 and batch("")[1] == []
    assert batch('{"authority":"proxy-server:5000","path":"/"}')[1][0]["action"] == "route"


def test_a_line_of_a_megabyte():
    done, answers = batch(json.dumps({"authority": "proxy-server:5000", "path": "/" + "x" * (1 << 20)}) + "\n")
    assert done.returncode == 0 and answers[0]["virtual_service"] == "default/proxy-server"


def test_a_batch_file_that_is_missing():
    done = run("route", "-f", RULES, "--batch", "none.jsonl")
    assert done.returncode == 1 and "none.jsonl: No such file or directory" in done.stderr and one_line(done.stderr)


def test_a_batch_that_cannot_be_read(tmp_path):
    done = run("route", "-f", RULES, "--batch", tmp_path)
    assert done.returncode == 1 and done.stderr == f"headerroute route: {tmp_path}: cannot be read\n" and done.stdout == ""


@pytest.mark.parametrize("vectors", sorted((ROOT / "tests/conformance/vectors").glob("*.jsonl")), ids=lambda p: p.stem)
def test_decisions_are_those_of_the_schema(vectors):
    with open(ROOT / "docs" / "decision.schema.json", encoding="utf-8") as f:
        schema = jsonschema.Draft202012Validator(json.load(f))
    answers = 0
    for _, yaml, reject, cases in replay.read(vectors):
        if reject is None:
            for answer in replay.ask(PROGRAM, yaml, [request for _, request, _ in cases]):
                schema.validate(answer)
                answers += 1
    assert answers > 0 or vectors.stem == "refused"


# ---- test ----

def test_tap_and_junit_say_the_same(tmp_path):
    (tmp_path / "cases.yaml").write_text(CASES)
    done = run("test", "-f", RULES, "--junit", tmp_path / "out.xml", tmp_path / "cases.yaml")
    lines = done.stdout.splitlines()
    assert done.returncode == 1
    assert "1..2" in lines
    results = [re.match(r"(not )?ok (\d+) - (.*)$", line) for line in lines]
    results = [(m[1] is None, int(m[2]), m[3]) for m in results if m]
    assert [(ok, n) for ok, n, _ in results] == [(True, 1), (False, 2)]
    # TAP: besides the plan and the results only comments and indented YAML.
    assert all(line == "1..2" or line.startswith(("ok ", "not ok ", "#", "  ", "TAP version")) for line in lines)
    suites = xml.etree.ElementTree.parse(tmp_path / "out.xml").getroot()
    suite = suites if suites.tag == "testsuite" else suites[0]
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    found = suite.findall("testcase")
    assert [c.get("name") in r[2] for c, r in zip(found, results)] == [True, True]
    assert [len(c.findall("failure")) for c in found] == [0, 1]


def test_texts_of_a_case_stay_texts_in_tap(tmp_path):
    """A TAP reader takes "not ok 1 - x # SKIP" for no failure; a '#' of a description is written with a backslash.
    Line breaks, which could begin a result of their own, are blanks."""
    failing = CASES[CASES.index("- description: a case"):]
    failing = failing.replace("a case that fails", r'"a # SKIP\nok 2 \\"').replace("uri: [/]", r'uri: ["/\nok 3"]')
    (tmp_path / "cases.yaml").write_text("testCases:\n" + failing)
    done = run("test", "-f", RULES, tmp_path / "cases.yaml")
    version, plan, result, why, summary = done.stdout.splitlines()
    assert done.returncode == 1 and (version, plan) == ("TAP version 13", "1..1")
    assert result == r"not ok 1 - a \# SKIP ok 2 \\" and why.startswith("# ") and " ok 3" in why
    assert summary == "# 0 passed, 1 failed"


def test_cases_that_pass_exit_0(tmp_path):
    (tmp_path / "cases.yaml").write_text(CASES.split("- description: a case that fails")[0])
    done = run("test", "-f", RULES, tmp_path / "cases.yaml")
    assert done.returncode == 0 and done.stdout.splitlines()[-1].startswith(("ok 1", "1..1", "# "))


@pytest.mark.parametrize("text, said", [
    ("testCases: {a: b}\n", "testCases"),
    ("testCases:\n- {description: x, wantMatch: true, request: {authority: [a]}, rute: []}\n", "rute"),
    ("testCases: [\n", "cases.yaml"),
])
def test_files_of_cases_that_are_wrong_fail(tmp_path, text, said):
    (tmp_path / "cases.yaml").write_text(text)
    done = run("test", "-f", RULES, tmp_path / "cases.yaml")
    assert done.returncode != 0 and said in done.stdout + done.stderr


def test_junit_file_that_cannot_be_written(tmp_path):
    (tmp_path / "cases.yaml").write_text(CASES)
    done = run("test", "-f", RULES, "--junit", tmp_path / "no" / "out.xml", tmp_path / "cases.yaml")
    assert done.returncode != 0 and "out.xml" in done.stderr


# ---- facts of the connection ----

EDGE = """
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gw}
spec: {selector: {istio: ingress}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: a}
spec:
  hosts: ['*']
  gateways: [gw]
  http:
  - name: plain
    match: [{headers: {x-forwarded-proto: {exact: http}, target: {exact: a}}}]
    redirect: {scheme: https, redirectCode: 308}
  - headers: {request: {set: {x-real-ip: "%DOWNSTREAM_REMOTE_ADDRESS%", x-node: "%HOSTNAME%"}}}
    route: [{destination: {host: b, port: {number: 80}}}]
---
{apiVersion: v1, kind: Service, metadata: {name: b}, spec: {selector: {app: b}, ports: [{name: http, port: 80}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: b1, labels: {app: b}}, status: {podIP: 127.0.0.1, phase: Running, conditions: [{type: Ready, status: "True"}]}}
"""


def upstream_of(done):
    return json.loads(done.stdout)["upstream"]


def test_facts_of_the_connection(tmp_path):
    path = tmp_path / "edge.yaml"
    path.write_text(EDGE)
    flags = ["--gateway", "default/gw", "--json", "--peer-address", "[2001:db8::1]:99", "--request-id", "id", "--fact", "HOSTNAME=gw-1",
             "--scheme", "https", "-H", "x-forwarded-for: 1.2.3.4", "-H", "x-request-id: mine", "http://a/"]
    got = upstream_of(run("route", "-f", path, *flags))
    assert dict(got["headers"]) == {"x-real-ip": "[2001:db8::1]:99", "x-node": "gw-1"}
    assert got["proxy_headers"] == {"x-forwarded-for": "1.2.3.4,2001:db8::1", "x-envoy-external-address": "2001:db8::1",
                                    "x-forwarded-proto": "https", "x-request-id": "id"}
    got = upstream_of(run("route", "-f", path, "--trusted-proxies", "1", *flags))
    assert dict(got["headers"])["x-real-ip"] == "1.2.3.4:0" and got["proxy_headers"]["x-envoy-external-address"] == "1.2.3.4"


def test_facts_of_the_connection_in_a_batch(tmp_path):
    path = tmp_path / "edge.yaml"
    path.write_text(EDGE)
    lines = [{"peer_address": "1.2.3.4:5", "trusted_proxies": 1, "request_id": "id", "facts": {"HOSTNAME": "n"}},
             {"headers": [["target", " a\t"]]}, {"peer_address": "x"}, {"trusted_proxies": -1}, {"facts": 1}]
    text = "".join(json.dumps({"authority": "a", "path": "/", "gateway": "default/gw", **x}) + "\n" for x in lines)
    done = run("route", "-f", path, "--peer-address", "9.9.9.9", "--batch", "-", input=text)
    first, second, *wrong = map(json.loads, done.stdout.splitlines())
    assert dict(first["upstream"]["headers"]) == {"x-real-ip": "1.2.3.4:5", "x-node": "n"}
    assert first["upstream"]["proxy_headers"]["x-forwarded-for"] == "1.2.3.4"
    assert second["redirect"]["code"] == 308
    assert [w["error"].split(":")[0] for w in wrong] == ["peer_address", "trusted_proxies", "facts"]


@pytest.mark.parametrize("flags", [["--peer-address", "x"], ["--peer-address", "1.2.3.4:"], ["--trusted-proxies", "-1"], ["--trusted-proxies", "a"],
                                   ["--scheme", "ftp"], ["--request-id", ""], ["--fact", "HOSTNAME"]])
def test_facts_that_are_wrong(flags):
    done = run("route", "-f", RULES, *flags, URL)
    assert done.returncode == 2 and one_line(done.stderr) and flags[0] in done.stderr


def test_a_command_that_envoy_refuses_is_an_error_with_its_place(tmp_path):
    path = tmp_path / "edge.yaml"
    path.write_text(EDGE.replace("%HOSTNAME%", "%INVALID%"))
    done = run("validate", path)
    assert done.returncode == 1 and 'spec.http[1].headers.request.set[x-node]: "%INVALID%" is not a command that Envoy has' in done.stdout


# ---- colour: for people on a terminal, and for nothing else ----

ESCAPE = "\033["
COMMANDS = {
    "validate": ["validate", RULES],
    "route": ["route", "-f", RULES, URL],
    "explain": ["explain", "-f", RULES, URL],
    "test": ["test", "-f", RULES],
}


@pytest.fixture(params=sorted(COMMANDS))
def command(request, tmp_path):
    words = list(COMMANDS[request.param])
    if request.param == "test":
        (tmp_path / "cases.yaml").write_text(CASES)
        words.append(tmp_path / "cases.yaml")
    return words


def plain_environment(**more):
    return {**{k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "CLICOLOR_FORCE")}, "TERM": "xterm", **more}


def on_a_terminal(words, **environment):
    """What the command prints to a terminal."""
    ours, theirs = os.openpty()
    process = subprocess.Popen([PROGRAM, *map(str, words)], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs,
                               env=plain_environment(**environment))
    os.close(theirs)
    text = b""
    try:
        while part := os.read(ours, 65536):
            text += part
    except OSError:  # EIO: the program has ended, and with it the terminal's other side
        pass
    os.close(ours)
    process.wait(60)
    return text.decode().replace("\r\n", "\n")


def without_color(text):
    return re.sub(r"\033\[\d*m", "", text)


def test_a_terminal_gets_colour_and_a_pipe_does_not(command):
    piped = run(*command, env=plain_environment())
    assert ESCAPE not in piped.stdout + piped.stderr
    shown = on_a_terminal(command)
    assert ESCAPE in shown
    assert sorted(without_color(shown).splitlines()) == sorted((piped.stdout + piped.stderr).splitlines())


@pytest.mark.parametrize("setting", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=str)
def test_no_color_and_a_dumb_terminal_are_respected(command, setting):
    assert ESCAPE not in on_a_terminal(command, **setting)


def test_the_flag_overrides_terminal_and_environment(command):
    assert ESCAPE in run(*command, "--color", "always", env=plain_environment(NO_COLOR="1")).stdout
    assert ESCAPE not in on_a_terminal([*command, "--color=never"], CLICOLOR_FORCE="1")
    assert ESCAPE in on_a_terminal([*command, "--color", "auto"])


def test_json_is_never_coloured():
    json.loads(on_a_terminal(["route", "-f", RULES, "--json", URL]))


@pytest.mark.parametrize("value", ["", "yes"])
def test_an_unknown_value_of_color_is_refused(command, value):
    done = run(*command, f"--color={value}")
    assert (done.returncode, done.stdout) == (2, "") and "--color is auto, always or never" in done.stderr


# ---- --body and --body-header: what the gateway does to headers ----

EXAMPLE = "examples/body-routing/"
TO_MODELS = ["route", "-f", EXAMPLE + "mesh.yaml", "--gateway", "default/models", "--json"]
RULES_OF_BODY = ["--body-header", "x-model=$.model", "--body-header", "x-model=model_name"]


def route_name(*words, **more):
    done = run(*TO_MODELS, *words, **more)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["route_name"]


def test_a_body_chooses_the_route():
    chat = "http://gw/v1/chat/completions"
    assert route_name(*RULES_OF_BODY, "--body", EXAMPLE + "chat.json", chat) == "large"
    assert route_name(*RULES_OF_BODY, "--body", "-", chat, input='{"model": "gpt-oss-20b"}') == "small"
    assert route_name(*RULES_OF_BODY, "--body", "-", chat, input='{"model": ["gpt-oss-20b"]}') == "unknown"
    assert route_name(*RULES_OF_BODY, "http://gw/v2/models/grabcut/infer") == "grabcut"
    assert route_name(*RULES_OF_BODY, "--body", "-", chat, input='{"x": "' + "y" * 65536 + '", "model": "gpt-oss-20b"}') == "unknown"
    assert route_name(*RULES_OF_BODY, "-H", "X-Model: grabcut", "http://gw/") == "unknown"
    assert route_name("-H", "X-Model: grabcut", "http://gw/") == "grabcut"


def test_a_body_makes_the_request_a_post():
    done = run(*TO_MODELS[:-1], *RULES_OF_BODY, "--body", EXAMPLE + "chat.json", "http://gw/")
    assert "\nupstream     POST /\n" in done.stdout


def test_a_body_that_cannot_be_read():
    done = run(*TO_MODELS, *RULES_OF_BODY, "--body", "no/such/file", "http://gw/")
    assert done.returncode == 1 and "no/such/file: No such file" in done.stderr and one_line(done.stderr)
