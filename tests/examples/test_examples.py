"""The programs of examples/ that end by themselves: built as their README says, run, and their output compared."""
import os
import pathlib
import re
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
RULES = [ROOT / "k8s" / "base", ROOT / "k8s" / "local"]
STRICT = "CFLAGS=-std=gnu11 -O2 -Wall -Wextra -Wpedantic -Werror"


def test_every_example_is_listed_and_has_a_readme():
    folders = {p.name for p in (ROOT / "examples").iterdir() if p.is_dir()}
    listed = set(re.findall(r"^\| \[[\w-]+\]\(([\w-]+)\)", (ROOT / "examples" / "README.md").read_text(), re.M))
    assert folders == listed
    assert [name for name in folders if not (ROOT / "examples" / name / "README.md").is_file()] == []


def build_with_cmake(installed, folder):
    installed.run("cmake", "-S", folder, "-B", folder / "build", "-DCMAKE_C_FLAGS=-Werror", "-DCMAKE_CXX_FLAGS=-Werror")
    installed.run("cmake", "--build", folder / "build")
    return folder / "build"


def build_with_pkg_config(installed, folder):
    installed.run("make", "-C", folder, "-f", "Makefile.pkg-config", STRICT)
    return folder


def build_with_make(installed, folder):
    libdir = installed.environment["LD_LIBRARY_PATH"]
    # The Makefile gives the program a path to the library.
    del installed.environment["LD_LIBRARY_PATH"]
    try:
        installed.run("make", "-C", folder, f"PREFIX={installed.prefix}", f"LIBDIR={libdir}", STRICT)
        installed.run(folder / "route", "x", *RULES)
    finally:
        installed.environment["LD_LIBRARY_PATH"] = libdir
    return folder


@pytest.mark.parametrize("build", [build_with_cmake, build_with_pkg_config, build_with_make])
def test_consumer(installed, examples, build):
    program = build(installed, examples / "consumer") / "route"
    assert installed.run(program, "condition1", *RULES) == "proxy-pod-subset1\n"
    assert installed.run(program, "anything", *RULES) == "proxy-pod-subset2\n"
    assert "No such file" in installed.run(program, "condition1", "missing.yaml", status=1)


def test_cxx17_consumer(installed, examples):
    program = build_with_cmake(installed, examples / "consumer-cxx17") / "router"
    lines = installed.run(program).splitlines()
    assert lines[:3] == ["medical.default.svc.cluster.local", "general.default.svc.cluster.local", "none"]
    assert re.match(r"rules:1:1: error: ", lines[3])


def run_pytest(installed, folder, status=0):
    return installed.run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", ".", cwd=folder, status=status)


def test_rules_of_a_team_pass_their_suite(installed, examples):
    assert " passed" in run_pytest(installed, examples / "pytest-rules")


def test_the_suite_of_a_team_finds_a_broken_rule(installed, examples):
    rules = examples / "pytest-rules" / "rules" / "models.yaml"
    rules.write_text(rules.read_text().replace("regex: medical|radiology", "regex: medical.*"))
    out = run_pytest(installed, examples / "pytest-rules", status=1)
    assert re.search(r"FAILED .*radiology-medical", out) and re.search(r"FAILED .*medical-x-stable", out)


@pytest.fixture
def photos(tmp_path):
    """Three photos and a file that is none."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("portrait.jpg", "chelsea.png"):
        (folder / name).write_bytes((ROOT / "photos" / name).read_bytes())
    (folder / "ein Bild \u00fc.JPG").write_bytes((ROOT / "photos" / "portrait.jpg").read_bytes())
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 not a photo")
    return folder


def test_a_folder_is_segmented_by_python_and_c_alike(installed, examples, photos, tmp_path):
    installed.run("make", "-C", examples / "batch", STRICT)
    of_c, of_python = tmp_path / "of-c", tmp_path / "of-python"
    of_c.mkdir()
    outputs = [installed.run(examples / "batch" / "segment_folder", photos, of_c, status=1),
               installed.run(sys.executable, examples / "batch" / "segment_folder.py", photos, of_python, status=1)]
    for out in outputs:
        assert out.splitlines()[-1] == "3 ok, 1 failed"
        assert [line for line in out.splitlines()[:-1]] and "broken.jpg: " in out
    names = sorted(os.listdir(of_c))
    assert names == sorted(os.listdir(of_python)) == ["chelsea.png", "ein Bild \u00fc.png", "portrait.png"]
    for name in names:
        assert (of_c / name).read_bytes() == (of_python / name).read_bytes()
