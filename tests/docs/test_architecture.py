"""docs/architecture.md: each file and function that it names exists, and its table of modules agrees with the build."""
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text()
SPANS = set(re.findall(r"`([^`\s]+)`", PAGE))
PLACES = sorted(span for span in SPANS if re.match(r"[\w.-]+/[\w./-]*\w+\.\w+(:\w+)?$", span))
MODULE = re.compile(r"^\| `(\w+)/` \| [^|]+ \| ([^|]+) \|", re.M)


@pytest.mark.parametrize("place", PLACES)
def test_file_and_function_exist(place):
    name, _, function = place.partition(":")
    assert (ROOT / name).is_file()
    assert re.search(rf"\b{function}\b", (ROOT / name).read_text())


def test_the_page_names_many_places():
    assert len(PLACES) > 60


def uses():
    """module -> modules that its include path has, from the build."""
    text = (ROOT / "libheaderroute" / "CMakeLists.txt").read_text()
    found = {}
    for module, rest in re.findall(r"hr_add_module\(headerroute (\w+)([^)]*)\)", text):
        used = re.search(r"USES ((?:\w+\s+)+?)SOURCES", rest)
        found[module] = used[1].split() if used else []
    return found


def test_modules_are_those_of_the_build():
    listed = {module: re.findall(r"`(\w+)`", allowed) for module, allowed in MODULE.findall(PAGE)}
    built = uses()
    assert list(listed) == list(built)
    for module, allowed in listed.items():
        closure = set(allowed).union(*(built[other] for other in allowed))
        assert closure == set(built[module]), module
