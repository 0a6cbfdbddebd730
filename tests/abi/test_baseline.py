"""The ABI of the built libraries is the one in abi/. If a difference is meant, docs/abi.md says what to do."""
import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ["HR_BUILD_DIR"])
LIBRARIES = ["headerroute", "grabcut"]


def test_nothing_differs_from_the_baselines():
    done = subprocess.run([ROOT / "scripts" / "abi.sh", BUILD], text=True, capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("change", [
    (r"<elf-symbol name='\w+_version'[^>]*/>", ""),
    (r"(<class-decl name='(?:hr_load_options|grabcut_options)' size-in-bits=')\d+", r"\g<1>8"),
])
def test_a_change_is_reported(library, change, tmp_path):
    baseline = ROOT / "abi" / f"lib{library}.abi"
    text, n = re.subn(*change, baseline.read_text(), count=1)
    assert n == 1
    changed = tmp_path / "changed.abi"
    changed.write_text(text)
    done = subprocess.run(["abidiff", baseline, changed], text=True, capture_output=True)
    assert done.returncode & 4, done.stdout


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_baseline_has_the_soname_and_no_place_of_the_build(library):
    version = re.search(r"set\(HR_ABI_VERSION (\d+)\)", (ROOT / "CMakeLists.txt").read_text())[1]
    text = (ROOT / "abi" / f"lib{library}.abi").read_text()
    assert f"soname='lib{library}.so.{version}'" in text
    assert str(ROOT) not in text
