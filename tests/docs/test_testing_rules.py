"""Every example of docs/testing-rules.md works as it is printed."""
import json
import os
import pathlib
import re
import shutil
import subprocess

import jsonschema
import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ["HR_BUILD_DIR"])
TEXT = (ROOT / "docs" / "testing-rules.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", TEXT, re.M | re.S)
# A block's first line names its file; it stays in the file unless `#!` must be the first.
FILES = {text.splitlines()[0].removeprefix("# "): text.partition("\n")[2] if kind == "sh" else text for kind, text in BLOCKS if kind != "console"}
COMMANDS = [item for kind, text in BLOCKS if kind == "console" for item in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", text, re.M)]


@pytest.fixture
def repository(tmp_path):
    """The files of the document, as a user would save them."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def shell(folder, command):
    environment = {**os.environ, "PATH": f"{BUILD / 'bin'}:/usr/bin:/bin", "PYTHONPATH": str(BUILD / "python"),
                   "PYTEST_ADDOPTS": "-p no:cacheprovider"}
    return subprocess.run(["bash", "-c", command], cwd=folder, text=True, capture_output=True, timeout=120, env=environment)


def test_the_document_has_its_examples():
    assert len(FILES) == 10 and len(COMMANDS) == 12


def test_commands_print_what_the_document_says(repository):
    (repository / "routing-tests" / "decisions.yaml").rename(repository / "later.yaml")
    for command, printed in COMMANDS:
        if "--junit" in command:  # the document has shown the second file by then
            (repository / "later.yaml").rename(repository / "routing-tests" / "decisions.yaml")
        done = shell(repository, command)
        assert (done.stdout, done.stderr) == (printed, ""), command


def test_cases_pass_and_keep_to_the_schema(repository):
    schema = json.loads((ROOT / "docs" / "test-cases.schema.json").read_text())
    shutil.copy(ROOT / "docs" / "test-cases.schema.json", repository)
    paths = [*(repository / "routing-tests").glob("*.yaml"), *(repository / "one-file").glob("*.yaml")]
    assert len(paths) == 3
    for path in paths:
        for document in yaml.safe_load_all(path.read_text()):
            jsonschema.Draft202012Validator(schema).validate(document)
    assert shell(repository, "headerroute test -f k8s routing-tests one-file").returncode == 0


def test_the_starter_is_short():
    assert len(FILES["routing-tests/reviews.yaml"].splitlines()) < 30


def test_the_workflow_uses_the_action_of_this_repository(repository):
    """tests/ci runs the action's steps; here are the inputs of the document."""
    [job] = yaml.safe_load(FILES[".github/workflows/routing.yaml"])["jobs"].values()
    [step] = [step for step in job["steps"] if step["uses"].startswith("OWNER/headerroute@")]
    inputs = yaml.safe_load((ROOT / "action.yml").read_text())["inputs"]
    required = {name for name, about in inputs.items() if about.get("required")}
    assert required <= set(step["with"]) <= set(inputs)
    table = TEXT[TEXT.index("| input | means |"):TEXT.index("## pre-commit")]
    assert set(re.findall(r"`([a-z-]+)`", "".join(row.split("|")[1] for row in table.splitlines()[2:] if row.startswith("|")))) == set(inputs)


def test_the_job_of_gitlab(repository):
    """tests/images runs the commands in the image."""
    job = yaml.safe_load(FILES[".gitlab-ci.yml"])["routing"]
    version = re.search(r"project\(headerroute VERSION ([0-9.]+)", (ROOT / "CMakeLists.txt").read_text())[1]
    assert job["image"] == f"REGISTRY/headerroute:{version}"
    for command in job["script"]:
        assert shell(repository, command).returncode == 0, command
    assert (repository / job["artifacts"]["reports"]["junit"]).exists()


def test_hooks(repository):
    """tests/ci runs them as the tool pre-commit does, scripts/test-ci.sh with the tool itself."""
    [source] = yaml.safe_load(FILES[".pre-commit-config.yaml"])["repos"]
    defined = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
    commands = [".git/hooks/pre-commit"]
    for hook in source["hooks"]:
        assert re.match(hook["files"], "k8s/reviews.yaml") and not re.match(hook["files"], "src/main.c")
        changed = [] if defined[hook["id"]].get("pass_filenames") is False else ["k8s/reviews.yaml"]
        commands.append(" ".join([defined[hook["id"]]["entry"], *hook.get("args", []), *changed]))
    assert len(commands) == 3
    (repository / ".git/hooks/pre-commit").chmod(0o755)
    rules = repository / "k8s" / "reviews.yaml"
    good = rules.read_text()
    for command in commands:
        rules.write_text(good)
        assert shell(repository, command).returncode == 0
        wrong = good.replace("weight: 10}", 'weight: "10"}') if "validate" in command else good.replace("weight: 10}", "weight: 30}")
        rules.write_text(wrong)
        assert shell(repository, command).returncode == 1


@pytest.mark.parametrize("key", sorted(json.loads((ROOT / "docs" / "test-cases.schema.json").read_text())["$defs"]["view"]["properties"]))
def test_keys_of_a_view_are_in_the_table(key):
    assert f"| `{key}` |" in TEXT


def test_keys_of_a_batch_are_those_that_the_program_knows(repository):
    table = TEXT[TEXT.index("| key of a line |"):]
    keys = re.findall(r"`(\w+)`", "".join(line.split("|")[1] for line in table.splitlines()[2:] if line.startswith("|")))
    values = {"port": 80, "method": "GET", "random": 0, "draws": {}, "headers": [], "source_labels": {}, "outbound_policy": "allow-any",
              "repeated_headers": "each", "path_normalization": "none", "gateway": "mesh", "path": "/", "claims": {}}
    (repository / "all.jsonl").write_text(json.dumps({key: values.get(key, "http") for key in keys}) + "\n")
    answer = json.loads(shell(repository, "headerroute route -f k8s --batch all.jsonl").stdout)
    assert len(keys) == 17 and "error" not in answer, answer
