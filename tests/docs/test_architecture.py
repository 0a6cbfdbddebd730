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


def section(title):
    return re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S)[1]


def libheaderroute_uses():
    """module -> modules that its include path has, from the build."""
    text = (ROOT / "libheaderroute" / "CMakeLists.txt").read_text()
    found = {}
    for module, rest in re.findall(r"hr_add_module\(headerroute (\w+)([^)]*)\)", text):
        used = re.search(r"USES ((?:\w+\s+)+?)SOURCES", rest)
        found[module] = used[1].split() if used else []
    return found


def services_uses():
    """The same of the services, whose libraries pass on the include path of what they use."""
    order = re.search(r"foreach\(module ([\w ]+)\)", (ROOT / "services/CMakeLists.txt").read_text())[1].split()
    found = {}
    for module in order:
        text = (ROOT / "services" / module / "CMakeLists.txt").read_text()
        used = re.search(r"USES ((?:\w+\s*)+?)(?:LIBS|\))", text)
        direct = used[1].split() if used else re.findall(r"\bsv-(\w+)", "".join(re.findall(r"PUBLIC ([^)]*)\)", text)))
        found[module] = sorted(set(direct).union(*(found[other] for other in direct)))
    return found


@pytest.mark.parametrize("title, built", [("libheaderroute", libheaderroute_uses()), ("Services", services_uses())])
def test_modules_are_those_of_the_build(title, built):
    listed = {module: re.findall(r"`(\w+)`", allowed) for module, allowed in MODULE.findall(section(title))}
    assert list(listed) == list(built)
    for module, allowed in listed.items():
        closure = set(allowed).union(*(built[other] for other in allowed))
        assert closure == set(built[module]), module


# A question of a reader who has only the page: its row, a place that the row names, and what the place has to contain.
QUESTIONS = [
    ("where is `withoutHeaders` evaluated", "libheaderroute/src/compile/route_compile.c:add_header", "field->excludes"),
    ("where is `withoutHeaders` evaluated", "libheaderroute/src/route/match.c:header_holds", "cond->invert"),
    ("where is `withoutHeaders` evaluated", "libheaderroute/src/route/match.c:hr_cond_holds", "cond->invert"),
    ("a match condition on the request", "libheaderroute/src/spec/http_match.h", "#define HR_MATCH_STRINGS(ROW)"),
    ("a match condition on the request", "libheaderroute/src/spec/http_match.h", "#define HR_MATCH_FIELDS(ROW)"),
    ("where are Gaussian mixtures learned", "libgrabcut/src/engine/gmm.c:gc_gmm_learn", "moments"),
    ("where are Gaussian mixtures learned", "libgrabcut/src/engine/pipeline.c:first_models", "gc_gmm_learn("),
    ("a member of the decision", "libheaderroute/src/report/decision_members.h", "#define HR_DECISION_MEMBERS(M)"),
    ("an option of a view", "libheaderroute/src/compile/view_options.c", "view_options[] = {"),
]
UO = re.compile(r'(?<!strcmp\(flag, )"UO"')


def row_of(question):
    [row] = [line for line in PAGE.splitlines() if line.startswith(f"| {question} |")]
    return row


def text_of(place):
    """The file, or the function or table of it."""
    name, _, function = place.partition(":")
    text = (ROOT / name).read_text()
    return re.search(rf"^\w[^\n]*\b{function}(?:\([^;{{]*\)|\[\w+\] =)\s*{{.*?^}}", text, re.M | re.S)[0] if function else text


@pytest.mark.parametrize("question, place, evidence", QUESTIONS)
def test_a_question_leads_to_the_place(question, place, evidence):
    assert f"`{place}`" in row_of(question)
    assert evidence in text_of(place)


def test_every_place_that_answers_503_uo_is_named():
    row = row_of("where is 503 UO answered")
    places = re.findall(r"`(services/[\w./]+:\w+)`", row)
    assert all(UO.search(text_of(place)) for place in places)
    answering = {str(path.relative_to(ROOT)) for path in (ROOT / "services").rglob("*.c") if UO.search(path.read_text())}
    assert answering == {place.partition(":")[0] for place in places}


def test_the_command_for_one_test_names_one():
    name, suite, case = re.search(r"build/release/bin/(test-hr-\w+) --filter '(\w+)/(\w+)'", PAGE).groups()
    assert f"-R {name}`" in PAGE
    source = ROOT / "tests/headerroute" / f"{name.removeprefix('test-hr-')}_test.c"
    assert f"Test({suite}, {case})" in source.read_text()
