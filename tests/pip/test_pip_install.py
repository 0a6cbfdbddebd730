"""`pip install .` from a copy of the checkout, with Debian's packages alone, in an environment of its own."""
import os
import re
import shutil
import subprocess
import sys
import zipfile

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# Not from an index, and not from what another test left.
NO_INDEX = {"PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_CACHE_DIR": "1", "PYTHONPATH": "",
            "PYTHONDONTWRITEBYTECODE": ""}


def run(*command, **options):
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=800,
                          env={**os.environ, **NO_INDEX}, **options)
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """The tree without what is built in it: a build must not find the results of another."""
    copy = tmp_path_factory.mktemp("checkout") / "headerroute"
    shutil.copytree(ROOT, copy, symlinks=True, ignore=shutil.ignore_patterns(
        "build", ".git", "__pycache__", "*.egg-info", "out_images*", ".venv", "lowlevel.py", "*.so"))
    return copy


@pytest.fixture(scope="module")
def wheel(checkout):
    run(sys.executable, "-m", "pip", "wheel", "--no-build-isolation", "--no-deps", "-w", "dist", ".", cwd=checkout)
    [name] = os.listdir(checkout / "dist")
    return checkout / "dist" / name


@pytest.fixture(scope="module")
def python(tmp_path_factory, checkout, wheel):
    """The interpreter of an environment that `pip install .` has been run in."""
    folder = tmp_path_factory.mktemp("venv")
    run(sys.executable, "-m", "venv", "--system-site-packages", str(folder))
    python = str(folder / "bin" / "python")
    run(python, "-m", "pip", "install", "--no-build-isolation", ".", cwd=checkout)
    return python


def test_wheel_holds_two_modules_two_programs_and_the_client(wheel):
    archive = zipfile.ZipFile(wheel)
    names = set(archive.namelist())
    for package in ("headerroute", "grabcut"):
        assert archive.getinfo(f"{package}/bin/{package}").external_attr >> 16 & 0o111
        assert {f"{package}/{n}" for n in ("__init__.py", "lowlevel.py", "lowlevel.pyi", "py.typed")} <= names
        assert any(n.startswith(f"{package}/_lowlevel.") and n.endswith(".so") for n in names)
    assert "headerroute_request/cli.py" in names
    assert {n.split("/")[0] for n in names if ".dist-info" not in n} == {"headerroute", "grabcut", "headerroute_request"}
    assert wheel.name.startswith("headerroute-")


def test_installed_modules_work_outside_the_checkout(python, checkout, tmp_path):
    code = f"""
import headerroute, grabcut, numpy
table = headerroute.load({str(checkout / "k8s" / "base")!r}, {str(checkout / "k8s" / "local")!r})
d = table.route("POST", "http://proxy-server:5000/predict", headers={{"target": "condition1"}})
image = grabcut.decode(open({str(checkout / "photos" / "portrait.jpg")!r}, "rb").read())
mask = grabcut.segment(image, rect=(10, 12, 170, 230), iterations=1, seed=1)
print(d.destination.subset, sorted(numpy.unique(mask)), headerroute.__file__)
"""
    out = run(python, "-c", code, cwd=tmp_path)
    assert out.startswith("proxy-pod-subset1 [0, 1] ") and os.path.dirname(os.path.dirname(python)) in out


def test_distribution_is_named_and_versioned(python, checkout, tmp_path):
    out = run(python, "-c", "import importlib.metadata as m, headerroute, grabcut;"
                            "print(m.version('headerroute'), headerroute.__version__, grabcut.__version__)", cwd=tmp_path)
    [version] = set(out.split())
    with open(checkout / "CMakeLists.txt", encoding="utf-8") as f:
        assert f"project(headerroute VERSION {version} " in f.read()


@pytest.mark.parametrize("name", ["headerroute", "grabcut", "headerroute-request"])
def test_commands_are_installed(python, tmp_path, name):
    command = os.path.join(os.path.dirname(python), name)
    out = run(command, "--help", cwd=tmp_path)
    assert out.startswith(f"usage: {name} ")
    assert run(python, "-m", name.replace("-", "_"), "--help", cwd=tmp_path) == out


def test_a_command_passes_on_arguments_streams_and_the_exit_code(python, tmp_path):
    command = os.path.join(os.path.dirname(python), "headerroute")
    (tmp_path / "a b.yaml").write_text("kind: VirtualService\n")
    done = subprocess.run([command, "validate", "a b.yaml"], cwd=tmp_path, text=True, capture_output=True)
    assert done.returncode == 1 and "a b.yaml:1:1: error: " in done.stdout and "1 error" in done.stderr


def files_to_install(build, source):
    """Every file of the source tree that the install scripts of a configured tree name."""
    for script in build.rglob("cmake_install.cmake"):
        yield from re.findall(f'"({re.escape(str(source))}/[^"\\n]+)"', script.read_text())


def test_source_distribution_is_complete(checkout, python, tmp_path):
    """The archive holds every file that the build reads: CMake configures from it, Ninja finds every source of
    the libraries, the program and the modules, and every file to install exists."""
    run(python, "setup.py", "-q", "sdist", "-d", str(tmp_path), cwd=checkout)
    [archive] = os.listdir(tmp_path)
    shutil.unpack_archive(tmp_path / archive, tmp_path)
    [source] = [p for p in tmp_path.iterdir() if p.is_dir()]
    build = tmp_path / "build"
    run("cmake", "-G", "Ninja", "-S", str(source), "-B", str(build), "-DHR_BUILD_SERVICES=OFF", "-DHR_BUILD_OPENCV=OFF",
        "-DHR_BUILD_TESTS=OFF", f"-DPython3_EXECUTABLE={sys.executable}")
    run("cmake", "--build", str(build), "--", "-n")
    to_install = set(files_to_install(build, source))
    assert str(source / "docs" / "man" / "headerroute.1") in to_install
    assert [path for path in to_install if not os.path.exists(path)] == []

    listed = {os.path.relpath(os.path.join(folder, name), source)
              for folder, _, names in os.walk(source) for name in names}
    for folder_of_sources in ("cmake", "words", "cli", "libheaderroute", "libgrabcut", "bindings", "services/body", "services/request",
                              "docs/man", "docs/completions"):
        for folder, _, names in os.walk(checkout / folder_of_sources):
            for name in names:
                path = os.path.relpath(os.path.join(folder, name), checkout)
                if "__pycache__" not in path and not name.endswith((".so", ".pyc")):
                    assert path in listed
