"""Builds the two extensions with the project's own CMake build, so that sources, flags and libraries are
named in one place. Everything else is in pyproject.toml."""
import os
import re
import shlex
import shutil
import subprocess
import sys

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

# One wheel for Python 3.11 and every later version. Needs SWIG 4.2.
ABI3 = os.environ.get("HEADERROUTE_ABI3") == "1"
ROOT = os.path.dirname(os.path.abspath(__file__))


def version():
    with open(os.path.join(ROOT, "CMakeLists.txt"), encoding="utf-8") as f:
        return re.search(r"project\(headerroute VERSION ([0-9.]+)", f.read())[1]


def missing_tools():
    """Tools that the system lacks and that PyPI has too: asked for where pip isolates the build."""
    wanted = {"cmake>=3.25": ["cmake"], "ninja": ["ninja"], "swig>=4.0": ["swig4.0", "swig"]}
    if ABI3:
        wanted = {"cmake>=3.25": ["cmake"], "ninja": ["ninja"], "swig>=4.2": []}  # the system's may be older
    return [name for name, programs in wanted.items() if not any(map(shutil.which, programs))]


class BuildWithCMake(build_ext):
    """Each extension's package gets what CMake builds for it: the extension, SWIG's module and the program."""

    def build_extensions(self):
        tree = os.path.abspath(os.path.join(self.build_temp, "cmake"))
        options = {"CMAKE_BUILD_TYPE": "Release", "HR_BUILD_SERVICES": "OFF", "HR_BUILD_OPENCV": "OFF",
                   "HR_BUILD_TESTS": "OFF", "HR_BUILD_PYTHON": "ON", "HR_PYTHON_ABI3": "ON" if ABI3 else "OFF",
                   "Python3_EXECUTABLE": sys.executable}
        # --fresh: the tree may have been configured for an interpreter, or in a folder, that is gone.
        configure = ["cmake", "--fresh", "-S", ROOT, "-B", tree, *(f"-D{k}={v}" for k, v in options.items()),
                     *shlex.split(os.environ.get("CMAKE_ARGS", ""))]  # the user's own, as other packages take them
        if shutil.which("ninja"):
            configure += ["-G", "Ninja"]
        # macOS has no sched_getaffinity.
        jobs = str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
        subprocess.run(configure, check=True)
        subprocess.run(["cmake", "--build", tree, "--target", "python", "--parallel", jobs], check=True)
        for ext in self.extensions:
            package = ext.name.split(".")[0]
            self.copy_built(ext, os.path.join(tree, "python", package))
            programs = os.path.join(os.path.dirname(self.get_ext_fullpath(ext.name)), "bin")
            os.makedirs(programs, exist_ok=True)
            shutil.copy(os.path.join(tree, "bin", package), programs)  # for its __main__.py

    def copy_built(self, ext, built):
        target = self.get_ext_fullpath(ext.name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        [extension] = [n for n in os.listdir(built) if n.startswith("_lowlevel.") and n.endswith(".so")]
        shutil.copy(os.path.join(built, extension), target)
        shutil.copy(os.path.join(built, "lowlevel.py"), os.path.dirname(target))


setup(
    version=version(),
    ext_modules=[Extension(f"{package}._lowlevel", [], py_limited_api=ABI3) for package in ("headerroute", "grabcut")],
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if ABI3 else {},
    cmdclass={"build_ext": BuildWithCMake},
    setup_requires=missing_tools(),
)
