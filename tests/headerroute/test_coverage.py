"""`headerroute test --coverage` and `--generate`: what cases reach, and cases for what they do not."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent
PROGRAM = pathlib.Path(os.environ["HR_BUILD_DIR"]) / "bin" / "headerroute"

RULES = """apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: a}
spec:
  hosts: [a.example.com]
  http:
  - match:
    - uri: {prefix: /x}
      headers: {X-Beta: {exact: "1"}}
    - withoutHeaders: {z: {}}
      queryParams: {q: {exact: "1"}}
    directResponse: {status: 201}
  - match:
    - uri: {prefix: /}
      method: {exact: PUT}
    directResponse: {status: 202}
"""
CASES = """testCases:
- request: {authority: [a.example.com], uri: [/x], headers: {x-beta: "1"}}
- wantMatch: false
  request: {authority: [a.example.com], uri: [/y], headers: {x-beta: "2"}}
"""


def run(*words):
    return subprocess.run([PROGRAM, "test", *map(str, words)], text=True, capture_output=True, timeout=120)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "rules.yaml").write_text(RULES)
    (tmp_path / "cases.yaml").write_text(CASES)
    return tmp_path


def coverage(folder, *flags):
    return run("-f", folder / "rules.yaml", *flags, folder / "cases.yaml")


def test_parts_that_no_case_reaches_are_listed(folder):
    done = coverage(folder, "--coverage")
    found = [line[2:] for line in done.stdout.splitlines() if line.startswith("# ")]
    rules = folder / "rules.yaml"
    assert done.returncode == 0 and found == [
        "2 passed, 0 failed",
        # Of the conditions, /x and X-Beta are met and failed. No request sends z, has q=1 or is a PUT; Istio drops the prefix / from the conditions.
        "coverage 45.5 %: 1 of 2 rules, 1 of 3 matches, 2 of 5 conditions, 1 of 1 defaults",
        f"{rules}:10: default/a http[0].match[1]: decides no request",
        f"{rules}:13: default/a http[1]: decides no request",
    ], found


def test_a_condition_counts_if_requests_meet_it_and_fail_it(folder):
    (folder / "cases.yaml").write_text("testCases:\n- request: {authority: [a.example.com], uri: [/x], headers: {x-beta: '1'}}\n")
    found = coverage(folder, "--coverage").stdout
    assert "http[0].match[0].uri: no request fails it" in found
    assert "http[0].match[0].headers[x-beta]: no request fails it" in found
    assert "default/a: no request that none of its rules matches" in found


def test_cases_that_fail_count_as_well(folder):
    (folder / "cases.yaml").write_text(CASES.replace("wantMatch: false", "wantMatch: true"))
    done = coverage(folder, "--coverage")
    assert done.returncode == 1 and "1 of 1 defaults" in done.stdout


@pytest.mark.parametrize("percent, code", [("45", 0), ("45.6", 1), ("0", 0), ("100", 1)])
def test_less_than_fail_under_fails(folder, percent, code):
    done = coverage(folder, "--fail-under", percent)
    assert done.returncode == code
    assert (f"the coverage is 45.5 %, less than --fail-under {percent}" in done.stderr) == (code == 1)


@pytest.mark.parametrize("percent", ["", "x", "101", "-1", "5%"])
def test_fail_under_is_a_percentage(folder, percent):
    done = coverage(folder, "--fail-under", percent)
    assert done.returncode == 2 and "--fail-under is a number from 0 to 100" in done.stderr


def test_a_statement_reaches_what_its_requests_reach(folder):
    (folder / "cases.yaml").write_text(
        "testCases:\n- forAll: {authority: a.example.com}\n  expect: {never: {destination: {host: b}}}\n")
    assert "2 of 2 rules, 3 of 3 matches" in coverage(folder, "--coverage").stdout


def test_the_tracefile_has_lines_and_branches(folder):
    done = coverage(folder, "--lcov", folder / "lcov.info")
    text = (folder / "lcov.info").read_text()
    assert done.returncode == 0 and f"SF:{folder}/rules.yaml\n" in text and text.endswith("end_of_record\n")
    # The entries of spec.http begin on lines 7 and 13, and so do their first matches on the next ones; 6 is the default.
    assert re.findall(r"^DA:(\d+),(\d+)$", text, flags=re.M) == [("7", "1"), ("8", "1"), ("10", "0"), ("13", "0"), ("14", "0"), ("6", "1")]
    counts = {key: int(value) for key, value in re.findall(r"^(LF|LH|BRF|BRH):(\d+)$", text, flags=re.M)}
    branches = [int(taken) for taken in re.findall(r"^BRDA:\d+,\d+,[01],(\d+)$", text, flags=re.M)]
    assert (counts["BRF"], counts["BRH"]) == (len(branches), sum(taken > 0 for taken in branches)) == (10, 7)
    assert counts["LF"] == text.count("\nDA:") and counts["LH"] == sum(
        int(count) > 0 for count in re.findall(r"^DA:\d+,(\d+)$", text, flags=re.M))


def test_lcov_reads_the_tracefile(folder):
    """genhtml refuses a tracefile that is malformed, and counts lines and branches itself."""
    genhtml = shutil.which("genhtml")
    if genhtml is None:
        pytest.skip("lcov is not installed")
    assert coverage(folder, "--lcov", folder / "lcov.info").returncode == 0
    done = subprocess.run([genhtml, "--branch-coverage", "--output-directory", folder / "html", folder / "lcov.info"], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
    assert done.returncode == 0, done.stdout
    assert re.search(r"lines\.*: 50\.0% \(3 of 6 lines\)", done.stdout), done.stdout
    assert re.search(r"branches\.*: 70\.0% \(7 of 10 branches\)", done.stdout), done.stdout
    assert "rules.yaml" in next((folder / "html").rglob("rules.yaml.gcov.html")).read_text()


def test_a_tracefile_that_cannot_be_written_is_an_error(folder):
    done = coverage(folder, "--lcov", folder / "none" / "lcov.info")
    assert done.returncode == 1 and "lcov.info: No such file" in done.stderr


def test_delegates_and_lists_have_their_own_places():
    command = HERE / "test-command"
    done = run("-f", command / "delegated-rules.yaml", "--coverage", command / "delegates-pass.yaml")
    lines = (command / "delegated-rules.yaml").read_text().splitlines()
    listed = re.findall(r"delegated-rules.yaml:(\d+): (\S+)", done.stdout)
    assert done.returncode == 0 and listed
    for line, owner in listed:
        before = "\n".join(lines[:int(line)])
        assert re.findall(r"name: (\w+), namespace: (\w+)\}\n  spec", before)[-1] == tuple(reversed(owner.rstrip(":").split("/")))


# ---- --generate ----

def rules_of(path, to):
    documents = [d for d in yaml.safe_load_all(path.read_text()) if d and "kind" in d]
    to.write_text(yaml.safe_dump_all(documents))
    return documents


RESOURCES = [path for path in [*sorted((HERE / "routing").glob("*.yaml")), HERE / "test-command" / "statements-pass.yaml"]
             if "kind: VirtualService" in path.read_text()]


@pytest.mark.parametrize("path", RESOURCES, ids=lambda p: p.stem)
def test_generated_cases_pass_and_reach_every_rule_that_can_be_reached(tmp_path, path):
    rules_of(path, tmp_path / "rules.yaml")
    mesh = ["-f", HERE / "routing" / "mesh"]
    made = run("-f", tmp_path / "rules.yaml", *mesh, "--generate")
    if "no rule of a VirtualService is reached" in made.stderr:
        assert made.returncode == 1 and made.stdout.startswith("# ")
        return
    (tmp_path / "cases.yaml").write_text(made.stdout)
    done = run("-f", tmp_path / "rules.yaml", *mesh, "--coverage", tmp_path / "cases.yaml")
    assert done.returncode == 0, made.stdout + done.stdout + done.stderr
    unreached = re.findall(r": (\S+ http\[\d+\]\S*): decides no request", done.stdout)
    explained = re.findall(r"^# (\S+ http\[\d+\]\S*): (?!no view)", made.stdout, flags=re.M)
    assert set(unreached) <= set(explained) | {rule.split(".match")[0] for rule in explained}


def test_a_rule_that_no_request_reaches_is_a_comment(tmp_path):
    (tmp_path / "rules.yaml").write_text(RULES.replace("  - match:\n    - uri: {prefix: /}\n", "  - directResponse: {status: 203}\n"
                                                       "  - match:\n    - uri: {prefix: /}\n"))
    made = run("-f", tmp_path / "rules.yaml", "--generate")
    assert made.returncode == 0 and made.stdout.endswith("# default/a http[2].match[0]: an earlier rule matches every request\n")


@pytest.mark.parametrize("words, message", [
    (["--generate"], "--generate: no rules: expected -f PATH"),
    (["-f", ROOT / "k8s" / "base", "--generate", "--gateway", "a/b"], "there is no Gateway a/b with an HTTP server"),
    (["-f", "k8s/base", "--generate", "a.yaml"], "--generate: unexpected file of test cases a.yaml")])
def test_generate_needs_rules_and_no_cases(words, message):
    done = run(*words)
    assert done.returncode == 2 and message in done.stderr
