"""An installed tree, a copy of examples/ to build in, and ways to run programs."""
import os
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ["HR_BUILD_DIR"])


class Installed:
    """Runs programs as a user who installed the project to `prefix` does."""

    def __init__(self, prefix):
        self.prefix = prefix
        [pkgconfig] = prefix.glob("lib/**/pkgconfig")
        self.environment = {**os.environ, "PKG_CONFIG_PATH": str(pkgconfig), "LD_LIBRARY_PATH": str(pkgconfig.parent),
                            "CMAKE_PREFIX_PATH": str(prefix), "PYTHONPATH": str(BUILD / "python")}

    def run(self, *command, status=0, **options):
        done = subprocess.run([str(c) for c in command], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=300, **{"env": self.environment, **options})
        assert done.returncode == status, done.stdout
        return done.stdout


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    prefix = tmp_path_factory.mktemp("install") / "prefix"
    subprocess.run(["cmake", "--install", BUILD, "--prefix", prefix], check=True, stdout=subprocess.DEVNULL)
    return Installed(prefix)


@pytest.fixture
def examples(tmp_path):
    return shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("__pycache__"))
