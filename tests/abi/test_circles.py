"""Sources of a library or program do not call each other in a circle, as the symbols of their objects show. What
scripts/check_structure.py finds in includes may hide behind the header of a module, which several sources implement."""
import collections
import importlib.util
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ["HR_BUILD_DIR"]).resolve()
SPEC = importlib.util.spec_from_file_location("check_structure", ROOT / "scripts/check_structure.py")
check_structure = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(check_structure)
# The modules of a library are one graph, each library and each program of the services is one.
PARTS = ["libheaderroute", "libgrabcut", "cli/CMakeFiles"] + [
    str(folder.relative_to(BUILD)) for folder in sorted((BUILD / "services").glob("*/CMakeFiles/*.dir"))
    if next(folder.rglob("*.c.o"), None) and "proto" not in folder.name]


def objects(folder):
    """Object -> its source. Those of sources that are gone, and of generated ones, are left out."""
    found = {}
    for path in (BUILD / folder).rglob("*.o"):
        target, _, source = path.relative_to(BUILD).as_posix().partition(".dir/")
        name = (ROOT / target.partition("CMakeFiles")[0] / source).with_suffix("")
        if name.is_file():
            found[str(path)] = name.relative_to(ROOT).with_suffix("")
    return found


def calls(folder):
    """Source -> sources that define what it uses."""
    defined, used, sources = {}, collections.defaultdict(set), objects(folder)
    for line in subprocess.run(["nm", "-A", *sources], text=True, capture_output=True, check=True).stdout.splitlines():
        path, _, rest = line.partition(":")
        *_, kind, symbol = rest.split()
        if kind in "TDRB":
            defined[symbol] = sources[path]
        elif kind == "U":
            used[sources[path]].add(symbol)
    return {source: {defined[symbol] for symbol in used[source] & defined.keys()} - {source} for source in sources.values()}


@pytest.mark.parametrize("part", PARTS)
def test_sources_do_not_call_each_other_in_a_circle(part):
    sys.setrecursionlimit(10000)
    graph = calls(part)
    assert graph
    found = check_structure.circles(graph)
    assert [group for group in found if tuple(group) not in check_structure.CIRCLES] == []
