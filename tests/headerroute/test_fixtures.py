"""The files of routing/ and test-command/, and lines of --batch: that they are well-formed, that a wrong expectation fails, and
that the documents which name them are complete."""
import copy
import json
import os
import pathlib
import re
import subprocess
import sys

import jsonschema
import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent
PROGRAM = pathlib.Path(os.environ["HR_BUILD_DIR"]) / "bin" / "headerroute"
ROUTING = sorted((HERE / "routing").glob("*.yaml"))
COMMAND = HERE / "test-command"
sys.path.insert(0, str(ROOT / "scripts"))
import decision_schema  # noqa: E402


def run(*words, **more):
    return subprocess.run([PROGRAM, *map(str, words)], cwd=ROOT, text=True, capture_output=True, timeout=120, **more)


def results(done):
    """(passed, name, why) of each case, from TAP."""
    found, lines = [], done.stdout.splitlines()
    for i, line in enumerate(lines):
        result = re.match(r"(not )?ok \d+ - (.*)$", line)
        if result:
            found.append((result[1] is None, result[2].replace("\\", ""), "" if result[1] is None else lines[i + 1]))
    return found


# ---- routing/ ----

def test_there_are_as_many_behaviours_as_ever():
    cases = sum(len(document.get("testCases", [])) for path in ROUTING for document in yaml.safe_load_all(path.read_text()))
    assert len(ROUTING) >= 52 and cases >= 100


def wrong_values(value):
    """Values that are not `value`, each different from it in one place."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from ({**value, key: wrong} for wrong in wrong_values(item))
    elif isinstance(value, list):
        yield [*value, "one more"]
        for i, item in enumerate(value):
            yield from ([*value[:i], wrong, *value[i + 1:]] for wrong in wrong_values(item))
    elif isinstance(value, bool):
        yield not value
    elif isinstance(value, (int, float)):
        yield value + 1
    else:
        yield "something else" if value is None else value + "x"
        if value is not None:
            yield None


@pytest.mark.parametrize("path", ROUTING, ids=lambda p: p.stem)
def test_every_expectation_fails_if_one_value_is_wrong(tmp_path, path):
    resources, mark, text = path.read_text().rpartition("\n---\n")
    document, mutants = yaml.safe_load(text), []
    for case in document["testCases"]:
        for wrong in wrong_values(case["decision"]):
            mutants.append({**copy.deepcopy(case), "decision": wrong})
    (tmp_path / "mutants.yaml").write_text(
        f"{resources}{mark}view: {json.dumps(document.get('view', {}))}\ntestCases: {json.dumps(mutants)}\n")
    found = results(run("test", "-f", HERE / "routing" / "mesh", tmp_path / "mutants.yaml"))
    assert len(found) == len(mutants) > 0
    assert [(mutant["decision"], name) for mutant, (passed, name, _) in zip(mutants, found) if passed] == []


def sentence(path):
    """The first paragraph of the comment that a file opens with."""
    return " ".join(line[2:] for line in path.read_text().partition("\n#\n")[0].splitlines())


@pytest.mark.parametrize("path", ROUTING, ids=lambda p: p.stem)
def test_the_table_of_surprises_has_the_sentence_of_every_file(path):
    line = f"- {sentence(path)}\n  ([rules and cases](../tests/headerroute/routing/{path.name}))\n"
    assert line in (ROOT / "docs" / "surprises.md").read_text()


def test_the_table_of_surprises_names_no_file_that_is_missing():
    for name in re.findall(r"\]\((\.\./[^)]+|[^):]+)\)", (ROOT / "docs" / "surprises.md").read_text()):
        assert (ROOT / "docs" / name).exists(), name


# ---- the schema for editors ----

def schema():
    return jsonschema.Draft202012Validator(json.loads((ROOT / "docs" / "test-cases.schema.json").read_text()))


def test_schemas_and_python_classes_are_those_of_the_librarys_rows():
    for path, text in decision_schema.files(os.environ["HR_BUILD_DIR"]).items():
        assert path.read_text() == text, f"{path}: run scripts/decision_schema.py"
    jsonschema.Draft202012Validator.check_schema(schema().schema)


@pytest.mark.parametrize("path", [*ROUTING, COMMAND / "passes.yaml", COMMAND / "delegates-pass.yaml", COMMAND / "statements-pass.yaml"], ids=lambda p: p.stem)
def test_the_schema_accepts_what_the_program_accepts(path):
    for document in yaml.safe_load_all(path.read_text()):
        schema().validate(document)


@pytest.mark.parametrize("change", [
    {"testCase": []}, {"view": {"gatway": "mesh"}}, {"testCases": [{"description": "no request"}]},
    {"testCases": [{"request": {"authority": ["a"]}, "rute": []}]}, {"testCases": [{"request": {"authority": ["a"], "uris": ["/"]}}]},
    {"testCases": [{"request": {"authority": ["a"]}, "wantMatch": "yes"}]},
    {"testCases": [{"request": {"authority": ["a"]}, "decision": {"locl_reply": None}}]},
    {"testCases": [{"request": {"authority": ["a"]}, "decision": {"redirect": {"status": 301}}}]},
    {"testCases": [{"request": {"authority": ["a"]}, "view": {"port": 65536}}]},
    {"testCases": [{"request": {"authority": ["a"], "draws": {"luck": 0}}}]},
    {"testCases": [{"request": {"authority": ["a"], "random": 1}}]}, {"testCases": [{"forAll": {"path": "/"}}]},
    {"testCases": [{"forAll": {"uri": "/"}, "expect": {"status": 404}}]},
    {"testCases": [{"forAll": {"path": "/"}, "expect": {"subst": "v1"}}]}], ids=str)
def test_the_schema_and_the_program_refuse_the_same(tmp_path, change):
    document = {"testCases": [{"request": {"authority": ["example.com"], "uri": ["/home"]}}], **change}
    (tmp_path / "cases.yaml").write_text(json.dumps(document))
    assert list(schema().iter_errors(document)) != []
    assert run("test", "-f", COMMAND / "rules.yaml", tmp_path / "cases.yaml").returncode == 1


# ---- the command itself ----

def test_cases_that_hold_pass():
    found = results(run("test", "-f", COMMAND / "rules.yaml", COMMAND / "passes.yaml"))
    assert len(found) == 11 and all(passed for passed, _, _ in found), found


def test_a_failure_says_what_differs():
    done = run("test", "-f", COMMAND / "rules.yaml", COMMAND / "fails.yaml")
    found = results(done)
    assert done.returncode == 1 and len(found) == 27
    for passed, expected, why in found:
        assert not passed and expected in why and "test-command/fails.yaml:" in why


def test_what_is_delegated_is_found_and_can_be_expected():
    found = results(run("test", "-f", COMMAND / "delegated-rules.yaml", COMMAND / "delegates-pass.yaml"))
    assert len(found) == 16 and all(passed for passed, _, _ in found), found


@pytest.mark.parametrize("words, count", [
    (["-f", COMMAND / "delegated-rules.yaml", COMMAND / "delegates-fail.yaml"], 3), ([COMMAND / "delegate-conflict.yaml"], 1)])
def test_a_wrong_delegate_is_reported(words, count):
    done = run("test", *words)
    found = results(done)
    assert done.returncode == 1 and len(found) == count
    for passed, expected, why in found:
        assert not passed and expected in why


def test_statements_are_proven():
    found = results(run("test", COMMAND / "statements-pass.yaml"))
    assert len(found) == 8 and all(passed for passed, _, _ in found), found


def test_a_statement_that_does_not_hold_is_refuted_with_a_request(tmp_path):
    rules = tmp_path / "rules.yaml"
    rules.write_text((COMMAND / "statements-pass.yaml").read_text().split("---\ntestCases:")[0])
    done = run("test", "-f", rules, COMMAND / "statements-fail.yaml")
    found = results(done)
    assert done.returncode == 1 and len(found) == 27, done.stderr
    for passed, expected, why in found:
        assert not passed and expected in why, (expected, why)


RESOURCES = """apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: a}
spec:
  hosts: [a.example.com]
  http:
  - redirect: {uri: /%s}
"""


def test_a_file_with_resources_is_tested_by_itself(tmp_path):
    """Two files may define the same VirtualService: each is for its own cases."""
    for name in ("one", "two"):
        (tmp_path / f"{name}.yaml").write_text(
            f"# A comment\n---\n{RESOURCES % name}---\ntestCases:\n- description: {name}\n  request: {{authority: [a.example.com]}}\n"
            f"  decision: {{redirect: {{location: 'http://a.example.com/{name}'}}, source: '{tmp_path}/{name}.yaml:9'}}\n")
    done = run("test", tmp_path)
    assert [(passed, name) for passed, name, _ in results(done)] == [(True, "one"), (True, "two")], done.stdout


def test_cases_may_precede_the_resources(tmp_path):
    (tmp_path / "a.yaml").write_text(f"testCases:\n- request: {{authority: [a.example.com]}}\n  redirect: {{uri: /x}}\n---\n{RESOURCES % 'x'}")
    assert run("test", tmp_path / "a.yaml").returncode == 0


REDIRECTING_GATEWAY = """apiVersion: v1
kind: Service
metadata: {name: reviews}
spec: {selector: {app: reviews}, ports: [{name: http, port: 80}]}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gw}
spec:
  selector: {istio: b}
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"], tls: {httpsRedirect: true}}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: reviews}
spec:
  parentRefs: [{kind: Service, group: "", name: reviews, port: 80}]
  rules: [{backendRefs: [{name: reviews, port: 80}]}]
"""


def test_a_gateway_that_redirects_to_https_does_not_disturb_a_case_of_the_mesh(tmp_path):
    """A case without a gateway is asked of each of them, and then of the mesh again."""
    (tmp_path / "rules.yaml").write_text(REDIRECTING_GATEWAY)
    (tmp_path / "cases.yaml").write_text(
        "testCases:\n- request: {authority: [reviews.default.svc.cluster.local]}\n  decision: {action: route}\n")
    done = run("test", "-f", tmp_path / "rules.yaml", tmp_path / "cases.yaml")
    assert done.returncode == 0 and results(done)[0][0], done.stdout + done.stderr
    generated = run("test", "--generate", "-f", tmp_path / "rules.yaml")
    (tmp_path / "generated.yaml").write_text(generated.stdout)
    assert generated.returncode in (0, 1) and "testCases" in generated.stdout, generated.stderr
    done = run("test", "-f", tmp_path / "rules.yaml", tmp_path / "generated.yaml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_without_any_resource_there_is_nothing_to_test(tmp_path):
    (tmp_path / "a.yaml").write_text("testCases:\n- request: {authority: [a]}\n")
    done = run("test", tmp_path / "a.yaml")
    assert done.returncode == 1 and "holds no resource" in done.stderr and done.stdout == ""


def test_a_mistake_in_the_resources_has_the_line_of_the_file(tmp_path):
    (tmp_path / "a.yaml").write_text("testCases:\n- request: {authority: [a]}\n---\n" + (RESOURCES % "x").replace("hosts", "host"))
    done = run("test", tmp_path / "a.yaml")
    assert done.returncode == 1 and f"{tmp_path}/a.yaml:8:3: error: spec.host: " in done.stderr, done.stderr


def test_a_key_beside_the_cases_is_refused(tmp_path):
    (tmp_path / "a.yaml").write_text("views: {}\ntestCases: []\n")
    done = run("test", "-f", COMMAND / "rules.yaml", tmp_path / "a.yaml")
    assert done.returncode == 1 and "a.yaml:1: unknown key views: expected testCases or view" in done.stderr


# ---- route --batch ----

BATCH = "tests/headerroute/fixtures/batch.yaml"


def batch(lines):
    return run("route", "-f", BATCH, "--batch", "-", input="".join(line + "\n" for line in lines)).stdout.splitlines()


def test_mistakes_of_a_batch_answer_on_their_line():
    lines = (HERE / "fixtures" / "batch-mistakes.txt").read_text().splitlines()[1:]
    requests, errors = lines[::2], lines[1::2]
    assert len(requests) == len(errors) == 28 and all(error.startswith("    ") for error in errors)
    assert [json.loads(answer) for answer in batch(requests)] == [{"error": error[4:]} for error in errors]


def test_a_batch_may_ask_for_more_views_than_are_kept():
    """The oldest view is dropped, and made anew when it is asked for again."""
    lines = [json.dumps({"authority": "cart", "path": "/", "namespace": "prod" if i == 50 else f"n{i}", "method": "PATCH"})
             for i in range(100)] * 3
    clusters = [json.loads(answer)["cluster"] for answer in batch(lines)]
    assert clusters == [("outbound|80||cart.prod.svc.cluster.local" if i % 100 == 50 else "PassthroughCluster") for i in range(300)]


# ---- names of the linter's warnings ----

def test_every_warning_of_the_linter_is_documented_and_has_a_fixture():
    sources = "".join(path.read_text() for path in (ROOT / "libheaderroute/src/lint").glob("*.c"))
    sources += (ROOT / "libheaderroute/src/spec/documents.c").read_text()  # of the channels of the Gateway API
    given = set(re.findall(r'hr_diag_note\([^;"]*"([a-z0-9-]+)"', sources))
    listed = set(re.findall(r"^\| `([a-z0-9-]+)` \|", (ROOT / "docs/linter.md").read_text(), re.M))
    found = set()
    for name in ("lint", "lint_across", "lint_gateway_api"):
        found |= set(re.findall(r": warning: .* \[([a-z0-9-]+)\]$", (HERE / f"fixtures/cases/{name}.txt").read_text(), re.M))
    assert given == listed == found


def test_the_page_of_fields_has_what_the_test_of_fields_shows():
    done = subprocess.run([sys.executable, ROOT / "scripts" / "fields_doc.py", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
