"""/ui/diff of the gateway: a pasted candidate against what is loaded, in a process that is bounded and never left behind."""
import functools
import gzip
import json
import os
import pathlib
import random
import re
import signal
import subprocess

import pytest
import yaml
from conftest import PATIENCE, SANITIZE, binary
from harness import Server
from mesh import GATEWAY, gateway, routes, service, to, write
from peers import Peer, wait_until

ONE = {"match": [{"headers": {"target": {"exact": "condition1"}}}], "route": [to("a.test")]}
BOTH = {"match": [{"headers": {"target": {"regex": "condition[12]"}}}], "route": [to("a.test")]}
REST = {"route": [to("b.test")]}
YAML = ("Content-Type", "application/yaml")


@pytest.fixture(scope="module")
def peers():
    with Peer() as a, Peer() as b:
        yield service("a.test", a), service("b.test", b)


@pytest.fixture
def start(tmp_path, peers):
    """A gateway over ONE and REST, with the page."""
    return lambda *args, http=(ONE, REST), **kwargs: gateway(tmp_path, *peers, routes(*http), args=("--ui", "/ui", *args), **kwargs)


def as_text(*resources):
    return yaml.dump_all(resources, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper), sort_keys=False).encode()


def ask(gw, *resources, text=None):
    body = text if text is not None else as_text(*resources)
    return gw.call("POST", "/ui/diff", [YAML], body)


@functools.lru_cache
def slow():
    """Thousands of regexes that overlap: it takes seconds to compare them."""
    return as_text(routes(*({"match": [{"headers": {"target": {"regex": f"(.{{1,200}}x{i}){{1,4}}"}}, "uri": {"regex": f"/([a-z]+/){{1,90}}{i}.*"}}],
                     "timeout": f"{i + 1}s", "route": [to("a.test")]} for i in range(2500))))


def children(pid):
    found = []
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            found += map(int, (task / "children").read_text().split())
        except FileNotFoundError:  # the thread has ended
            pass
    return found


def is_gone(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z" or False
    except FileNotFoundError:
        return True


def compares(gw):
    """Its process has begun: one that is stopped before would stop the thread that starts it."""
    return any(pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"headerroute-gateway-diff\0")
               for pid in children(gw.process.pid))


class Held:
    """A comparison under way, whose process is stopped, so that it stays under way."""

    def __init__(self, gw):
        self.client = gw.client()
        self.client.request("POST", "/ui/diff", [YAML], slow())
        wait_until(lambda: compares(gw))
        self.pid, = children(gw.process.pid)
        os.kill(self.pid, signal.SIGSTOP)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()


def test_a_candidate_replaces_resources_of_its_name(start):
    with start() as gw:
        got = ask(gw, routes(BOTH, REST))
        assert got.status == 200 and got.header("content-type") == "application/json"
        report = got.json()
        assert (report["view"], report["complete"], report["left_out"]) == ("gateway default/gw port 80", True, 0)
        assert report["replaced"] == ["VirtualService default/routes"] and report["added"] == []
        region, = report["regions"]
        assert region["where"] == 'header target regex condition[12], header target != "condition1"'
        assert region["before"] == "default/routes http[1] -> b.test" and region["after"] == "default/routes http[0].match[0] -> a.test"
        assert re.search(r"/mesh.yaml:\d+$", region["before_place"])
        assert region["after_place"] == "<pasted>:12" and region["changed"] == "destination"
        assert region["curl"] == "curl -H 'target: condition2' http://example.com/"
        assert gw.call(headers=[("target", "condition2")]).status == 200 and children(gw.process.pid) == []  # nothing was loaded
        assert ask(gw, routes(ONE, REST)).json()["regions"] == []


def test_other_resources_are_added(start):
    with start() as gw:
        report = ask(gw, routes({"route": [to("a.test")]}, hosts=["new.test"], name="new")).json()
        assert report["added"] == ["VirtualService default/new"] and report["replaced"] == []
        region, = report["regions"]
        assert "new.test" in region["where"] and region["after"] == "default/new http[0] -> a.test"


def test_all_that_is_loaded_can_be_pasted_again(start, tmp_path):
    with start() as gw:
        report = ask(gw, text=(tmp_path / "mesh.yaml").read_bytes()).json()
        assert (report["regions"], report["added"], report["complete"]) == ([], [], True)
        assert report["replaced"] == ["Gateway default/gw", "ServiceEntry default/a-test", "ServiceEntry default/b-test",
                                      "VirtualService default/routes"]


@pytest.mark.parametrize("form", ["a list", "a list of loaded ones", "crlf"])
def test_lists_and_line_ends(tmp_path, peers, form):
    loaded, pasted = [GATEWAY, *peers, routes(ONE, REST)], [routes(BOTH, REST)]
    as_list = lambda items: {"apiVersion": "v1", "kind": "List", "items": items}
    text = yaml.safe_dump_all([as_list(loaded)] if "loaded" in form else loaded, sort_keys=False)
    (tmp_path / "mesh.yaml").write_text(text.replace("\n", "\r\n") if form == "crlf" else text, newline="")
    with Server("headerroute-gateway", "-f", tmp_path / "mesh.yaml", "--ui", "/ui", ready_path="/") as gw:
        report = ask(gw, *([as_list(pasted)] if form == "a list" else pasted)).json()
        assert report["replaced"] == ["VirtualService default/routes"] and len(report["regions"]) == 1
        place = int(report["regions"][0]["before_place"].rsplit(":", 1)[1])
        assert "b.test" in "".join(text.splitlines()[place - 1:place + 4])


# ---- forms of loaded text: a part of `routes` that stayed would lengthen `first`, whose last value is plain, or break the text ----

HEAD = """apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: routes
spec:
  hosts: [routes.test, x.other.test]
  gateways: [gw]
"""
FIRST = """apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: first}
spec:
  hosts: [first.test]
  gateways: [gw]
  http:
  - directResponse:
      status: 404
      body:
        string: first
"""
OTHER = FIRST.replace("first.test", '"*.other.test"').replace("first", "other")
RULES = HEAD + """  http:
  - match: [{headers: {target: {exact: condition1}}}]
    route: [{destination: {host: a.test}}]
  - directResponse:
      status: 404
      body:
        string: """
BLOCK = """|
          kind: no resource
          - no item

          ---x
"""
KINDS = {
    "block": RULES + BLOCK,
    "kept": RULES + BLOCK.replace("|", "|2+") + "\n\n",
    "folded": RULES + BLOCK.replace("|", ">-"),
    "quoted": RULES + '"in quotes,\n          over lines\n\n          to the end"\n',
    "single": RULES + "'in quotes,\n          over lines\n\n          to the end'\n",
    "plain": RULES + "without quotes,\n          over lines\n\n          to the end\n",
    "flow": HEAD + """  http: [
    {match: [{headers: {target: {exact: condition1}}}],
     route: [{destination: {host: a.test}}]
    },
    {route: [{
      destination: {host: a.test}
    }
    ]
    }
  ]
""",
    "JSON": json.dumps({**routes(ONE, {"directResponse": {"status": 404, "body": {"string": "}\n}\n]"}}}, hosts=["routes.test", "x.other.test"])}, indent=4) + "\n",
}
CANDIDATE = routes(BOTH, REST, hosts=["routes.test"])
BETWEEN = {"bare": "---\n", "comments": "# after: it\n\n---\n# before: it\n# - and {\n", "ends": "...\n# between\n---\n",
           "directives": "...\n%YAML 1.1\n---\n", "typed": "--- !!map\n"}


def as_item(text):
    return "- " + "".join("  " + line if line.strip() else line for line in text.splitlines(keepends=True))[2:]


def as_documents(between, *texts):
    return BETWEEN[between].removeprefix("...\n") + BETWEEN[between].join(texts)


def as_list(*texts):
    return "apiVersion: v1\nkind: List\nitems:\n" + "".join(map(as_item, texts))


def as_list_of_lists(*texts):
    return as_list(as_list(*texts[:2]), as_list(*texts[2:]))


def as_json_list(indent, *texts):
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": [parsed for text in texts for parsed in resources_of(text)]}, indent=indent)


def as_json_lines(*texts):
    return "".join(f"--- {json.dumps(parsed)}\n" for text in texts for parsed in resources_of(text))


def as_typed_list(*texts):
    """Items need no kind in a list of one kind."""
    items = [parsed for text in texts for parsed in resources_of(text)]
    rules = [{k: v for k, v in item.items() if k in ("metadata", "spec")} for item in items if item["kind"] == "VirtualService"]
    kind = {"apiVersion": "networking.istio.io/v1", "kind": "VirtualServiceList", "items": rules}
    return yaml.safe_dump_all([kind, *(item for item in items if item["kind"] != "VirtualService")], sort_keys=False)


def with_anchors(anchor, gateway_, *services_and_first):
    """A list whose items share parts with the one that is replaced. `anchor`, in the first one, may be given again there."""
    *services, first = services_and_first
    first = first.replace("  - directResponse:", f"  - match: &{anchor} [{{uri: {{exact: /}}}}]\n    directResponse:")
    rules = RULES.replace("match: [", "match: &if [").replace("route: [", "route: &to [") + "routes\n"
    return as_list(gateway_, *services, first, rules, OTHER.replace("  - directResponse:", "  - {match: *if, route: *to}\n  - directResponse:"))


FORMS = {f"documents, {between}": functools.partial(as_documents, between) for between in BETWEEN}
FORMS |= {"a list": as_list, "a list of lists": as_list_of_lists, "a typed list": as_typed_list, "JSON lines": as_json_lines}
FORMS |= {f"a JSON list, {indent}": functools.partial(as_json_list, indent) for indent in (None, 1)}
EACH = ("documents, bare", "a list")
CASES = [(form, kind, "\n") for form in FORMS for kind in (KINDS if form in EACH else ["block", "JSON"] if "documents" in form else ["block"])]
CASES += [(form, kind, "\r\n") for form in EACH for kind in ("block", "quoted", "JSON")]


def resources_of(text):
    for document in yaml.load_all(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        document = document or {}
        items = document.get("items") if document.get("kind", "").endswith("List") else None
        default = {"apiVersion": document.get("apiVersion"), "kind": document.get("kind", "").removesuffix("List")}
        yield from [document] if items is None else [nested for item in items for nested in resources_of(yaml.safe_dump({**default, **item}))]


def key(resource):
    return resource["apiVersion"].split("/")[0], resource["kind"], resource["metadata"].get("namespace", "default"), resource["metadata"]["name"]


def replaced_by_hand(loaded, *candidate):
    new = {key(resource): resource for resource in candidate}
    old = [new.pop(key(resource), resource) for resource in resources_of(loaded)]
    return old + list(new.values())


def compared_by_hand(folder, loaded, *candidate):
    """What `headerroute diff` says of each region of two files, without the places."""
    before, after = write(folder / "before.txt", *resources_of(loaded)), write(folder / "after.txt", *replaced_by_hand(loaded, *candidate))
    done = subprocess.run([binary("headerroute"), "diff", "--gateway", "default/gw", "--port", "80", before, after],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=PATIENCE, check=False)
    assert done.returncode in (0, 1), done.stderr
    found = re.findall(r"^ *\d+  (.*)\n *before  (.*?)(?:  \S+:\d+)?(?:\n.*)*?\n *after   (.*?)(?:  \S+:\d+)?\n(?:.*\n)*? *e\.g\. +(.*)$", done.stdout, re.M)
    assert len(found) == len(re.findall(r"^ *e\.g\. ", done.stdout, re.M)), done.stdout
    return found


def compared_over_http(path, text, *candidate):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with Server("headerroute-gateway", "-f", path, "--ui", "/ui", ready_path="/") as gw:
        got = ask(gw, *candidate)
        assert got.status == 200, got.body
        return got.json()


def check_forms(tmp_path, text, loaded, *candidate):
    """`loaded` is the text as it can be read in Python."""
    report = compared_over_http(tmp_path / "mesh.yaml", text, *candidate)
    expected = compared_by_hand(tmp_path, loaded, *candidate)
    assert [(r["where"], r["before"], r["after"] + r["details"], r["curl"]) for r in report["regions"]] == expected
    assert report["complete"] and len(report["replaced"]) + len(report["added"]) == len(candidate)
    return report


@pytest.fixture
def others(peers):
    """Text of what is before the rules, and behind."""
    return [yaml.safe_dump(resource, sort_keys=False) for resource in (GATEWAY, *peers)] + [FIRST], [OTHER]


@pytest.mark.parametrize("form, kind, ends", CASES, ids=[", ".join((form, kind, "lf" if ends == "\n" else "crlf")) for form, kind, ends in CASES])
def test_what_is_replaced_is_gone_whole(tmp_path, others, form, kind, ends):
    before, after = others
    text = FORMS[form](*before, KINDS[kind], *after).replace("\n", ends)
    report = check_forms(tmp_path, text, text, CANDIDATE)
    assert report["replaced"] == ["VirtualService default/routes"]
    place, = {r["after_place"] for r in report["regions"] if r["after"].startswith("default/other ")}
    lines = text.splitlines()
    assert place.startswith(f"{tmp_path}/mesh.yaml:") and "other" in "\n".join(lines[int(place.rsplit(":", 1)[1]) - 1:][:8])


@pytest.mark.parametrize("kind", ["block", "flow", "JSON"])
def test_a_byte_order_mark(tmp_path, others, kind):
    text = as_documents("comments", *others[0], KINDS[kind], *others[1])
    for encoding in ("utf-8-sig", "utf-16"):
        check_forms(tmp_path, text.encode(encoding), text, routes(BOTH, REST))


def test_aliases_to_what_is_replaced(tmp_path, others):
    """Parts of `other` are written in `routes`: they stay as they were."""
    report = check_forms(tmp_path, with_anchors("if", *others[0]), with_anchors("unique", *others[0]), CANDIDATE)
    assert {r["after"] for r in report["regions"] if "default/other" in r["after"]} == {"default/other http[1] answers 404"}


def test_random_texts(tmp_path, others):
    """Files of random forms and order, of which random resources are replaced."""
    for seed in range(12):
        rng = random.Random(seed)
        before, after = others
        texts = before + [KINDS[rng.choice(list(KINDS))]] + after
        texts += [FIRST.replace("first", f"extra{i}") for i in range(rng.randrange(4))]
        rng.shuffle(texts)
        text = FORMS[rng.choice(list(FORMS))](*texts)
        if rng.random() < 0.3:
            text = text.replace("\n", "\r\n")
        candidate = [routes(rng.choice([ONE, BOTH]), REST, hosts=rng.choice([["routes.test"], ["routes.test", "y.other.test"]]))]
        for name in rng.sample(["first", "other", "extra0", "extra1", "new"], rng.randrange(4)):
            candidate.append(routes(rng.choice([REST, BOTH]), hosts=[f"{name}.test"], name=name))
        check_forms(tmp_path, text, text, *candidate)


def test_it_compares_with_what_is_loaded_and_not_with_the_files(start, tmp_path):
    with start() as gw:
        write(tmp_path / "mesh.yaml", GATEWAY, {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService"})
        wait_until(lambda: "the one of before stays in force" in gw.messages())
        assert len(ask(gw, routes(BOTH, REST)).json()["regions"]) == 1


@pytest.mark.parametrize("text, line, message", [
    (b"a: [\n", 2, "not valid YAML"),
    (b"# one\n- two\n  three: [}\n", 3, "not valid YAML"),
    (b"\xff\xfe\x00", 1, "not valid YAML"),
    (b"[" * 500_000, 1, "nested deeper"),
    (b"a: &a [" + b"x," * 9 + b"]\n" + b"".join(b"%c: &%c [%s]\n" % (98 + i, 98 + i, b",".join([b"*%c" % (97 + i)] * 9)) for i in range(9)),
     None, "grows too large"),
    (yaml.safe_dump(routes({**ONE, "timeoot": "1s"}, REST)).encode(), 18, "unknown field"),
    (yaml.safe_dump_all([routes(ONE), routes(REST)]).encode(), None, "given twice"),
], ids=["flow", "line", "bytes", "deep", "aliases", "field", "twice"])
def test_errors_have_their_place(start, text, line, message):
    with start() as gw:
        got = ask(gw, text=text)
        finding = got.json()["findings"][0]
        assert got.status == 400 and finding["severity"] == "error" and finding["file"] == "<pasted>"
        assert message in finding["message"] and line in (None, finding["line"])
        assert ask(gw, routes(BOTH, REST)).status == 200


@pytest.mark.parametrize("text", [b"", b"# nothing\n", b"x: 1\n", b"kind: VirtualService\n", b"- 1\n"])
def test_what_is_no_resource(start, text):
    with start() as gw:
        got = ask(gw, text=text)
        assert got.status == 400 and "no Kubernetes resource" in got.json()["error"]


def test_only_yaml_of_at_most_a_mebibyte(start):
    candidate = yaml.safe_dump(routes(BOTH, REST)).encode()
    with start() as gw:
        assert gw.call("GET", "/ui/diff").status == 405
        for headers in ([], [("Content-Type", "text/plain")], [("Content-Type", "application/yamlx")]):
            assert gw.call("POST", "/ui/diff", headers, candidate).status == 415  # no form of another site can send YAML
        assert gw.call("POST", "/ui/diff", [("Content-Type", "Application/YAML; charset=utf-8")], candidate).status == 200
        full = candidate + b"#" * ((1 << 20) - len(candidate))
        assert len(ask(gw, text=full).json()["regions"]) == 1
        assert ask(gw, text=full + b"#").status == 413
    with start("--body-buffer-bytes", "4096") as gw:
        assert len(ask(gw, text=full).json()["regions"]) == 1


def test_a_compressed_candidate_is_refused(start):
    candidate = as_text(routes(BOTH, REST))
    with start() as gw:
        for coding, body in (("gzip", gzip.compress(candidate)), ("GZIP", gzip.compress(candidate)), ("br", candidate)):
            got = gw.call("POST", "/ui/diff", [YAML, ("Content-Encoding", coding)], body)
            assert got.status == 415 and got.json() == {"error": "the body must not be compressed"}
        assert gw.call("POST", "/ui/diff", [YAML, ("Content-Encoding", "identity")], candidate).status == 200


ENVOY_FILTER = {"apiVersion": "networking.istio.io/v1alpha3", "kind": "EnvoyFilter", "metadata": {"name": "e", "namespace": "default"},
                "spec": {"configPatches": []}}


def rule_of(host, policy):
    return {"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "metadata": {"name": "p", "namespace": "default"},
            "spec": {"host": host, "trafficPolicy": policy}}


def with_server(**server):
    return {**GATEWAY, "spec": {**GATEWAY["spec"], "servers": [{**GATEWAY["spec"]["servers"][0], **server}]}}


@pytest.mark.parametrize("candidate, message", [
    (ENVOY_FILTER, "EnvoyFilter"),
    (rule_of("a.test", {"loadBalancer": {"simple": "PASSTHROUGH"}}), "loadBalancer PASSTHROUGH"),
    (rule_of("a.test", {"tls": {"mode": "ISTIO_MUTUAL"}}), "trafficPolicy.tls: ISTIO_MUTUAL"),
    (rule_of("b.test", {"tls": {"mode": "SIMPLE", "credentialName": "c"}}), "trafficPolicy.tls.credentialName"),
    (with_server(port={"number": 80, "name": "s", "protocol": "HTTPS"}, tls={"mode": "SIMPLE", "credentialName": "c"}), "--tls-cert"),
], ids=["filter", "balancer", "mutual", "secret", "https"])
def test_what_the_gateway_refuses_is_refused(start, tmp_path, peers, candidate, message):
    with start() as gw:
        got = ask(gw, candidate)
        assert got.status == 400 and got.json()["error"] == "the gateway would refuse these rules", got.body
        findings = [f for f in got.json()["findings"] if message in f["message"]]
        assert findings and findings[0]["severity"] == "error" and findings[0]["file"] == "<pasted>" and findings[0]["line"] > 0
        write(tmp_path / "mesh.yaml", *(r for r in (GATEWAY, *peers, routes(ONE, REST)) if r["kind"] != candidate["kind"]), candidate)
        wait_until(lambda: "the one of before stays in force" in gw.messages())  # so does a reload
        assert message in gw.messages()


def test_a_process_that_another_kills(start):
    with start("--ui-diff-seconds", "600", "--ui-diff-memory", "1G") as gw, Held(gw) as held:
        os.kill(held.pid, signal.SIGCONT)  # it may have been stopped before it took its name
        wait_until(lambda: pathlib.Path(f"/proc/{held.pid}/comm").read_text() == "hr-gateway-diff\n")
        os.kill(held.pid, signal.SIGKILL)
        got = held.client.answer()
        assert got.status == 503 and "was killed" in got.json()["error"] and "was killed by another" in gw.messages()
        wait_until(lambda: ask(gw, routes(BOTH, REST)).status == 200)


def test_the_time_of_a_comparison_is_limited(start):
    with start("--ui-diff-seconds", "1", "--ui-diff-memory", "1G") as gw:
        got = ask(gw, text=slow())
        assert got.status == 422 and "--ui-diff-seconds" in got.json()["error"]
        assert children(gw.process.pid) == [] and ask(gw, routes(BOTH, REST)).status == 200


@pytest.mark.skipif(bool(SANITIZE), reason="a sanitizer maps terabytes, so that its process has no limit")
def test_the_memory_of_a_comparison_is_limited(start):
    with start("--ui-diff-seconds", "600") as gw:
        got = ask(gw, text=slow())
        assert got.status == 422 and "--ui-diff-memory" in got.json()["error"]
        assert children(gw.process.pid) == [] and ask(gw, routes(BOTH, REST)).status == 200


def test_a_thousand_rules_fit_the_defaults(start):
    rules = lambda suffix: [{"match": [{"uri": {"prefix": f"/p{i}/"}, "headers": {"target": {"exact": f"c{i}{suffix if i % 100 == 7 else ''}"}}}],
                             "route": [to("a.test")]} for i in range(1000)]
    with start(http=[*rules(""), REST]) as gw:
        report = ask(gw, routes(*rules("z"), REST)).json()
        assert report["complete"] and len(report["regions"]) == 20


def test_one_comparison_at_a_time(start):
    with start() as gw, Held(gw) as held:
        got = ask(gw, routes(BOTH, REST))
        assert got.status == 503 and got.header("retry-after") == "1"
        assert gw.call("POST", "/ui/explain", body=b'{"authority":"a","path":"/"}').status == 200  # has places of its own
        assert gw.call().status == 200
        held.client.close()
        wait_until(lambda: is_gone(held.pid) and children(gw.process.pid) == [])
        wait_until(lambda: ask(gw, routes(BOTH, REST)).status == 200)


def test_a_client_that_leaves_ends_its_comparison(start):
    with start() as gw:
        for _ in range(3):
            with Held(gw) as held:
                pass
            wait_until(lambda: is_gone(held.pid) and children(gw.process.pid) == [])
            wait_until(lambda: ask(gw, routes(BOTH, REST)).status == 200)


def test_a_reload_ends_the_comparison(start, tmp_path, peers):
    with start() as gw, Held(gw) as held:
        write(tmp_path / "mesh.yaml", GATEWAY, *peers, routes(BOTH, REST))
        got = held.client.answer()
        assert got.status == 503 and got.header("retry-after") == "1" and "loaded anew" in got.json()["error"]
        assert is_gone(held.pid) and children(gw.process.pid) == []
        wait_until(lambda: ask(gw, routes(BOTH, REST)).json().get("regions") == [])


def test_the_end_of_the_server_ends_the_comparison(start):
    with start("--drain-seconds", "60") as gw, Held(gw) as held:
        gw.process.send_signal(signal.SIGTERM)
        got = held.client.answer()
        assert got.status == 503 and "shutting down" in got.json()["error"]
        assert is_gone(held.pid)


def test_no_comparison_outlives_a_gateway_that_is_killed(start):
    gw = start()
    with Held(gw) as held:
        gw.kill()
        wait_until(lambda: is_gone(held.pid))


def test_a_process_that_fails_is_an_error_of_the_server(start):
    with start() as gw, Held(gw) as held:
        os.kill(held.pid, signal.SIGSEGV)
        os.kill(held.pid, signal.SIGCONT)
        got = held.client.answer()
        assert got.status == 500 and "failed" in got.json()["error"] and "the process that compares ended" in gw.messages()
        wait_until(lambda: ask(gw, routes(BOTH, REST)).status == 200)  # the place is held until the answer is sent


def test_what_is_answered_is_limited(start):
    """Thousands of regions, with values that are long."""
    many = [{"match": [{"headers": {f"x{i}": {"exact": f"v{i}" * 300}}}], "route": [to("a.test")]} for i in range(400)]
    with start("--ui-diff-memory", "256M", "--ui-diff-seconds", "60") as gw:
        got = ask(gw, routes(*many, REST))
        report = got.json()
        assert got.status == 200 and len(got.body) < 1 << 20
        assert len(report["regions"]) <= 200 and report["left_out"] >= 200


def test_text_of_rules_is_safe_to_show(start):
    odd = {"match": [{"headers": {"target": {"exact": "a\u202eb\u0085'"}}}], "route": [to("a.test")]}
    with start() as gw:
        region = next(r for r in ask(gw, routes(odd, ONE, REST)).json()["regions"] if "\\u{202e}" in r["where"])
        assert all(c.isprintable() for text in region.values() for c in text) and "$'" in region["curl"]


def test_without_the_page_there_is_no_comparison(tmp_path, peers):
    with gateway(tmp_path, *peers, routes(ONE, REST)) as gw:
        assert ask(gw, text=b"a: 1").body == b"a: 1"  # from the echo server behind the route
