"""`headerroute convert`: what is written, what is listed, what the comparison says, and how files are written.

A case of tests/headerroute/fixtures/convert is `NAME.in.yaml` with what is written in `NAME.out.yaml` and what is said in
`NAME.txt`, whose first line has the language and the exit code: "--to gateway-api, exit 0".
"""
import os
import pathlib
import re
import subprocess

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ["HR_BUILD_DIR"]) / "bin" / "headerroute"
CASES = sorted((ROOT / "tests/headerroute/fixtures/convert").glob("*.in.yaml"))


def run(*words, **more):
    return subprocess.run([PROGRAM, *map(str, words)], cwd=ROOT, text=True, capture_output=True, timeout=120, **more)


def name_of(path):
    return path.name.removesuffix(".in.yaml")


def convert(path, *more):
    """Runs the command as the case says. Returns the result, and the exit code and the text that are expected."""
    first, said = path.with_name(f"{name_of(path)}.txt").read_text().split("\n", 1)
    to, code = re.fullmatch(r"--to (gateway-api|istio), exit (\d)", first).groups()
    return run("convert", "-f", path.relative_to(ROOT), "--to", to, *more), int(code), said


def resources(folder_or_text):
    return [d for d in yaml.safe_load_all(folder_or_text) if d]


@pytest.mark.parametrize("path", CASES, ids=name_of)
def test_a_case_is_written_and_reported_word_for_word(path):
    done, code, said = convert(path)
    assert done.stderr == said
    assert done.stdout == path.with_name(f"{name_of(path)}.out.yaml").read_text()
    assert done.returncode == code


@pytest.mark.parametrize("path", CASES, ids=name_of)
def test_what_is_written_is_valid_beside_the_rest(path, tmp_path):
    done, _, _ = convert(path)
    replaced = {"VirtualService", "HTTPRoute", "GRPCRoute", "Gateway"}
    documents = [text for text in path.read_text().split("---\n") if yaml.safe_load(text)["kind"] not in replaced]
    (tmp_path / "all.yaml").write_text("---\n".join(documents + [done.stdout]))
    checked = run("validate", tmp_path)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert resources(done.stdout)


def test_both_languages_have_cases():
    assert {convert(path)[0].args[5] for path in CASES} == {"gateway-api", "istio"}
    assert len(CASES) >= 8


def test_a_folder_gets_a_file_for_each_resource(tmp_path):
    done, code, _ = convert(CASES[0], "-o", tmp_path / "new")
    assert done.returncode == code
    texts = [path.read_text() for path in sorted((tmp_path / "new").iterdir())]
    expected = resources(CASES[0].with_name(f"{name_of(CASES[0])}.out.yaml").read_text())
    assert sorted(map(str, resources("---\n".join(texts)))) == sorted(map(str, expected))
    assert "compared all requests" in done.stdout


def test_no_file_is_overwritten_and_none_is_left_behind(tmp_path):
    convert(CASES[0], "-o", tmp_path / "new")
    names = sorted((tmp_path / "new").iterdir())
    assert len(names) > 1
    for other in names[:-1]:
        other.unlink()
    names[-1].write_text("mine")
    done, _, _ = convert(CASES[0], "-o", tmp_path / "new")
    assert done.returncode == 2
    assert "File exists" in done.stderr
    assert [path.name for path in (tmp_path / "new").iterdir()] == [names[-1].name]
    assert names[-1].read_text() == "mine"


@pytest.mark.parametrize("words, message", [
    (["--to", "istio"], "expected -f PATH"),
    (["-f", "k8s/base"], "expected --to gateway-api or --to istio"),
    (["-f", "k8s/base", "--to", "nginx"], "expected --to gateway-api or --to istio"),
    (["-f", "k8s/base", "--to", "istio", "more"], "unexpected argument 'more'; files are given by -f"),
], ids=lambda value: "-".join(value) if isinstance(value, list) else "")
def test_a_wrong_command_line_is_one_sentence(words, message):
    done = run("convert", *words)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == f"headerroute convert: {message} (see: headerroute convert --help)\n"


def test_files_with_errors_are_not_converted(tmp_path):
    (tmp_path / "bad.yaml").write_text("apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: a}\nspec: {hosts: 1}\n")
    done = run("convert", "-f", tmp_path, "--to", "gateway-api")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "bad.yaml:4:" in done.stderr
