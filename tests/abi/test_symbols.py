"""What the shared libraries export is what their public headers declare, and every public struct has a way to grow."""
import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ["HR_BUILD_DIR"])
HEADERS = {"headerroute": ["types.h", "load.h", "view.h", "listeners.h", "route.h", "balance.h", "diff.h", "convert.h", "reach.h", "order.h"],
           "grabcut": ["grabcut.h"]}
MARKS = {"headerroute": "HR_API", "grabcut": "GRABCUT_API"}


def code_of(library):
    """The public headers without comments."""
    folder = ROOT / f"lib{library}" / "include" / library
    return "\n".join(re.sub(r"/\*.*?\*/", "", (folder / name).read_text(), flags=re.S) for name in HEADERS[library])


def declared(library):
    code = re.sub(r"^#.*$", "", code_of(library), flags=re.M)
    return set(re.findall(MARKS[library] + r"\b[^;(]*?(\w+)\(", code))


def listed(library):
    text = (ROOT / f"lib{library}" / f"lib{library}.map").read_text()
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    return set(re.findall(r"^\s+(\w+);$", text.split("global:")[1].split("local:")[0], flags=re.M))


def exported(library):
    out = subprocess.run(["nm", "-D", "--defined-only", BUILD / "lib" / f"lib{library}.so"], text=True,
                         capture_output=True, check=True).stdout
    return {line.split()[-1].split("@")[0] for line in out.splitlines() if line.split()[1] != "A"}


@pytest.mark.parametrize("library", HEADERS)
def test_headers_version_script_and_library_have_the_same_functions(library):
    assert declared(library) == listed(library) == exported(library)


@pytest.mark.parametrize("library", HEADERS)
def test_the_node_of_the_version_script_has_the_version_of_the_abi(library):
    version = re.search(r"set\(HR_ABI_VERSION (\d+)\)", (ROOT / "CMakeLists.txt").read_text())[1]
    assert re.search(rf"^{library.upper()}_{version} {{$", (ROOT / f"lib{library}" / f"lib{library}.map").read_text(), re.M)


def test_the_umbrella_includes_every_header():
    text = (ROOT / "libheaderroute/include/headerroute/headerroute.h").read_text()
    assert sorted(re.findall(r"^#include <headerroute/(.*)>$", text, re.M)) == sorted(HEADERS["headerroute"])


def structs(library):
    """Name -> members of each struct whose members a program sees."""
    code = code_of(library)
    prefix = "hr" if library == "headerroute" else library
    return {name: body for name, body in re.findall(rf"^(?:typedef )?struct ({prefix}_\w+) {{(.*?)^}}", code, flags=re.S | re.M)}


def section(heading):
    return (ROOT / "docs/abi.md").read_text().split(f"### {heading}\n")[1].split("\n#")[0]


def places(library):
    """Name of a place in docs/abi.md -> the structs that are listed there."""
    if library == "headerroute":
        texts = [section(heading) for heading in ("Versioned structs", "Structs that the library makes", "Fixed structs")]
    else:
        texts = re.search(r"^(.*are versioned)\.(.*grabcut_progress`)\.(.*are fixed)\.", section("Structs of libgrabcut"), re.S).groups()
    return dict(zip(("versioned", "made", "fixed"), (set(re.findall(r"`((?:hr|grabcut)_\w+)`", text)) for text in texts)))


@pytest.mark.parametrize("library", HEADERS)
def test_every_struct_is_versioned_or_has_its_place_in_the_document(library):
    found, listed = structs(library), places(library)
    assert listed["versioned"] == {name for name, body in found.items() if body.split(";")[0].split() == ["unsigned", "version"]}
    assert sorted(name for names in listed.values() for name in names) == sorted(found)


@pytest.mark.parametrize("library", HEADERS)
def test_every_versioned_struct_can_be_initialised(library):
    code = code_of(library)
    # The caller implements an engine and sets every member: it has no initialiser.
    for name in places(library)["versioned"] - {"grabcut_engine"}:
        assert re.search(rf"^#define {name.upper()}_INIT\b", code, re.M), name
    for name in places(library)["versioned"]:
        assert re.search(rf"^#define {name.upper()}_VERSION\b", code, re.M), name


def test_every_enum_has_names():
    code = code_of("headerroute")
    for name in re.findall(r"\} (hr_\w+);", "\n".join(re.findall(r"typedef enum [^;]*;", code))):
        assert f"const char *{name}_name(" in code, name


def test_headers_refer_to_installed_files_only():
    install = (ROOT / "libheaderroute/CMakeLists.txt").read_text()
    for header in (ROOT / "libheaderroute/include/headerroute").glob("*.h"):
        for path in re.findall(r"[\w./-]+\.(?:md|json|svg)\b", header.read_text()):
            assert path.startswith("share/doc/headerroute/"), f"{header.name}: {path}"
            assert f"docs/{pathlib.PurePath(path).name}" in install, f"{header.name}: {path}"
