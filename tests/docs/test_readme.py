"""A reader's first minutes: the commands of README.md and of the documents that it names, from a fresh clone in an empty folder,
in order, with the output compared."""
import os
import pathlib
import subprocess

import pytest

from document import Command, File, follow, matches, steps_of

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def reader(clone, tmp_path_factory):
    """The environment of a user with an empty home folder."""
    keep = ("PATH", "LANG", "USER", "LOGNAME", "TERM", "CCACHE_DIR", "CCACHE_BASEDIR", "CCACHE_NOHASHDIR",
            "CMAKE_C_COMPILER_LAUNCHER", "CMAKE_CXX_COMPILER_LAUNCHER")
    environment = {name: os.environ[name] for name in keep if name in os.environ}
    environment.update(HOME=str(tmp_path_factory.mktemp("home")), PIP_NO_INDEX="1", PIP_DISABLE_PIP_VERSION_CHECK="1")
    yield environment
    subprocess.run([clone / "demo.sh", "--stop"], check=True, capture_output=True, timeout=60)


# In this order: each works with what the ones before it have built and installed.
@pytest.mark.parametrize("name", ["README.md", "docs/build.md", "docs/demo.md"])
def test_what_a_document_says_works(name, clone, reader):
    follow(ROOT / name, clone, reader)


def test_the_program_of_the_readme_says_why_it_fails_in_another_folder(clone, reader, tmp_path):
    environment = {**reader, "LD_LIBRARY_PATH": f"{reader['HOME']}/.local/lib"}
    done = subprocess.run([clone / "main"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and done.stdout == ""
    assert "k8s/base" in done.stderr and "No such file or directory" in done.stderr


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 120


def test_a_release_build_has_no_tests(clone, reader):
    assert not list((clone / "build/release/bin").glob("test-*"))


# ---- the reading of documents ----

def test_blocks_become_commands_and_files():
    text = 'Save this as `a/b.c`:\n\n```c\nint x;\n```\n\n```console\n$ one\nout\n$ two\n```\n\nAppend this to\n`x`:\n```yaml\ny\n```\n```sh\nnot run\n```\n'
    assert steps_of(text) == [File("a/b.c", "int x;\n", False), Command(8, "one", ["out"]), Command(10, "two", []), File("x", "y\n", True)]


@pytest.mark.parametrize("expected, actual, same", [
    ([], [], True), ([], ["x"], False), (["x"], [], False), (["a  b"], ["a b"], True), (["a", "..."], ["a", "b", "c"], True),
    (["...", "c"], ["a", "b", "c"], True), (["...", "c"], ["a", "b"], False), (["a...c"], ["abc"], True), (["a...c"], ["abd"], False),
    (["a.c"], ["abc"], False), (["..."], [], True)])
def test_output_is_compared(expected, actual, same):
    assert matches(expected, actual) is same
