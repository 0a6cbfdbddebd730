"""The scripts that people run explain themselves, and do nothing on a command line that is wrong."""
import os
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPTS = [path.relative_to(ROOT) for path in (ROOT / "demo.sh", ROOT / "test.sh", *sorted((ROOT / "scripts").glob("*.sh")))
           if os.access(path, os.X_OK)]
# Their arguments are those of pytest and of tests/conformance/replay.py.
PASS_ON = {"scripts/test-images.sh", "scripts/valgrind.sh"}


def run(script, *arguments, cwd):
    """With a PATH that has only what a shell script needs, so that a script that goes on does not get far."""
    tools = cwd / "tools"
    tools.mkdir()
    for name in ("bash", "cat", "dirname", "readlink"):
        [found] = [p for p in ("/bin", "/usr/bin") if os.path.exists(f"{p}/{name}")][:1]
        (tools / name).symlink_to(f"{found}/{name}")
    return subprocess.run([tools / "bash", ROOT / script, *arguments], cwd=cwd, env={"PATH": str(tools)}, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("flag", ["--help", "-h"])
@pytest.mark.parametrize("script", SCRIPTS, ids=str)
def test_help(script, flag, tmp_path):
    done = run(script, flag, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    first = done.stdout.splitlines()[0]
    assert first.startswith("usage: ") and str(script) in first


@pytest.mark.parametrize("argument", ["--nonsense", "-x"])
@pytest.mark.parametrize("script", [s for s in SCRIPTS if str(s) not in PASS_ON], ids=str)
def test_a_wrong_flag(script, argument, tmp_path):
    done = run(script, argument, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert len(done.stderr.splitlines()) == 1 and script.name in done.stderr


@pytest.mark.parametrize("command", [["demo.sh", "--port"], ["demo.sh", "--port", "65536"], ["demo.sh", "--port=0"], ["demo.sh", "--port", "x"],
                                     ["test.sh", "--only"], ["test.sh", "--only", ""], ["test.sh", "more"], ["scripts/install-deps.sh", "no-group"]],
                         ids=" ".join)
def test_a_wrong_value(command, tmp_path):
    done = run(*command, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "") and len(done.stderr.splitlines()) == 1


# ---- scripts/install-deps.sh, as a user who is not root ----

def install_deps(folder, **programs):
    """Runs it with a system of its own: nothing is installed, apt knows all but libh2o, and only these programs exist."""
    known = """shift
for name; do
    [ "$name" = libh2o-evloop-dev ] || printf '%s:\\n  Candidate: 1.0\\n' "$name"
done"""
    system = {"id": "echo 1000", "dpkg-query": "exit 1", "apt-get": "echo apt-get ran >&2; exit 100", "apt-cache": known, **programs}
    for name, text in system.items():
        (folder / name).write_text(f"#!/bin/bash\n{text}\n")
        (folder / name).chmod(0o755)
    for name in ("bash", "sort", "tr", "awk", "mktemp", "rm", "env", "grep", "sed", "head", "tail", "true"):
        (folder / name).symlink_to(shutil.which(name))
    return subprocess.run([folder / "bash", ROOT / "scripts/install-deps.sh", "build"], env={"PATH": str(folder)}, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60)


def check_what_to_run(line):
    command = line.partition("; ask an administrator to run: ")[2]
    assert command.startswith("apt-get update && apt-get install --no-install-recommends cmake ")
    names = command.split()
    assert "libuv1-dev" in names and "libh2o-evloop-dev" not in names and "|" not in command


def test_without_sudo_it_prints_what_an_administrator_can_run(tmp_path):
    done = install_deps(tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("install-deps.sh: this needs root or sudo; ") and len(done.stderr.splitlines()) == 1
    check_what_to_run(done.stderr)


def test_what_sudo_prints_is_seen(tmp_path):
    done = install_deps(tmp_path, sudo="echo 'sudo: a password is required' >&2; exit 1")
    assert (done.returncode, done.stdout) == (1, "")
    first, second = done.stderr.splitlines()
    assert first == "sudo: a password is required" and second.startswith("install-deps.sh: sudo refused; ")
    check_what_to_run(second)


def test_with_sudo_apt_runs_as_root(tmp_path):
    done = install_deps(tmp_path, sudo='exec "$@"')
    assert done.returncode == 1 and "apt could not download: cmake " in done.stderr
