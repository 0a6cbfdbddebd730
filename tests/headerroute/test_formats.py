"""`headerroute validate` and `test` with --format json, github and sarif: what other people's CI reads."""
import json
import os
import pathlib
import re
import subprocess
import sys

import jsonschema
import pytest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))
import sarif  # noqa: E402

PROGRAM = pathlib.Path(os.environ["HR_BUILD_DIR"]) / "bin" / "headerroute"
SCHEMA = json.loads((ROOT / "docs" / "report.schema.json").read_text())
SERVICE = """apiVersion: v1
kind: Service
metadata: {name: shop}
spec: {selector: {app: shop}, ports: [{name: http, port: 80}]}
---
"""
RULES = SERVICE + """apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop]
  http:
  - match: [{headers: {x-beta: {exact: "1"}}}]
    route: [{destination: {host: shop}}]
    timeout: 2s
  - route: [{destination: {host: shop}}]
"""
CASES = """testCases:
- description: beta has a timeout
  request: {authority: [shop], headers: {x-beta: "1"}}
  decision: {timeout_ms: 2000}
- description: "others, 100% of them: none"
  request: {authority: [shop]}
  decision: {timeout_ms: 1}
"""


def run(folder, *words, **more):
    return subprocess.run([PROGRAM, *map(str, words)], cwd=folder, text=True, capture_output=True, timeout=120, **more)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "k8s").mkdir()
    (tmp_path / "k8s" / "shop.yaml").write_text(RULES)
    (tmp_path / "cases.yaml").write_text(CASES)
    return tmp_path


def report(done):
    """What --format json printed."""
    value = json.loads(done.stdout)
    jsonschema.Draft202012Validator(SCHEMA).validate(value)
    return value


def annotations(done):
    """Workflow commands as the runner of GitHub Actions reads them: (command, properties, message)."""
    out = []
    for line in done.stdout.splitlines():
        found = re.fullmatch(r"::(\w+)(?: ([^:]*))?::(.*)", line)
        if found:
            decoded = {key: unescape(value, ":,") for key, _, value in (p.partition("=") for p in (found[2] or "").split(",") if p)}
            out.append((found[1], decoded, unescape(found[3], "")))
    return out


def unescape(text, more):
    for c in "\r\n" + more + "%":
        text = text.replace(f"%{ord(c):02X}", c)
    return text


# ---- validate ----

WRONG = RULES.replace("timeout: 2s", "timeout: soon").replace("  - route:", "  - timeuot: 1s\n    route:")
# Unicode before the place: columns count characters.
LINTED = RULES.replace("  - match:", "  - route: [{destination: {host: shop}}]\n  - match:").replace("- match", "- name: größe\n    match")


def findings_of_text(done):
    pattern = r"(.*?):(\d+):(\d+): (error|warning): (?:(\S*): )?(.*?)(?: \[([a-z0-9-]+)\])?"
    return [re.fullmatch(pattern, line).groups() for line in done.stdout.splitlines()]


@pytest.mark.parametrize("rules", [RULES, WRONG, LINTED])
def test_every_format_of_validate_has_the_findings_of_the_text(folder, rules):
    (folder / "k8s" / "shop.yaml").write_text(rules)
    text = run(folder, "validate", "k8s")
    expected = findings_of_text(text)
    assert (rules == RULES) == (expected == [])
    formats = {name: run(folder, "validate", "--format", name, "k8s") for name in ("text", "json", "github", "sarif")}
    for done in formats.values():
        assert (done.returncode, done.stderr) == (text.returncode, text.stderr)
    assert formats["text"].stdout == text.stdout
    value = report(formats["json"])
    assert value["errors"] == sum(f[3] == "error" for f in expected) and value["warnings"] == sum(f[3] == "warning" for f in expected)
    results = sarif.check(formats["sarif"].stdout)["results"]
    commands = annotations(formats["github"])
    assert len(value["findings"]) == len(results) == len(commands) == len(expected) == formats["github"].stdout.count("\n")
    for (file, line, column, severity, field, message, code), finding, result, command in zip(expected, value["findings"], results, commands):
        rule = code or "invalid"
        whole = f"{field}: {message}" if field else message
        assert (finding["file"], finding["line"], finding["column"]) == (file, int(line), int(column))
        assert (finding["severity"], finding["rule"], finding["field"] or "", finding["message"]) == (severity, rule, field or "", message)
        assert (result["ruleId"], result["level"], result["message"]["text"]) == (rule, severity, whole)
        place = result["locations"][0]["physicalLocation"]
        assert place == {"artifactLocation": {"uri": file}, "region": {"startLine": int(line), "startColumn": int(column)}}
        assert command == (severity, {"file": file, "line": line, "col": column, "title": rule}, whole)


def test_rules_have_the_words_of_the_linters_tables(folder):
    (folder / "k8s" / "shop.yaml").write_text(LINTED)
    rules = sarif.check(run(folder, "validate", "--format", "sarif", "k8s").stdout)["tool"]["driver"]["rules"]
    [rule] = [rule for rule in rules if rule["id"] == "never-matches"]
    row = re.search(r"^\| `never-matches` \| (.*?) \| (.*?) \| (\w+) \|$", (ROOT / "docs/linter.md").read_text(), re.M)
    assert rule["shortDescription"]["text"] == row[1][0].upper() + row[1][1:] + "."
    assert rule["help"]["text"] == f"{row[2][0].upper()}{row[2][1:]}. istioctl analyze calls it {row[3]}."


def test_every_name_of_the_linter_has_a_rule():
    """Its fixtures have a finding of each name, and the rule of each is in SARIF with a description of its own."""
    known = set(re.findall(r"^\| `([a-z0-9-]+)` \|", (ROOT / "docs/linter.md").read_text(), re.M))
    made = pathlib.Path(os.environ["HR_BUILD_DIR"]) / "cli" / "linter_rules.c"
    assert set(re.findall(r'^    \{"([a-z0-9-]+)", ', made.read_text(), re.M)) == known and len(known) > 30


def test_names_of_other_findings_are_documented():
    names = set(re.findall(r'#define CLI_RULE_\w+ HR_STR\("([a-z-]+)"\)', (ROOT / "cli/findings.h").read_text()))
    described = set(re.findall(r'^    \{"([a-z-]+)",', (ROOT / "cli/findings_report.c").read_text(), re.M))
    table = (ROOT / "docs/testing-rules.md").read_text()
    assert names == described and all(f"| `{name}` |" in table for name in names)


@pytest.mark.parametrize("name", ["a b.yaml", "größe.yaml", "a:b,c.yaml", "100%.yaml", "#1?.yaml"])
def test_paths_are_escaped_in_each_format(folder, name):
    (folder / name).write_text(WRONG)
    [_, first, *_] = sarif.check(run(folder, "validate", "--format", "sarif", name).stdout)["results"]
    uri = first["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert bytes.fromhex(re.sub("%(..)|(.)", lambda m: m[1] or m[2].encode().hex(), uri)).decode() == name
    assert {properties["file"] for _, properties, _ in annotations(run(folder, "validate", "--format", "github", name))} == {name}
    assert {f["file"] for f in report(run(folder, "validate", "--format", "json", name))["findings"]} == {name}


def test_absolute_paths_are_file_uris(folder):
    (folder / "k8s" / "shop.yaml").write_text(WRONG)
    result = sarif.check(run("/", "validate", "--format", "sarif", folder / "k8s").stdout)["results"][0]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == f"file://{folder}/k8s/shop.yaml"
    done = run(folder, "validate", "--format", "sarif", "./k8s")
    assert sarif.check(done.stdout)["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "k8s/shop.yaml"


def test_values_of_rules_cannot_make_a_workflow_command(folder):
    (folder / "k8s" / "shop.yaml").write_text(RULES.replace("hosts: [shop]", 'hosts: ["%0A::error::x\\n::set-output name=a::b"]'))
    done = run(folder, "validate", "--format", "github", "k8s")
    assert done.returncode == 1 and len(annotations(done)) == done.stdout.count("\n")
    assert not re.search(r"^::(?!error |warning )", done.stdout, re.M) and "%250A" in done.stdout


def test_files_that_are_missing_and_standard_input(folder):
    done = run(folder, "validate", "--format", "json", "nowhere.yaml")
    assert done.returncode == 1
    [finding] = report(done)["findings"]
    assert (finding["rule"], finding["file"], finding["line"], finding["column"]) == ("invalid", "nowhere.yaml", None, None)
    [result] = sarif.check(run(folder, "validate", "--format", "sarif", "nowhere.yaml").stdout)["results"]
    assert "region" not in result["locations"][0]["physicalLocation"]
    [command] = annotations(run(folder, "validate", "--format", "github", "nowhere.yaml"))
    assert command[1] == {"file": "nowhere.yaml", "title": "invalid"}
    piped = run(folder, "validate", "--format", "sarif", "-", input=WRONG)
    assert sarif.check(piped.stdout)["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "%3Cstdin%3E"


def test_kinds_that_are_not_evaluated_have_their_name(folder):
    (folder / "k8s" / "filter.yaml").write_text("apiVersion: networking.istio.io/v1alpha3\nkind: EnvoyFilter\nmetadata: {name: f}\nspec: {}\n")
    assert "not-evaluated" in {f["rule"] for f in report(run(folder, "validate", "--format", "json", "k8s"))["findings"]}


def test_bytes_that_are_no_utf_8_are_still_json(folder):
    name = os.fsencode(str(folder)) + b"/k8s/\xff.yaml"
    with open(name, "wb") as file:
        file.write(WRONG.encode())
    for words in (["json"], ["sarif"]):
        done = subprocess.run([PROGRAM, "validate", "--format", *words, name], capture_output=True, timeout=60)
        json.loads(done.stdout.decode())


# ---- test ----

def test_failures_of_cases_in_each_format(folder):
    text = run(folder, "test", "-f", "k8s", "cases.yaml")
    failure = "GET shop/: decision.timeout_ms is null, want 1"
    assert text.returncode == 1 and f"# cases.yaml:5: {failure}\n" in text.stdout
    value = report(run(folder, "test", "--format", "json", "-f", "k8s", "cases.yaml"))
    assert (value["passed"], value["failed"], value["findings"]) == (1, 1, [])
    assert value["cases"] == [
        {"description": "beta has a timeout", "file": "cases.yaml", "line": 2, "passed": True, "failure": None},
        {"description": "others, 100% of them: none", "file": "cases.yaml", "line": 5, "passed": False, "failure": failure}]
    github = run(folder, "test", "--format", "github", "-f", "k8s", "cases.yaml")
    assert github.stdout.startswith(text.stdout) and github.returncode == 1
    whole = f"others, 100% of them: none: {failure}"
    assert annotations(github) == [("error", {"file": "cases.yaml", "line": "5", "title": "test-failed"}, whole)]
    done = run(folder, "test", "--format=sarif", "-f", "k8s", "cases.yaml")
    [result] = sarif.check(done.stdout)["results"]
    assert (result["ruleId"], result["message"]["text"], done.returncode) == ("test-failed", whole, 1)


def test_coverage_in_each_format(folder):
    (folder / "cases.yaml").write_text(CASES.partition("- description: \"others")[0])
    words = ["-f", "k8s", "--coverage", "--fail-under", "90", "cases.yaml"]
    value = report(run(folder, "test", "--format", "json", *words))
    assert value["coverage"]["rules"] == {"reached": 1, "all": 2} and 0 < value["coverage"]["percent"] < 90
    low = next(f for f in value["findings"] if f["rule"] == "coverage-low")
    assert low["severity"] == "error" and low["file"] is None and low["message"].endswith("less than --fail-under 90")
    gaps = {(f["file"], f["line"]) for f in value["findings"] if f["rule"] == "not-reached"}
    assert ("k8s/shop.yaml", 15) in gaps
    done = run(folder, "test", "--format", "sarif", *words)
    sarif_run = sarif.check(done.stdout)
    [notification] = sarif_run["invocations"][0]["toolExecutionNotifications"]
    assert notification["message"]["text"] == low["message"] and not sarif_run["invocations"][0]["executionSuccessful"]
    assert {r["level"] for r in sarif_run["results"]} == {"note"} and done.returncode == 1
    commands = annotations(run(folder, "test", "--format", "github", *words))
    assert ("error", {"title": "coverage-low"}, low["message"]) in commands
    assert {p["line"] for c, p, _ in commands if c == "notice"} == {str(line) for _, line in gaps}


@pytest.mark.parametrize("rules, cases, rule, file, line", [
    (WRONG, CASES, "invalid", "k8s/shop.yaml", 14),
    (RULES, "testCases: []\nother: 1\n", "test-invalid", "cases.yaml", 2),
    (RULES, "a: 1\n", "test-invalid", "cases.yaml", 1),
    (RULES, "a: [\n", "invalid", "cases.yaml", 2),
])
def test_what_keeps_cases_from_running_is_a_finding(folder, rules, cases, rule, file, line):
    (folder / "k8s" / "shop.yaml").write_text(rules)
    (folder / "cases.yaml").write_text(cases)
    assert run(folder, "test", "-f", "k8s", "cases.yaml").stdout == ""
    done = run(folder, "test", "--format", "json", "-f", "k8s", "cases.yaml")
    value = report(done)
    assert done.returncode == 1 and value["cases"] == []
    assert (value["findings"][0]["rule"], value["findings"][0]["file"], value["findings"][0]["line"]) == (rule, file, line)
    assert sarif.check(run(folder, "test", "--format", "sarif", "-f", "k8s", "cases.yaml").stdout)["results"][0]["ruleId"] == rule
    command, properties, _ = annotations(run(folder, "test", "--format", "github", "-f", "k8s", "cases.yaml"))[0]
    assert (command, properties["file"], properties["line"]) == ("error", file, str(line))


def test_rules_that_two_files_of_cases_load_are_reported_once(folder):
    (folder / "k8s" / "values.yaml").write_text("replicas: 2\n")
    for name in ("a.yaml", "b.yaml"):
        (folder / name).write_text(RULES.replace("shop", name[0]) + "---\n" + CASES.replace("[shop]", f"[{name[0]}]"))
    value = report(run(folder, "test", "--format", "json", "-f", "k8s", "a.yaml", "b.yaml"))
    assert len(value["cases"]) == 4 and len([f for f in value["findings"] if f["file"] == "k8s/values.yaml"]) == 1


def test_cases_without_rules(folder):
    done = run(folder, "test", "--format", "json", "cases.yaml")
    [finding] = report(done)["findings"]
    assert (done.returncode, finding["rule"], finding["file"]) == (1, "test-invalid", "cases.yaml")


@pytest.mark.parametrize("words", [["validate", "--format"], ["validate", "--format", "xml", "k8s"], ["validate", "--format=", "k8s"],
                                   ["test", "--format", "tap", "-f", "k8s", "cases.yaml"], ["route", "--format", "json", "-f", "k8s", "x"]])
def test_formats_that_do_not_exist(folder, words):
    done = run(folder, *words)
    assert (done.returncode, done.stdout) == (2, "") and done.stderr.count("\n") == 1 and "--format" in done.stderr


def test_diff_writes_the_same_kind_of_log(folder):
    (folder / "new.yaml").write_text(RULES.replace("timeout: 2s", "timeout: 3s"))
    done = run(folder, "diff", "k8s", "new.yaml", "--format", "sarif")
    [result] = sarif.check(done.stdout)["results"]
    assert (done.returncode, result["ruleId"], result["level"]) == (1, "routing-change", "warning")
    assert result["locations"][0]["physicalLocation"] == {"artifactLocation": {"uri": "new.yaml"}, "region": {"startLine": 12}}
