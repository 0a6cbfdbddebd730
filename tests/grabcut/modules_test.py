"""The structure of libgrabcut: what each module may include, one header a source, one name a function."""
import collections
import json
import os
import pathlib
import re
import shlex
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCES = ROOT / "libgrabcut" / "src"
BUILD = pathlib.Path(os.environ.get("HR_BUILD_DIR", ROOT / "build/release"))

MAY_INCLUDE = {"base": {"base"}, "codec": {"codec", "base"}, "simd": {"simd"}, "engine": {"engine", "simd", "base"}}

# Functions that each SIMD level brings under the same name (vectors.inc, tiles.inc, kernels.h).
OF_A_LEVEL = {
    "dot", "max_i", "max_d", "min_d", "max_f", "fma_d", "fma_f", "any_set", "narrow", "to_doubles", "store_labels",
    "distance_terms", "unpack", "accumulate", "accumulate_both", "link_eights", "look_around", "keep_labels", "admissible",
    "relabel", "split_planes", "signs", "below", "ample", "set_bytes"}

FILES = sorted(p for p in SOURCES.glob("*/*") if p.suffix in (".c", ".h", ".inc"))
FUNCTION = re.compile(r"^static (?:inline )?(?:__attribute__\(\(\w+\)\) )?(?:const )?(?:struct )?\w+ \**(\w+)\(", re.M)


def name_of(path):
    return str(path.relative_to(SOURCES))


def without_comments(text):
    return re.sub(r"/\*.*?\*/", "", text, flags=re.S)


def included(path):
    return re.findall(r'^#include "([^"]+)"', path.read_text(), re.M)


def home_of(header):
    return {p.parent.name for p in FILES if p.name == header}


def test_there_are_files_of_every_module():
    assert {p.parent.name for p in FILES} == set(MAY_INCLUDE)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_file_opens_with_a_sentence(path):
    opening = re.match(r"/\*(.*?)\*/", path.read_text(), re.S)
    assert opening and re.search(r"\w[.:]", opening[1]), "no comment at the top"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_file_includes_what_its_module_may(path):
    for header in included(path):
        assert home_of(header) & MAY_INCLUDE[path.parent.name], header


@pytest.mark.parametrize("module", MAY_INCLUDE)
def test_an_include_against_the_direction_does_not_compile(module, tmp_path):
    """With the compiler's own search path for the module, as the build has it."""
    commands = json.loads((BUILD / "compile_commands.json").read_text())
    command = next(c for c in commands if f"libgrabcut/src/{module}/" in c["file"] and c["file"].endswith(".c"))
    folders = [word for word in shlex.split(command["command"]) if word.startswith("-I")]
    compiler = next(word for word in shlex.split(command["command"]) if re.search(r"/(cc|gcc|clang|c99|gcc-\d+)$", word))

    def compiles(header):
        source = tmp_path / "try.c"
        source.write_text(f'#include "{header}"\n')
        return subprocess.run([compiler, *folders, "-fsyntax-only", source], capture_output=True).returncode == 0
    headers = {"base": "fail.h", "codec": "vp8l.h", "simd": "kernels.h", "engine": "pool.h"}
    assert {m for m, header in headers.items() if compiles(header)} == MAY_INCLUDE[module]


def test_no_file_includes_itself_by_way_of_others():
    graph = {p.name: set(included(p)) for p in FILES}

    def reaches(start, at, seen):
        for header in graph.get(at, ()):
            if header == start or (header not in seen and reaches(start, header, seen | {header})):
                return True
        return False
    assert [n for n in graph if reaches(n, n, set())] == []


@pytest.mark.parametrize("path", [p for p in FILES if p.suffix == ".c"], ids=name_of)
def test_a_source_has_its_header(path):
    """A header of its own name, or all that it defines stands in the public header or, of a SIMD level, in kernels.h."""
    if path.with_suffix(".h").exists():
        assert path.with_suffix(".h").name in included(path)
        return
    public = (ROOT / "libgrabcut/include/grabcut/grabcut.h").read_text() + (SOURCES / "simd/kernels.h").read_text()
    defined = re.findall(r"^(?!static|typedef|enum|#|\s)[\w ]+?\*?(\w+)(?:\(| = (?:\{|GC_KERNELS))", without_comments(path.read_text()), re.M)
    assert defined and all(re.search(rf"\b{name}\b", public) for name in defined), defined


def test_static_functions_have_names_of_their_own():
    places = collections.defaultdict(set)
    for path in FILES:
        for name in FUNCTION.findall(without_comments(path.read_text())):
            places[name].add(name_of(path))
    repeated = {name: where for name, where in places.items() if len(where) > 1}
    assert len(places) > 200 and set(repeated) == OF_A_LEVEL
    assert all(re.search(r"simd/(avx2|portable)_", w) for where in repeated.values() for w in where)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_function_is_compiled_in_part(path):
    depth = 0
    for line in without_comments(path.read_text()).splitlines():
        if line.startswith("#"):
            assert depth == 0 or not re.match(r"#\s*(if|el|endif)", line), line
            continue
        depth += line.count("{") - line.count("}")
