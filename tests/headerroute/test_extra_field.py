"""A match condition is one row of spec/http_match.h: a copy of the library with one row more, and with a schema that has
the field, reads it, merges it for delegates, matches, indexes and explains it, lets the linter reason about it and prints it."""
import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).parent / "extra_field"
RULES = HERE / "rules.yaml"
TABLE = "libheaderroute/src/spec/http_match.h"
LAST_ROW = "    ROW(STRING, scheme, "
ROW = '    ROW(STRING, path_and_query, "pathAndQuery", PATH_AND_QUERY, NO_KEYS, MATCHES, subject->full_path)'
OPTIONS = ["-DHR_BUILD_SERVICES=OFF", "-DHR_BUILD_OPENCV=OFF", "-DHR_BUILD_PYTHON=OFF", "-DHR_BUILD_TESTS=OFF",
           "-DCMAKE_BUILD_TYPE=Debug"]
PACKAGES = ["yaml-0.1", "re2", "libxxhash"]


def quietly(*words):
    done = subprocess.run([*map(str, words)], text=True, capture_output=True, timeout=600)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def add_row(header):
    lines = header.read_text().splitlines()
    last = next(i for i, line in enumerate(lines) if line.startswith(LAST_ROW))
    assert not lines[last].endswith("\\"), "the row for scheme is no longer the last one"
    lines[last] += " \\"
    header.write_text("\n".join([*lines[:last + 1], ROW, *lines[last + 1:]]) + "\n")


def copy_sources(to):
    to.mkdir()
    shutil.copy(ROOT / "CMakeLists.txt", to)
    for folder in "cmake", "libheaderroute", "libgrabcut", "words", "cli", "services/body":
        if (ROOT / folder).is_dir():
            shutil.copytree(ROOT / folder, to / folder)
    (to / "docs").mkdir()
    shutil.copy(ROOT / "docs" / "linter.md", to / "docs")  # of which the command's table of rules is made


def accept_in_schema(source):
    """Writes the table of schemas anew, as for a newer version of Istio."""
    quietly(sys.executable, ROOT / "scripts" / "crd_tables.py", "--name", "istio", "--source", "a test",
            "--kind", "VirtualService.networking.istio.io", "--out", source / "libheaderroute/src/crd/crd_istio.c",
            "--rules", source / "rules.txt", HERE / "crd.yaml")


def compile_viewer(source, build, to):
    modules = [f"-I{folder}" for folder in (source / "libheaderroute" / "src").iterdir()]
    flags = quietly("pkg-config", "--cflags", "--libs", *PACKAGES).split()
    quietly("c++", "-x", "c", "-std=c11", "-D_GNU_SOURCE", HERE / "show_view.c", "-x", "none", "-o", to, *modules,
            f"-I{source}/libheaderroute/include", f"-I{build}/include", build / "lib" / "libheaderroute.a", *flags)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder with the programs of the library that has the extra field."""
    folder = tmp_path_factory.mktemp("extra-field")
    source, build = folder / "source", folder / "build"
    copy_sources(source)
    add_row(source / TABLE)
    accept_in_schema(source)
    quietly("cmake", "-S", source, "-B", build, "-G", "Ninja", *OPTIONS)
    quietly("cmake", "--build", build, "-j2", "--target", "headerroute-cli")
    compile_viewer(source, build, build / "bin" / "show_view")
    return build / "bin"


def run(program, *words):
    return subprocess.run([program, *map(str, words)], text=True, capture_output=True, timeout=60)


def destination(built, url, rules=RULES):
    done = run(built / "headerroute", "route", "-f", rules, "--json", url)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["destination"]["host"]


def many_rules(path, n):
    """A file with n rules of the extra field, each with its own value and destination."""
    hosts = [f"h{i}.test" for i in range(n)]
    entry = {"apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry", "metadata": {"name": "many"},
             "spec": {"hosts": hosts, "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}],
                      "resolution": "STATIC", "endpoints": [{"address": "192.0.2.1"}]}}
    service = {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": "many"},
               "spec": {"hosts": ["many.test"], "http": [
                   {"match": [{"pathAndQuery": {"exact": f"/p?n={i}"}}], "route": [{"destination": {"host": host}}]}
                   for i, host in enumerate(hosts)]}}
    path.write_text(json.dumps(entry) + "\n---\n" + json.dumps(service) + "\n")
    return path


def test_the_library_without_the_row_does_not_know_the_field():
    done = run(pathlib.Path(os.environ["HR_BUILD_DIR"]) / "bin" / "headerroute", "validate", RULES)
    assert done.returncode == 1
    assert "pathAndQuery" in done.stdout


def test_the_field_is_read(built):
    done = run(built / "headerroute", "validate", RULES)
    assert done.returncode == 0, done.stdout
    assert " error: " not in done.stdout


def test_an_empty_prefix_of_the_field_is_refused_as_in_every_string_match(built, tmp_path):
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES.read_text().replace('{prefix: "/root"}', '{prefix: ""}'))
    done = run(built / "headerroute", "validate", rules)
    assert done.returncode == 1
    assert "spec.http[2].match[0].pathAndQuery.prefix" in done.stdout


@pytest.mark.parametrize("path, host", [
    ("/plain?model=one", "one.test"),
    ("/plain?model=two", "rest.test"),
    ("/plain", "rest.test"),
])
def test_the_field_is_matched(built, path, host):
    assert destination(built, f"http://models.test{path}") == host


@pytest.mark.parametrize("path, host", [
    ("/leaf?model=two", "two.test"),
    ("/leaf?model=three", "rest.test"),  # the leaf has no condition on the field: the root's is merged into it
    ("/conflict", "rest.test"),  # the conditions of root and delegate contradict each other: the rule is dropped
    ("/root", "rest.test"),
])
def test_the_field_of_the_root_is_merged_into_the_delegates_rules(built, path, host):
    assert destination(built, f"http://models.test{path}") == host


def test_rules_are_found_by_the_index_of_the_field(built, tmp_path):
    rules = many_rules(tmp_path / "many.yaml", 300)
    shown = run(built / "show_view", rules)
    assert shown.returncode == 0
    assert shown.stdout.splitlines()[1:] == ["index 300 of 300"]
    assert destination(built, "http://many.test/p?n=217", rules) == "h217.test"
    assert destination(built, "http://many.test/p?n=0", rules) == "h0.test"


def test_explain_names_the_field_with_what_was_expected_and_what_came(built):
    done = run(built / "headerroute", "explain", "-f", RULES, "http://models.test/plain?model=two")
    assert done.returncode == 0
    tried = next(line for line in done.stdout.splitlines() if "/plain?model=one" in line)
    assert tried.split()[:2] == ["no", "pathAndQuery:"]
    assert '"/plain?model=two"' in tried


def test_the_linter_sees_that_an_earlier_condition_on_the_field_covers_a_later_one(built):
    done = run(built / "headerroute", "validate", RULES)
    findings = [line for line in done.stdout.splitlines() if "can never match" in line]
    assert len(findings) == 1, done.stdout  # not spec.http[2], whose value lies outside
    assert "spec.http[1]" in findings[0] and "wide" in findings[0]


def test_the_json_of_a_view_has_the_field(built):
    shown = run(built / "show_view", RULES)
    view = json.loads(shown.stdout.splitlines()[0])
    routes = [route for table in view["route_tables"] for host in table["virtual_hosts"] for route in host["routes"]]
    fields = [{key: condition[key] for key in ("field", "match", "value", "not")}
              for route in routes for condition in route["match"]]
    assert {"field": "pathAndQuery", "match": "exact", "value": "/plain?model=one", "not": False} in fields
