"""A fresh clone in an empty folder, shared by the tests of what the documents say."""
import os
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def tracked_files():
    """What a clone of this tree would have: without build results, with changes that are not committed yet."""
    if not shutil.which("git") or not (ROOT / ".git").exists():
        return None
    names = subprocess.run(["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                           cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    return [name for name in names if name and os.path.lexists(ROOT / name)]


@pytest.fixture(scope="session")
def clone(tmp_path_factory):
    folder = tmp_path_factory.mktemp("empty") / "headerroute"
    names = tracked_files()
    if names is None:
        shutil.copytree(ROOT, folder, symlinks=True, ignore=shutil.ignore_patterns(
            "build", ".git", "__pycache__", "*.egg-info", "out_images*", ".venv", "lowlevel.py", "*.so"))
        return folder
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
    return folder
