"""scripts/check_structure.py: finds circles, files without an opening sentence, and functions in the wrong source."""
import importlib.util
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CIRCLE = {"services/a.c": '/* All of a is here. */\n#include "a.h"\n#include "b.h"\n', "services/a.h": "/* All of a is here. */\n",
          "services/b.c": '/* All of b is here. */\n#include "b.h"\n#include "a.h"\n', "services/b.h": "/* All of b is here. */\n"}


@pytest.fixture
def check(tmp_path, capsys, monkeypatch):
    """Writes files into a repository of its own, checks it, and returns the exit code and what was printed."""
    spec = importlib.util.spec_from_file_location("check_structure", ROOT / "scripts/check_structure.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(sys, "setrecursionlimit", lambda limit: None)

    def run(files, known=()):
        files = {f"{folder}/empty.h": "/* Nothing is in this one. */\n" for folder in module.FOLDERS} | files
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        subprocess.run(["git", "init", "-q", tmp_path], check=True)
        subprocess.run(["git", "-C", tmp_path, "add", "."], check=True)
        module.ROOT, module.INTERFACES, module.CIRCLES = tmp_path, [], {group: "a reason" for group in known}
        code = module.main()
        return code, capsys.readouterr().out

    return run


def test_two_subjects_that_include_each_other_are_a_circle(check):
    assert check(CIRCLE) == (1, "services: subjects include each other: services/a, services/b\n")


def test_a_circle_with_a_reason_may_stay_and_must_be_there(check):
    assert check(CIRCLE, [("services/a", "services/b")])[0] == 0
    code, text = check(CIRCLE | {"services/b.c": '/* All of b is here. */\n#include "b.h"\n'}, [("services/a", "services/b")])
    assert code == 1 and "a circle that is not there: services/a, services/b" in text


def test_a_subject_is_its_source_with_its_headers(check):
    files = {"cli/a.c": '/* All of a is here. */\n#include "a_internal.h"\n', "cli/a.h": "/* All of a is here. */\n",
             "cli/a_internal.h": '/* What a shares with b. */\n#include "a.h"\n',
             "cli/b.c": '/* All of b is here. */\n#include "b.h"\n#include "a_internal.h"\n', "cli/b.h": "/* All of b is here. */\n"}
    assert check(files)[0] == 0


def test_a_file_opens_with_a_sentence(check):
    assert check({"cli/a.h": "#define A 1\n"}) == (1, "cli/a.h: does not open with a comment sentence\n")


def test_a_function_is_defined_in_the_source_of_its_header(check):
    files = {"cli/a.h": "/* All of a is here. */\nvoid hr_a(int n);\n", "cli/b.h": "/* All of b is here. */\n",
             "cli/b.c": '/* All of b is here. */\n#include "b.h"\n#include "a.h"\nvoid hr_a(int n) {\n}\n'}
    assert check(files) == (1, "cli/a.h: hr_a, cli/b.c: is defined in the source of another header\n")


def test_a_source_with_functions_for_others_has_a_header(check):
    files = {"cli/a.c": "/* All of a is here. */\nvoid hr_a(int n) {\n}\n"}
    assert check(files) == (1, "cli/a.c: defines functions for other files and has no header of its own\n")


def test_the_sources_pass():
    done = subprocess.run([ROOT / "scripts/check_structure.py"], text=True, capture_output=True)
    assert done.returncode == 0, done.stdout
