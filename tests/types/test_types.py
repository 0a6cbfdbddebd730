"""A program that uses the whole of both packages passes `mypy --strict`, and mistakes in it are found."""
import os
import pathlib
import subprocess
import sys

PROGRAM = pathlib.Path(__file__).parent / "typed_program.py"
PACKAGES = pathlib.Path(os.environ["HR_BUILD_DIR"]) / "python"


def mypy(path, cache):
    return subprocess.run([sys.executable, "-m", "mypy", "--strict", "--cache-dir", cache, path], text=True,
                          env={**os.environ, "MYPYPATH": str(PACKAGES)}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def test_a_program_is_checked_strictly(tmp_path):
    done = mypy(PROGRAM, tmp_path)
    assert done.returncode == 0, done.stdout


def test_the_program_runs():
    done = subprocess.run([sys.executable, PROGRAM], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env={**os.environ, "PYTHONPATH": str(PACKAGES)}, cwd=PROGRAM.parents[2])
    assert (done.returncode, done.stdout) == (0, "proxy-pod-subset1 (256, 192)\n")


def test_mistakes_are_found(tmp_path):
    wrong = tmp_path / "wrong.py"
    wrong.write_text("import grabcut, headerroute\n"
                     "d = headerroute.load('x').route('GET', 80)\n"
                     "d.destination.subste\n"
                     "grabcut.probe('text').width\n")
    done = mypy(wrong, tmp_path)
    lines = [line.split(":")[1] for line in done.stdout.splitlines() if ": error:" in line]
    assert lines and set(lines) == {"2", "3", "4"}, done.stdout
