"""The steps of action.yml in a repository of rules, with the variables that the runner of GitHub Actions sets."""
import json
import os
import pathlib
import re
import subprocess
import sys
import xml.etree.ElementTree

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "headerroute"))
import sarif  # noqa: E402

# scripts/test-ci.sh sets HR_ACTION_PATH: the action of a fresh clone, which builds the command.
ACTION_PATH = pathlib.Path(os.environ.get("HR_ACTION_PATH", ROOT))
BUILDS = "HR_ACTION_PATH" in os.environ
BIN = pathlib.Path(os.environ["HR_BUILD_DIR"]) / "bin"
ACTION = yaml.safe_load((ACTION_PATH / "action.yml").read_text())
RULES = """apiVersion: v1
kind: Service
metadata: {name: shop}
spec: {ports: [{name: http, port: 80}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop]
  http:
  - route: [{destination: {host: shop}}]
    timeout: 2s
"""
CASES = """testCases:
- description: two seconds
  request: {authority: [shop]}
  decision: {timeout_ms: 2000}
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """PATH after the first step, which finds the command or builds it."""
    if not BUILDS:
        return f"{BIN}:/usr/bin:/bin"
    folder = tmp_path_factory.mktemp("runner")
    before = "/usr/sbin:/usr/bin:/sbin:/bin"
    done = run_step(ACTION["runs"]["steps"][0], folder, {}, before, RUNNER_TEMP=str(folder), GITHUB_PATH=str(folder / "path"))
    assert done.returncode == 0, done.stdout + done.stderr
    return f"{(folder / 'path').read_text().strip()}:{before}"


@pytest.fixture
def repository(tmp_path):
    (tmp_path / "k8s").mkdir()
    (tmp_path / "k8s" / "shop.yaml").write_text(RULES)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "cases.yaml").write_text(CASES)
    return tmp_path


def run_step(step, folder, inputs, path, **environment):
    values = {name: re.sub(r"\$\{\{ inputs\.([a-z-]+) \}\}", lambda m: inputs[m[1]], text) for name, text in step.get("env", {}).items()}
    assert "${{" not in step["run"], "an expression in a script would be read as shell"
    assert not any("${{" in value for value in values.values())
    environment = {"PATH": path, "HOME": str(folder), "GITHUB_ACTION_PATH": str(ACTION_PATH), **environment, **values}
    return subprocess.run(["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]], cwd=folder, text=True,
                          capture_output=True, timeout=3000, env=environment)


def use(folder, path, **given):
    """Runs the steps after the first one as the runner does: {name of the step: what it did}."""
    inputs = {name: about.get("default", "") for name, about in ACTION["inputs"].items()}
    inputs |= {name.replace("_", "-"): value for name, value in given.items()}
    done = {}
    for step in ACTION["runs"]["steps"][1:]:
        condition = re.fullmatch(r"\$\{\{ !cancelled\(\) && inputs\.([a-z-]+) != '' \}\}", step["if"]) if "if" in step else None
        assert condition or "if" not in step
        if condition is None or inputs[condition[1]] != "":
            done[step["name"]] = run_step(step, folder, inputs, path, GITHUB_STEP_SUMMARY=str(folder / "summary.md"))
    return list(done.values())


def test_it_is_a_composite_action_whose_inputs_are_described():
    assert ACTION["runs"]["using"] == "composite" and all(step["shell"] == "bash" for step in ACTION["runs"]["steps"])
    assert all(about["description"] and ("default" in about or about["required"]) for about in ACTION["inputs"].values())
    used = set(re.findall(r"inputs\.([a-z-]+)", json.dumps(ACTION["runs"])))
    assert used == set(ACTION["inputs"])


def test_a_command_that_is_there_is_used(repository):
    if BUILDS:
        pytest.skip("scripts/test-ci.sh builds it")
    done = run_step(ACTION["runs"]["steps"][0], repository, {}, f"{BIN}:/usr/bin:/bin")
    assert done.returncode == 0 and f"uses {BIN}/headerroute, headerroute " in done.stdout


def test_good_rules_pass(repository, path):
    validate, test = use(repository, path, rules="k8s", tests="tests")
    assert (validate.returncode, test.returncode) == (0, 0)
    assert "::" not in validate.stdout and test.stdout.startswith("TAP version 13\n1..1\nok 1 - two seconds\n")


def test_lines_that_are_wrong_are_annotated(repository, path):
    (repository / "k8s" / "shop.yaml").write_text(RULES.replace("timeout: 2s", "timeout: 3s"))
    validate, test = use(repository, path, rules="k8s", tests="tests")
    assert validate.returncode == 0 and test.returncode == 1
    assert "::error file=tests/cases.yaml,line=2,title=test-failed::two seconds: " in test.stdout
    (repository / "k8s" / "shop.yaml").write_text(RULES.replace("timeout: 2s", "timeuot: 2s"))
    [validate] = use(repository, path, rules="k8s")
    assert validate.returncode == 1
    assert validate.stdout.startswith("::error file=k8s/shop.yaml,line=13,col=5,title=invalid::spec.http[0].timeuot: unknown field")


def test_every_input_has_its_effect(repository, path):
    (repository / "k8s" / "deep").mkdir()
    (repository / "k8s" / "deep" / "more.yaml").write_text(RULES.replace("shop", "more") + "  - route: [{destination: {host: more}}]\n")
    validate, test = use(repository, path, rules="\n  k8s  \n\n", tests="tests", recursive="true", strict="true", fail_under="100", junit="out.xml",
                         sarif="reports/here")
    assert validate.returncode == 1 and "title=never-matches::" in validate.stdout
    assert test.returncode == 1 and "title=not-reached::default/more http[0]" in test.stdout and "title=coverage-low::" in test.stdout
    assert xml.etree.ElementTree.parse(repository / "out.xml").getroot().find("testsuite").get("tests") == "1"
    logs = {name: sarif.check((repository / "reports/here" / name).read_text()) for name in ("validate.sarif", "test.sarif")}
    assert [r["ruleId"] for r in logs["validate.sarif"]["results"]] == ["never-matches"]
    assert "not-reached" in {r["ruleId"] for r in logs["test.sarif"]["results"]}
    validate, test = use(repository, path, rules="k8s\nk8s/deep", tests="tests/cases.yaml\n")
    assert (validate.returncode, test.returncode) == (0, 0) and "title=never-matches::" in validate.stdout


@pytest.mark.parametrize("inputs, said", [
    ({"rules": " \n"}, "the input rules names no file"),
    ({"rules": "k8s", "strict": "yes"}, "the input strict is true or false, not 'yes'"),
])
def test_wrong_inputs_are_errors(repository, path, inputs, said):
    [validate] = use(repository, path, **inputs)
    assert validate.returncode == 2 and validate.stdout.startswith("::error ") and said in validate.stdout


def test_inputs_are_not_read_as_shell(repository, path):
    [validate] = use(repository, path, rules="$(touch made) `touch made`; touch made\n--help\n-f")
    assert validate.returncode == 1 and not (repository / "made").exists()


def git(folder, *arguments):
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@example.com", *arguments], cwd=folder, check=True, capture_output=True,
                   env={"PATH": "/usr/bin:/bin", "HOME": str(folder)})


@pytest.fixture
def history(repository):
    """The rules are committed, then changed."""
    git(repository, "init", "--quiet", "--initial-branch", "main")
    git(repository, "add", "k8s")
    git(repository, "commit", "--quiet", "--message", "Route")
    (repository / "k8s" / "shop.yaml").write_text(RULES.replace("timeout: 2s", "timeout: 3s"))
    return repository


def test_a_pull_request_says_which_requests_change(history, path):
    validate, diff = use(history, path, rules="k8s", against="main", sarif="reports")
    assert (validate.returncode, diff.returncode) == (0, 0), diff.stderr
    assert ", timeout 2s -> 3s  k8s/shop.yaml:12" in diff.stdout and "::notice title=headerroute::requests are decided differently" in diff.stdout
    summary = (history / "summary.md").read_text()
    assert summary.startswith("## Routing: 1 region of requests changes\n") and "| `timeout` |" in summary
    assert len(sarif.check((history / "reports/diff.sarif").read_text())["results"]) == 1


def test_a_pull_request_that_changes_no_request(history, path):
    (history / "k8s" / "shop.yaml").write_text("# A comment.\n" + RULES)
    validate, diff = use(history, path, rules="k8s", against="main")
    assert diff.returncode == 0 and "no request changes" in diff.stdout and "::" not in diff.stdout


def test_rules_that_are_new_are_compared_with_nothing(history, path):
    (history / "more.yaml").write_text(RULES.replace("shop", "more"))
    validate, diff = use(history, path, rules="more.yaml", against="main")
    assert diff.returncode == 0 and "mesh, namespace default, port 80: 1 of " in diff.stdout, diff.stderr


def test_the_base_is_fetched_where_the_clone_is_shallow(history, path, tmp_path_factory):
    git(history, "commit", "--quiet", "--all", "--message", "Wait longer")
    git(history, "config", "uploadpack.allowAnySHA1InWant", "true")
    base = subprocess.run(["git", "rev-parse", "HEAD^"], cwd=history, check=True, text=True, stdout=subprocess.PIPE).stdout.strip()
    clone = tmp_path_factory.mktemp("clone") / "repository"
    git(history, "clone", "--quiet", "--depth", "1", f"file://{history}", str(clone))
    validate, diff = use(clone, path, rules="k8s", against=base)
    assert diff.returncode == 0 and ", timeout 2s -> 3s  k8s/shop.yaml:12" in diff.stdout, diff.stdout + diff.stderr


@pytest.mark.parametrize("against, said", [("none", "the repository has no commit 'none'"), ("--all", "is a commit, not '--all'")])
def test_a_commit_that_does_not_exist_is_an_error(history, path, against, said):
    validate, diff = use(history, path, rules="k8s", against=against)
    assert diff.returncode == 2 and diff.stdout.startswith("::error ") and said in diff.stdout


def test_rules_that_do_not_load_fail_the_comparison(history, path):
    (history / "k8s" / "shop.yaml").write_text(RULES.replace("timeout: 2s", "timeout: soon"))
    validate, diff = use(history, path, rules="k8s", against="main")
    assert diff.returncode != 0 and "timeout" in diff.stderr
