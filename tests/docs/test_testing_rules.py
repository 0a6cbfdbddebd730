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
    assert len(FILES) == 9 and len(COMMANDS) == 11


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


def test_steps_of_the_workflow(repository):
    """The build is that of the README; what comes after it runs here."""
    [job] = yaml.safe_load(FILES[".github/workflows/routing.yaml"])["jobs"].values()
    steps = {step.get("name"): step for step in job["steps"]}
    for name in ("Check what Istio would refuse", "Test the routes"):
        done = shell(repository, steps[name]["run"])
        assert done.returncode == 0, done.stdout + done.stderr
    build = steps["Build headerroute"]["run"].split()
    assert (ROOT / build[0]).exists() and (BUILD / "bin" / "headerroute").exists()
    assert "headerroute-cli" in build and "add_executable(headerroute-cli" in (ROOT / "cli" / "CMakeLists.txt").read_text()


def test_hooks(repository):
    [hook] = yaml.safe_load(FILES[".pre-commit-config.yaml"])["repos"][0]["hooks"]
    (repository / ".git/hooks/pre-commit").chmod(0o755)
    for command in (hook["entry"], ".git/hooks/pre-commit"):
        assert shell(repository, command).returncode == 0
        rules = repository / "k8s" / "reviews.yaml"
        rules.write_text(rules.read_text().replace("weight: 10}", "weight: 30}"))
        assert shell(repository, command).returncode == 1
        rules.write_text(rules.read_text().replace("weight: 30}", "weight: 10}"))
    assert re.match(hook["files"], "k8s/reviews.yaml") and not re.match(hook["files"], "src/main.c")


@pytest.mark.parametrize("key", sorted(json.loads((ROOT / "docs" / "test-cases.schema.json").read_text())["$defs"]["view"]["properties"]))
def test_keys_of_a_view_are_in_the_table(key):
    assert f"| `{key}` |" in TEXT


def test_keys_of_a_batch_are_those_that_the_program_knows(repository):
    table = TEXT[TEXT.index("| key of a line |"):]
    keys = re.findall(r"`(\w+)`", "".join(line.split("|")[1] for line in table.splitlines()[2:] if line.startswith("|")))
    values = {"port": 80, "method": "GET", "random": 0, "draws": {}, "headers": [], "source_labels": {}, "outbound_policy": "allow-any",
              "repeated_headers": "each", "path_normalization": "none", "gateway": "mesh", "path": "/"}
    (repository / "all.jsonl").write_text(json.dumps({key: values.get(key, "http") for key in keys}) + "\n")
    answer = json.loads(shell(repository, "headerroute route -f k8s --batch all.jsonl").stdout)
    assert len(keys) == 16 and "error" not in answer, answer
