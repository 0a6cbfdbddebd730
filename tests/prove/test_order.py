"""`headerroute explain --order`: its verdicts against `headerroute diff` with the rules really swapped."""
import copy
import json
import os
import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
BIN = pathlib.Path(os.environ["HR_BUILD_DIR"]) / "bin"
sys.path.insert(0, str(HERE))

import pairs  # noqa: E402

SERVICE = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "shop"}, "spec": {"ports": [{"name": "http", "port": 80}]}}
SUBSETS = {"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "metadata": {"name": "shop"},
           "spec": {"host": "shop", "subsets": [{"name": "v1", "labels": {"version": "v1"}}, {"name": "v2", "labels": {"version": "v2"}}]}}


def to(subset):
    return {"route": [{"destination": {"host": "shop", "subset": subset}}]}


def rule(subset, *matches):
    return {"match": list(matches), **to(subset)} if matches else to(subset)


def virtual_service(http, name="shop", hosts=("shop",)):
    spec = {"http": http, **({"hosts": list(hosts)} if hosts else {})}
    return {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": name}, "spec": spec}


def text(*docs):
    return "".join("---\n" + json.dumps(d) + "\n" for d in docs)


def run(command, *arguments):
    return subprocess.run([str(BIN / "headerroute"), command, *map(str, arguments)], text=True, errors="replace",
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)


@pytest.fixture
def write(tmp_path):
    def write(*docs, name="rules.yaml"):
        path = tmp_path / name
        path.write_text(text(*docs))
        return path
    return write


def order(path, *arguments):
    done = run("explain", "--order", "--json", "-f", path, *arguments)
    assert done.returncode in (0, 3), done.stderr
    return done.returncode, json.loads(done.stdout)


def states(path, *arguments):
    found = order(path, *arguments)[1]["pairs"]
    return {(p["virtual_service"], p["first"]["route_index"]): p["order"] for p in found}


A, B, API = {"headers": {"target": {"exact": "a"}}}, {"headers": {"target": {"exact": "b"}}}, {"uri": {"prefix": "/api"}}


def test_rules_that_no_request_meets_together_can_be_swapped(write):
    path = write(SERVICE, SUBSETS, virtual_service([rule("v1", A), rule("v2", B), rule("v1", API), rule("v1")]))
    assert states(path) == {("default/shop", 0): "free", ("default/shop", 1): "matters", ("default/shop", 2): "free"}


def test_text_has_the_rules_and_a_request(write):
    path = write(SERVICE, SUBSETS, virtual_service([rule("v1", A), rule("v2", API)]))
    done = run("explain", "--order", "-f", path, "--port", 80)
    assert done.returncode == 0 and done.stdout.splitlines() == [
        "default/shop http[0] and http[1]: the order matters: mesh, namespace default, port 80",
        '     authority shop.default.svc.cluster.local or one of 4 other names, header target = "a", path prefix /api',
        f"     now      default/shop http[0].match[0] -> shop.default v1  {path}:6",
        f"     swapped  default/shop http[1].match[0] -> shop.default v2  {path}:6",
        "     e.g.     curl -H 'target: a' http://shop.default.svc.cluster.local/api",
        "1 pair of neighbouring rules: 0 can be swapped"]


def test_the_witness_goes_where_the_report_says(write):
    rules = [rule("v1", A), rule("v2", API)]
    swapped = write(SERVICE, SUBSETS, virtual_service(rules[::-1]), name="swapped.yaml")
    path = write(SERVICE, SUBSETS, virtual_service(rules))
    region = order(path)[1]["pairs"][0]["regions"][0]
    for rules, side in ((path, "before"), (swapped, "after")):
        request = subprocess.run([BIN / "headerroute", "route", "-f", rules, "--batch", "-"], text=True, check=True,
                                 input=json.dumps(region["witness"]), stdout=subprocess.PIPE)
        assert json.loads(request.stdout)["destination"] == region[side]["destination"]
    assert region["before"]["destination"] != region["after"]["destination"] and region["changed"] == ["destination"]


def test_a_rule_behind_one_that_takes_everything_would_come_to_life(write):
    path = write(SERVICE, SUBSETS, virtual_service([rule("v1"), rule("v2", API)]))
    assert states(path) == {("default/shop", 0): "matters"}


def test_rules_of_a_delegate_and_those_that_delegate(write):
    root = virtual_service([{"match": [{"uri": {"prefix": "/a"}}], "delegate": {"name": "leaf"}},
                            rule("v2", {"uri": {"prefix": "/a/b"}}), rule("v2")])
    root["spec"]["gateways"] = ["mesh"]
    leaf = virtual_service([rule("v1", {"uri": {"prefix": "/a/x"}}), rule("v2", {"uri": {"prefix": "/a/y"}}), rule("v1")],
                           name="leaf", hosts=())
    path = write(SERVICE, SUBSETS, root, leaf)
    assert states(path) == {("default/shop", 0): "matters", ("default/shop", 1): "free",
                            ("default/leaf", 0): "free", ("default/leaf", 1): "matters"}
    assert set(states(path, "default/leaf")) == {("default/leaf", 0), ("default/leaf", 1)}


def test_what_is_not_decided_has_its_exit_code(write):
    rules = [rule("v1", {"headers": {"x": {"regex": r"\ba"}}}), rule("v2", {"headers": {"x": {"regex": r"a\B"}}})]
    path = write(SERVICE, SUBSETS, virtual_service(rules))
    code, found = order(path)
    assert code == 3 and not found["complete"]
    assert found["pairs"][0]["order"] == "undecided" and "word boundary" in found["pairs"][0]["reason"]
    done = run("explain", "--order", "-f", path)
    assert done.returncode == 3 and ": not decided: " in done.stdout and "1 not decided" in done.stdout


@pytest.mark.parametrize("arguments, message", [
    (["http://shop/"], "expected NAMESPACE/NAME of a VirtualService, not 'http://shop/'"),
    (["a/b", "c/d"], "--order takes one NAMESPACE/NAME, got 2"),
    (["-H", "a: b"], "it takes no -X, no -H, no --scheme and no --body"),
])
def test_wrong_command_lines(write, arguments, message):
    path = write(SERVICE, SUBSETS, virtual_service([rule("v1")]))
    done = run("explain", "--order", "-f", path, *arguments)
    assert done.returncode == 2 and done.stdout == "" and message in done.stderr


def test_names_that_do_not_exist(write):
    path = write(SERVICE, SUBSETS, virtual_service([rule("v1"), rule("v2")]))
    done = run("explain", "--order", "-f", path, "default/other")
    assert done.returncode == 1 and "default/other" in done.stderr
    done = run("explain", "--order", "-f", path, "--gateway", "no/such")
    assert done.returncode == 1 and "there is no Gateway no/such" in done.stderr


def swapped_files(docs, folder):
    """Of each pair of neighbouring rules: its name and a file with the two swapped."""
    for number, doc in enumerate(docs):
        http = doc["spec"].get("http", []) if doc["kind"] == "VirtualService" else []
        for i in range(len(http) - 1):
            other = copy.deepcopy(docs)
            rules = other[number]["spec"]["http"]
            rules[i], rules[i + 1] = rules[i + 1], rules[i]
            path = folder / "swapped.yaml"
            path.write_text(text(*other))
            yield (f"{doc['metadata'].get('namespace', 'default')}/{doc['metadata']['name']}", i), path


def test_verdicts_are_those_of_diff_on_generated_rules(tmp_path):
    """Each pair is swapped in the file, and the two files are compared."""
    verdicts = {0: "free", 1: "matters", 3: "undecided"}
    count = {"free": 0, "matters": 0, "undecided": 0}
    for seed in range(1, 13):
        docs = pairs.generate.World(seed, 0).docs
        path = tmp_path / "rules.yaml"
        path.write_text(text(*docs))
        found = states(path)
        expected = {}
        for name, other in swapped_files(docs, tmp_path):
            done = run("diff", path, other)
            assert done.returncode in verdicts, done.stderr
            expected[name] = verdicts[done.returncode]
            count[expected[name]] += 1
        assert found == expected, seed
    assert count["free"] > 10 and count["matters"] > 10, count


def test_an_order_that_matters_to_callers_that_no_rule_names(write):
    own = A | {"sourceNamespace": "default"}
    path = write(SERVICE, SUBSETS, virtual_service([rule("v1", own), rule("v1", A), rule("v2")]))
    _, found = order(path)
    assert [pair["order"] for pair in found["pairs"]] == ["free", "matters"]
    assert {r["view"]["namespace"] for r in found["pairs"][1]["regions"]} == {"any other namespace"}
