"""An installed tree, used from outside of the source tree: found by CMake and by pkg-config, linked shared
and static, from C and from C++, and run."""
import json
import os
import pathlib
import platform
import re
import shutil
import subprocess

import pytest

CONSUMER = pathlib.Path(__file__).resolve().parent / "consumer"
BUILD = pathlib.Path(os.environ["HR_BUILD_DIR"])
LIBRARIES = ["headerroute", "grabcut", "grabcut-opencv"]
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]


def run(*command, **options):
    done = subprocess.run([str(c) for c in command], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          **options)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}"
    return done.stdout


@pytest.fixture(scope="session")
def prefix(tmp_path_factory):
    """Installed to one place, then moved: nothing in it may know where it was."""
    first = tmp_path_factory.mktemp("install") / "first"
    run("cmake", "--install", BUILD, "--prefix", first)
    moved = first.parent / "a place"
    first.rename(moved)
    return moved


@pytest.fixture(scope="session")
def static_prefix(prefix):
    """The same without shared libraries of ours, so that a linker has no choice."""
    copy = prefix.parent / "static"
    shutil.copytree(prefix, copy, symlinks=True)
    for library in (copy / "lib").glob("lib*.so*"):
        library.unlink()
    return copy


def libdir(prefix):
    found = list(prefix.glob("lib/**/pkgconfig"))
    assert len(found) == 1
    return found[0].parent


def source_of(library, language, folder):
    """The program, by the name that makes a compiler take it for C or C++."""
    source = CONSUMER / ("use_headerroute.c" if library == "headerroute" else "use_grabcut.c")
    copy = folder / (source.stem + (".c" if language == "C" else ".cc"))
    text = source.read_text()
    copy.write_text("#define USE_OPENCV\n" + text if library == "grabcut-opencv" else text)
    return copy


def check(program, library, prefix, shared):
    environment = {**os.environ, "LD_LIBRARY_PATH": str(libdir(prefix)) if shared else ""}
    out = run(program, env=environment)
    version = re.search(r"VERSION ([\d.]+)", (CONSUMER.parents[2] / "CMakeLists.txt").read_text().split("project(")[1])
    assert f"{version[1]} (headers {version[1]})" in out
    needed = run("readelf", "-d", program)
    assert (f"[lib{library}.so.0]" in needed) == shared, needed


@pytest.mark.parametrize("linkage", ["shared", "static"])
@pytest.mark.parametrize("language", ["C", "CXX"])
@pytest.mark.parametrize("library", LIBRARIES)
def test_find_package(prefix, tmp_path, library, language, linkage):
    target = f"{library}::{library}" + ("-static" if linkage == "static" else "")
    run("cmake", "-S", CONSUMER, "-B", tmp_path / "build", f"-DCMAKE_PREFIX_PATH={prefix}",
        f"-DUSE_LANGUAGE={language}", f"-DUSE_PACKAGE={library}", f"-DUSE_TARGET={target}",
        f"-DUSE_SOURCE={source_of(library, language, tmp_path)}")
    run("cmake", "--build", tmp_path / "build")
    check(tmp_path / "build" / "use", library, prefix, linkage == "shared")


def pkg_config(prefix, *arguments):
    environment = {**os.environ, "PKG_CONFIG_PATH": str(libdir(prefix) / "pkgconfig")}
    out = run("pkg-config", *arguments, env=environment)
    # A blank in a path is escaped for the shell.
    return [part.replace("\\ ", " ") for part in re.findall(r"(?:\\ |\S)+", out)]


def compile_with_pkg_config(prefix, folder, library, language, *flags):
    program = folder / "use"
    arguments = ["--static"] if "static" in prefix.name else []
    run("cc" if language == "C" else "c++", *WARNINGS, *flags, *pkg_config(prefix, "--cflags", library),
        source_of(library, language, folder), "-o", program, *pkg_config(prefix, *arguments, "--libs", library))
    return program


@pytest.mark.parametrize("linkage", ["shared", "static"])
@pytest.mark.parametrize("language", ["C", "CXX"])
@pytest.mark.parametrize("library", LIBRARIES)
def test_pkg_config(prefix, static_prefix, tmp_path, library, language, linkage):
    where = prefix if linkage == "shared" else static_prefix
    program = compile_with_pkg_config(where, tmp_path, library, language)
    check(program, library, where, linkage == "shared")


@pytest.mark.parametrize("library", ["headerroute", "grabcut"])
def test_a_program_without_any_shared_library(static_prefix, tmp_path, library):
    program = compile_with_pkg_config(static_prefix, tmp_path, library, "C", "-static")
    check(program, library, static_prefix, shared=False)
    assert "NEEDED" not in run("readelf", "-d", program)


@pytest.mark.parametrize("library", LIBRARIES)
def test_another_version_is_not_found(prefix, tmp_path, library):
    (tmp_path / "CMakeLists.txt").write_text(
        f"cmake_minimum_required(VERSION 3.16)\nproject(x C)\nfind_package({library} 9.0 QUIET)\n"
        f"if({library}_FOUND)\nmessage(FATAL_ERROR found)\nendif()\n")
    run("cmake", "-S", tmp_path, "-B", tmp_path / "build", f"-DCMAKE_PREFIX_PATH={prefix}")


PUBLIC = {"headerroute": r"hr_\w+", "grabcut": r"grabcut_\w+", "grabcut-opencv": r"grabcut_engine_opencv"}


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_shared_library_shows_its_public_names_only(prefix, library):
    path = libdir(prefix) / f"lib{library}.so"
    lines = [line.split() for line in run("nm", "-D", "--defined-only", path).splitlines()]
    shown = [line[-1].split("@")[0] for line in lines if line[-2] != "A"]  # A: the node of the version script
    header_folder = prefix / "include" / library.split("-")[0]
    declared = set(re.findall(PUBLIC[library] + r"(?=\()", "".join(p.read_text() for p in header_folder.glob("*.h"))))
    unknown = set(shown) - declared - {"__bss_start", "_edata", "_end"}  # the linker's own
    assert not unknown and declared & set(shown), unknown


def needed_by(prefix, library):
    return set(re.findall(r"\[(lib[\w+-]+)\.so", run("readelf", "-d", libdir(prefix) / f"lib{library}.so").split("SONAME")[0]))


def test_libheaderroute_needs_yaml_re2_and_xxhash_only(prefix):
    system = {"libc", "libm", "libstdc++", "libgcc_s"}
    assert needed_by(prefix, "headerroute") - system == {"libyaml-0", "libre2", "libxxhash"}
    packages = run("pkg-config", "--static", "--libs", "headerroute",
                   env={**os.environ, "PKG_CONFIG_PATH": str(libdir(prefix) / "pkgconfig")})
    assert "jansson" not in packages


def test_documents_that_headers_refer_to_are_installed(prefix):
    for header in (prefix / "include" / "headerroute").glob("*.h"):
        for path in re.findall(r"share/doc/[\w./-]*\w", header.read_text()):
            assert (prefix / path).is_file(), f"{header.name}: {path}"


def test_flags_of_the_user_stay_and_assertions_too(tmp_path):
    root = CONSUMER.parents[2]
    run("cmake", "-S", root, "-B", tmp_path, "-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_C_FLAGS_RELEASE=-O1 -DNDEBUG",
        "-DHR_BUILD_SERVICES=OFF", "-DHR_BUILD_PYTHON=OFF", "-DHR_BUILD_OPENCV=OFF")
    commands = [c["command"] for c in json.loads((tmp_path / "compile_commands.json").read_text())
                if c["file"].endswith("/src/base/error.c")]
    assert commands
    for command in commands:
        assert command.index("-O1") < command.index("-DNDEBUG") < command.index("-UNDEBUG")
        assert "-O2" not in command


REFUSED = "headerroute supports 64-bit little-endian processors only, such as x86-64 and arm64; this compiler builds for "


def refusal(*arguments):
    done = subprocess.run(["cmake", *map(str, arguments)], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode != 0
    return " ".join(done.stdout.split())


def test_another_kind_of_processor_is_refused_when_configuring(tmp_path):
    root = CONSUMER.parents[2]
    script = root / "cmake" / "CheckPlatform.cmake"
    assert REFUSED + "64 bits, BIG_ENDIAN" in refusal("-DCMAKE_SIZEOF_VOID_P=8", "-DCMAKE_C_BYTE_ORDER=BIG_ENDIAN", "-P", script)
    if platform.machine() == "x86_64":
        # As a static library: programs for 32 bits need a C library that is not installed.
        out = refusal("-S", root, "-B", tmp_path, "-DCMAKE_C_FLAGS=-m32", "-DCMAKE_CXX_FLAGS=-m32",
                      "-DCMAKE_TRY_COMPILE_TARGET_TYPE=STATIC_LIBRARY")
        assert REFUSED + "32 bits, LITTLE_ENDIAN" in out


def test_libgrabcut_needs_neither_cxx_nor_opencv(prefix):
    needed = run("readelf", "-d", libdir(prefix) / "libgrabcut.so")
    assert "libstdc++" not in needed and "opencv" not in needed


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_soname_has_the_version_of_the_abi(prefix, library):
    version = re.search(r"set\(HR_ABI_VERSION (\d+)\)", (CONSUMER.parents[2] / "CMakeLists.txt").read_text())[1]
    assert f"soname: [lib{library}.so.{version}]" in run("readelf", "-d", libdir(prefix) / f"lib{library}.so")


@pytest.mark.parametrize("header", ["headerroute/headerroute.h", "headerroute/types.h", "headerroute/load.h", "headerroute/view.h",
                                    "headerroute/route.h", "headerroute/balance.h", "headerroute/diff.h",
                                    "grabcut/grabcut.h", "grabcut/opencv.h"])
@pytest.mark.parametrize("standard", ["c99", "c11", "c++11", "c++17"])
def test_a_header_stands_alone_in_every_standard(prefix, tmp_path, header, standard):
    source = tmp_path / ("x.cc" if "++" in standard else "x.c")
    source.write_text(f"#include <{header}>\nint main(void) {{ return 0; }}\n")
    run("c++" if "++" in standard else "cc", f"-std={standard}", *WARNINGS, "-I", prefix / "include", "-c", source,
        "-o", tmp_path / "x.o")
