"""The scripts that people run explain themselves, and do nothing on a command line that is wrong."""
import os
import pathlib
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
