"""`headerroute diff`: against `headerroute route` on generated pairs, its formats, and its exit codes.

The long run: python3 tests/prove/pairs.py --count 2040 | build/release/bin/diff-check
"""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
BIN = pathlib.Path(os.environ["HR_BUILD_DIR"]) / "bin"

SERVICES = """
apiVersion: v1
kind: Service
metadata: {name: shop}
spec: {selector: {app: shop}, ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: shop-v1, labels: {app: shop, version: v1}}
status: {podIP: 10.0.0.1}
---
apiVersion: v1
kind: Pod
metadata: {name: shop-v2, labels: {app: shop, version: v2}}
status: {podIP: 10.0.0.2}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: shop}
spec:
  host: shop
  subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]
---
"""
RULES = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop]
  http:
    - match: [{uri: {prefix: /api/}, headers: {target: {exact: condition1}}}]
      route: [{destination: {host: shop, subset: v1}}]
      timeout: 10s
    - route: [{destination: {host: shop, subset: v2}}]
"""


def diff(*arguments, stdin=None):
    return subprocess.run([str(BIN / "headerroute"), "diff", *map(str, arguments)], text=True, input=stdin,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)


@pytest.fixture
def sides(tmp_path):
    """Writes the two sides; gives their paths."""
    def write(old, new):
        paths = tmp_path / "old.yaml", tmp_path / "new.yaml"
        for path, rules in zip(paths, (old, new)):
            path.write_text(SERVICES + rules)
        return paths
    return write


def test_generated_pairs_agree_with_the_evaluator():
    """Completeness and soundness on a seeded sample; the long run takes more of the same."""
    pairs = subprocess.run([sys.executable, HERE / "pairs.py", "--seed", "1", "--count", "70"], stdout=subprocess.PIPE,
                           check=True, timeout=120)
    done = subprocess.run([BIN / "diff-check", "--pairs", "60", "--random", "400", "--boundary", "200"], input=pairs.stdout,
                          stdout=subprocess.PIPE, timeout=500)
    assert done.returncode == 0, done.stdout.decode()
    numbers = [int(n) for n in re.findall(rb"\d+", done.stdout)]
    assert numbers[0] == 60 and numbers[3] > 100, done.stdout  # pairs and regions
    assert numbers[6] > 500, done.stdout  # requests that are decided differently


def test_equal_sides_are_proven_equal(sides):
    old, new = sides(RULES, RULES)
    done = diff(old, new)
    assert (done.returncode, done.stderr) == (0, "")
    assert "mesh, namespace default, port 80: no request changes\n" in done.stdout
    assert json.loads(diff(old, new, "--json").stdout)["complete"] is True


def test_a_region_reads_as_a_sentence(sides):
    old, new = sides(RULES, RULES.replace("timeout: 10s", "timeout: 2s"))
    done = diff(old, new)
    assert done.returncode == 1
    assert "mesh, namespace default, port 80: 1 of " in done.stdout
    assert 'path prefix /api/, header target = "condition1"\n' in done.stdout
    assert "before  default/shop http[0].match[0] -> shop.default v1  %s:" % old in done.stdout
    assert "after   default/shop http[0].match[0] -> shop.default v1, timeout 10s -> 2s  %s:" % new in done.stdout
    assert "e.g.    curl -H 'target: condition1' http://shop.default.svc.cluster.local/api/\n" in done.stdout


def test_json_has_the_documented_members(sides):
    old, new = sides(RULES, RULES.replace("exact: condition1", "regex: 'condition[12]'"))
    done = diff(old, new, "--format", "json")
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert report["complete"] is True and report["undecided"] == []
    (region,) = report["regions"]
    assert region["changed"] == ["destination", "timeout"]
    assert region["view"] == {"gateway": "mesh", "port": 80, "namespace": "default"}
    conditions = {(w["field"], w["op"], w["value"], w["not"]) for w in region["where"]}
    assert {("path", "prefix", "/api/", False), ("headers[target]", "regex", "condition[12]", False),
            ("headers[target]", "exact", "condition1", True)} <= conditions
    assert region["before"]["destination"]["subset"] == "v2"
    assert region["after"]["destination"]["subset"] == "v1"
    assert ["target", "condition2"] in region["witness"]["headers"]


def test_the_witness_is_a_line_of_batch(sides):
    old, new = sides(RULES, RULES.replace("exact: condition1", "prefix: cond"))
    region = json.loads(diff(old, new, "--json").stdout)["regions"][0]
    for path, side in ((old, "before"), (new, "after")):
        done = subprocess.run([BIN / "headerroute", "route", "-f", path, "--batch", "-"], text=True,
                              input=json.dumps(region["witness"]) + "\n", stdout=subprocess.PIPE, check=True)
        assert json.loads(done.stdout) == region[side]


def test_locate_prints_the_region_of_each_request(sides):
    old, new = sides(RULES, RULES.replace("timeout: 10s", "timeout: 2s"))
    base = {"authority": "shop", "path": "/api/x"}
    lines = [dict(base, headers=[["target", "condition1"]]), base, dict(base, port=81), dict(base, source_labels={"a": "b"},
             headers=[["Target", "condition1"]]), dict(base, authority="SHOP:8080", port=80, headers=[["target", "condition1"]]),
             {"authority": "shop"}, dict(base, namespace="elsewhere")]
    done = diff(old, new, "--locate", "-", stdin="".join(json.dumps(line) + "\n" for line in lines))
    got = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 1
    assert got[:5] == [0, None, None, 0, 0]
    assert got[5] == {"error": "path: is missing"}
    assert got[6] is None


def test_markdown_is_a_table(sides):
    old, new = sides(RULES, RULES.replace("timeout: 10s", "timeout: 2s"))
    text = diff(old, new, "--format", "markdown").stdout
    assert text.startswith("## Routing: 1 region of requests changes\n")
    assert "### mesh, namespace default, port 80\n" in text
    rows = [line for line in text.splitlines() if line.startswith("| 1 |")]
    assert len(rows) == 1 and rows[0].count(" | ") == 5


def test_sarif_points_at_the_changed_rule(sides):
    old, new = sides(RULES, RULES.replace("timeout: 10s", "timeout: 2s"))
    run = json.loads(diff(old, new, "--format", "sarif").stdout)["runs"][0]
    (result,) = run["results"]
    place = result["locations"][0]["physicalLocation"]
    assert result["ruleId"] == "routing-change"
    assert place["artifactLocation"]["uri"] == f"file://{new}"
    lines = (SERVICES + RULES).splitlines()
    assert "condition1" in lines[place["region"]["startLine"] - 1]


def test_only_narrows(sides):
    old, new = sides(RULES, RULES.replace("timeout: 10s", "timeout: 2s"))
    assert diff(old, new, "--only", "destination,weights").returncode == 0
    assert diff(old, new, "--only", "timeout").returncode == 1
    wrong = diff(old, new, "--only", "colour")
    assert wrong.returncode == 2 and "unknown part of a decision 'colour'" in wrong.stderr


def test_what_is_not_decided_has_its_exit_code(sides):
    before = RULES.replace("exact: condition1", "regex: '\\bq\\B1'")
    after = before.replace("    - route:", "    - match: [{uri: {prefix: /api/}, headers: {target: {regex: '\\bq\\pN'}}}]\n"
                           "      route: [{destination: {host: shop, subset: v1}}]\n    - route:")
    old, new = sides(before, after)
    done = diff(old, new)
    assert done.returncode == 3, done.stdout
    assert "not decided: a Unicode class" in done.stdout or "not decided: a word boundary" in done.stdout
    report = json.loads(diff(old, new, "--json").stdout)
    assert report["complete"] is False and report["regions"] == []
    assert report["undecided"][0]["place"].startswith(str(new))


def test_sides_of_several_files(tmp_path, sides):
    old, new = sides(RULES, RULES.replace("subset: v2", "subset: v1"))
    services, rules = tmp_path / "services.yaml", tmp_path / "rules.yaml"
    services.write_text(SERVICES)
    rules.write_text(RULES)
    assert diff("--old", old, "--new", services, "--new", rules).returncode == 0
    assert diff("--old", services, "--old", rules, "--new", new).returncode == 1


@pytest.mark.parametrize("arguments, message", [
    ([], "expected two sides, OLD and NEW, got 0"),
    (["a"], "got 1"),
    (["--old", "a"], "expected OLD and NEW, or both --old and --new"),
    (["a", "b", "--format", "xml"], "--format: expected text, json, markdown or sarif, got 'xml'"),
    (["a", "b", "--only", ""], "--only names no part of a decision"),
    (["a", "b", "--junit", "f"], "there is no flag"),
])
def test_wrong_command_lines(arguments, message):
    done = diff(*arguments)
    assert done.returncode == 2 and done.stdout == "" and message in done.stderr


def test_a_side_that_does_not_load(sides):
    old, new = sides(RULES, RULES.replace("timeout: 10s", "timeout: soon"))
    done = diff(old, new)
    assert done.returncode == 2 and done.stdout == "" and "timeout" in done.stderr


def test_both_sides_are_reported(tmp_path):
    done = diff(tmp_path / "one", tmp_path / "two")
    assert done.returncode == 2 and done.stdout == ""
    assert [line.split(":")[0] for line in done.stderr.splitlines()] == [str(tmp_path / "one"), str(tmp_path / "two")]


def test_a_view_is_compared_alone(sides):
    old, new = sides(RULES, RULES.replace("timeout: 10s", "timeout: 2s"))
    done = diff(old, new, "--port", "80", "--namespace", "other")
    assert done.returncode == 1 and done.stdout.startswith("mesh, namespace other, port 80: 1 of ")
    missing = diff(old, new, "--gateway", "no/such")
    assert missing.returncode == 2 and "there is no Gateway no/such" in missing.stderr


# ---- callers that no rule names ----

SPLIT = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: x, namespace: default}
spec:
  hosts: [foo.bar]
  http:
  - match: [{sourceNamespace: SOURCE}]
    directResponse: {status: 200}
  - directResponse: {status: 404}
"""
ENTRY = """
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: e, namespace: team-a}
spec: {hosts: [ext.io], exportTo: ["."], ports: [{number: 80, name: http, protocol: HTTP}], resolution: STATIC,
       endpoints: [{address: 10.0.0.1}]}
"""
HIDDEN = """---
apiVersion: v1
kind: Service
metadata: {name: hidden, namespace: third, annotations: {networking.istio.io/exportTo: "."}}
spec: {selector: {app: x}, ports: [{name: http, port: 80}]}
"""
OTHER = "any other namespace"


def namespaces_that_change(old, new, *arguments):
    """The namespaces of all views on port 80, and those with a region."""
    report = json.loads(diff(old, new, "--json", *arguments).stdout)
    assert report["complete"] is True
    views = {view["namespace"] for view in report["views"] if view["port"] == 80}
    return views, {region["view"]["namespace"] for region in report["regions"]}


@pytest.mark.parametrize("old, new, views, changed", [
    (SPLIT.replace("SOURCE", "default"), SPLIT.replace("SOURCE", "default").replace("404", "500"), {"default", OTHER}, {OTHER}),
    (SPLIT.replace("SOURCE", "team"), SPLIT.replace("SOURCE", "team").replace("404", "500"), {"default", "team"}, {"default"}),
    (ENTRY, ENTRY.replace("0.1", "0.2"), {"default", "team-a"}, {"team-a"}),
    (ENTRY.replace('"."', "third"), ENTRY.replace('"."', "third").replace("0.1", "0.2"), {"default", "team-a", "third"}, {"third"}),
    (SERVICES + RULES, SERVICES + RULES + HIDDEN, {"default", "third"}, {"third"}),
    (SERVICES + RULES, SERVICES + RULES + HIDDEN.replace('"."', '"fourth"'), {"default", "third", "fourth"}, {"fourth"}),
    (SERVICES + RULES, SERVICES + RULES.replace("hosts: [shop]", "exportTo: ['.']\n  hosts: [shop]"), {"default", OTHER}, {OTHER}),
    (SERVICES + RULES, SERVICES + RULES.replace("10s", "2s"), {"default"}, {"default"}),
], ids=["source", "other-source", "entry", "exported-entry", "service", "exported-service", "rule", "public"])
def test_callers_that_no_rule_names_are_compared(tmp_path, old, new, views, changed):
    for name, text in (("old.yaml", old), ("new.yaml", new)):
        (tmp_path / name).write_text(text)
    found = namespaces_that_change(tmp_path / "old.yaml", tmp_path / "new.yaml")
    assert found[1] == changed and (found[0] == views or found[0] - views == {OTHER}), found


def test_the_view_of_all_other_namespaces_has_words_and_a_request_of_its_own(tmp_path):
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_text(SPLIT.replace("SOURCE", "default"))
    new.write_text(SPLIT.replace("SOURCE", "default").replace("404", "500"))
    assert diff(old, new).stdout.startswith(
        "mesh, namespace default, port 80: no request changes\nmesh, any other namespace, port 80: 1 of 3 ")
    assert "### mesh, any other namespace, port 80\n" in diff(old, new, "--format", "markdown").stdout
    [region] = json.loads(diff(old, new, "--json").stdout)["regions"]
    for path, status in ((old, 404), (new, 500)):
        done = subprocess.run([BIN / "headerroute", "route", "-f", path, "--batch", "-"], text=True, check=True,
                              input=json.dumps(region["witness"] | region["view"]), stdout=subprocess.PIPE, timeout=60)
        assert json.loads(done.stdout)["direct_response"]["status"] == status, done.stdout


def test_a_name_that_a_file_has_is_not_that_of_all_others(tmp_path):
    """An annotation may have any text."""
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    text = SERVICES + SPLIT.replace("SOURCE", "default") + HIDDEN.replace('"."', f'"{OTHER}"')
    old.write_text(text)
    new.write_text(text.replace("404", "500"))
    views, changed = namespaces_that_change(old, new)
    assert OTHER + "." in views and changed == {"third", OTHER, OTHER + "."}


# ---- sides that cannot be compared ----

@pytest.mark.parametrize("text", ['kind: "VirtualService\n', "", "a: b\n"], ids=["broken", "empty", "other"])
@pytest.mark.parametrize("side", [0, 1])
def test_a_side_without_a_resource_is_an_error(sides, tmp_path, text, side):
    paths = list(sides(RULES, RULES))
    paths[side].write_text(text)
    done = diff(*paths)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{paths[side]}: error: contains no Kubernetes resource" in done.stderr
    assert "a side that is empty on purpose needs one resource" in done.stderr


def test_two_empty_folders_are_not_equal_but_unusable(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    done = diff(tmp_path / "a", tmp_path / "b")
    assert (done.returncode, done.stdout) == (2, "")


def test_a_side_that_is_empty_on_purpose_has_another_resource(sides):
    old, new = sides(RULES, RULES)
    new.write_text("{apiVersion: v1, kind: ConfigMap, metadata: {name: no-rules}}\n")
    done = diff(old, new)
    assert done.returncode == 1 and "after   passes through" in done.stdout, done.stderr


def test_a_condition_that_is_not_modelled_is_said_in_words(sides):
    rules = RULES.replace("uri: {prefix: /api/}, headers: {target: {exact: condition1}}", "headers: {':path': {exact: /}}")
    old, new = sides(rules, rules.replace("10s", "2s"))
    text = diff(old, new).stdout
    assert "meets header :path exact /\n" in text and "not modelled" not in text, text


# ---- text that is safe to print and to paste ----

ODD = r"""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop]
  http:
    - match: [{headers: {a: {exact: "caf\u00e9"}}}]
      route: [{destination: {host: shop}}]
      timeout: 1s
    - match: [{headers: {b: {exact: "x\u202ey\u0085'\\z"}}}]
      route: [{destination: {host: shop}}]
      timeout: 1s
    - match: [{headers: {c: {regex: "it's [\u0080-\u009f]"}}}]
      route: [{destination: {host: shop}}]
      timeout: 1s
    - match: [{headers: {e: {exact: a}}, queryParams: {q: {exact: "{1,2}'[x]"}}}]
      route: [{destination: {host: shop}}]
      timeout: 1s
    - match: [{headers: {d: {exact: "`a``|b\\|'"}}, queryParams: {q: {exact: "/../"}}}]
      route: [{destination: {host: shop}}]
      timeout: 1s
    - match: [{uri: {prefix: "/\e[31m\u0007"}}]
      redirect: {uri: "/\e]0;owned\u0007"}
"""


def words_of(line):
    """The words of a command line of curl, as bash reads them."""
    done = subprocess.run(["bash", "-c", "curl() { printf '%s\\0' \"$@\"; }\n" + line], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=60)
    assert (done.returncode, done.stderr) == (0, b""), line
    return done.stdout.split(b"\0")[:-1]


def is_safe(text):
    return all(c == "\n" or c.isprintable() for c in text)


@pytest.fixture
def odd(sides):
    return sides(ODD, ODD.replace("timeout: 1s", "timeout: 2s").replace("/\\e]0;owned", "/\\e]0;other"))


def witness_words(witness):
    flags = [b"-g"] if "{" in witness["path"] else []
    headers = [word for name, value in witness["headers"] for word in (b"-H", f"{name}: {value}".encode())]
    return flags + headers + [f"http://{witness['authority']}{witness['path']}".encode()]


def test_examples_are_safe_on_a_terminal_and_exact_in_a_shell(odd):
    report = json.loads(diff(*odd, "--json").stdout)
    text = diff(*odd).stdout
    assert is_safe(text)
    assert 'header a = "caf\u00e9"' in text  # what can be printed is printed
    assert 'header b = "x\\u{202e}y\\u{85}' in text
    lines = [line.split("e.g.    ")[1] for line in text.splitlines() if "e.g.    " in line]
    witnesses = [region["witness"] for region in report["regions"] if region["view"]["port"] == 80]
    assert len(lines) == len(witnesses) >= 5
    for line, witness in zip(lines, witnesses):
        assert words_of(line) == witness_words(witness)
    assert any("\u202e" in value for w in witnesses for _, value in w["headers"])
    assert any("$'" in line for line in lines)


def test_markdown_and_sarif_are_safe_and_exact(odd):
    lines = [line.split("e.g.    ")[1] for line in diff(*odd).stdout.splitlines() if "e.g.    " in line]
    table = diff(*odd, "--format", "markdown").stdout
    assert is_safe(table)
    examples = []
    for row in table.splitlines():
        if re.match(r"\| \d", row):
            cell = re.split(r"(?<!\\)\|", row)[-2].strip()  # a cell ends at a bar without a backslash
            fence = re.match("`+", cell).group()
            code = cell[len(fence):-len(fence)].replace("\\|", "|")
            examples.append(code[1:-1] if len(fence) > 1 else code)
            assert fence not in code
    assert sorted(examples) == sorted(lines) and any("``" in line for line in lines)
    messages = [result["message"]["text"] for result in
                json.loads(diff(*odd, "--format", "sarif").stdout)["runs"][0]["results"]]
    assert all(is_safe(message) for message in messages)
    assert sorted(message.split("for example ")[1] for message in messages) == sorted(lines)


@pytest.mark.parametrize("method, flags", [("GET", []), ("HEAD", [b"-I"]), ("PUT", [b"-X", b"PUT"])])
def test_the_method_of_an_example_is_one_that_curl_can_send(sides, method, flags):
    rules = RULES.replace("uri: {prefix: /api/}", f"method: {{exact: {method}}}")
    old, new = sides(rules, rules.replace("10s", "2s"))
    line = diff(old, new).stdout.split("e.g.    ")[1].splitlines()[0]
    assert words_of(line)[:len(flags) + 1] == flags + [b"-H"]


def test_an_example_with_dot_segments_is_sent_as_it_is(sides):
    rules = RULES.replace("prefix: /api/", "exact: /a/../b")
    old, new = sides(rules, rules.replace("10s", "2s"))
    line = diff(old, new, "--path-normalization", "none").stdout.split("e.g.    ")[1].splitlines()[0]
    assert words_of(line)[0] == b"--path-as-is" and words_of(line)[-1].endswith(b".local/a/../b")


# ---- Ctrl-C ----

@pytest.mark.parametrize("command", [["diff", "OLD", "-"], ["diff", "OLD", "-", "--json"], ["explain", "--order", "-f", "-"]],
                         ids=["diff", "json", "order"])
def test_ctrl_c_ends_at_once_and_leaves_nothing(sides, tmp_path, command):
    """What is printed is proven, so that nothing is before everything is decided."""
    def rules(first):
        return RULES.split("    - match")[0] + "".join(
            f"    - match: [{{headers: {{target: {{regex: '(.{{1,200}}x{i}){{1,4}}'}}}}, uri: {{regex: '/([a-z]+/){{1,90}}{i}.*'}}}}]\n"
            f"      route: [{{destination: {{host: shop}}}}]\n      timeout: {first + i}s\n" for i in range(2000))
    old, new = sides(rules(1), rules(2))
    before = sorted(tmp_path.iterdir())
    started = subprocess.Popen([BIN / "headerroute", *(str(old) if word == "OLD" else word for word in command)], cwd=tmp_path,
                               env={**os.environ, "TMPDIR": str(tmp_path)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    started.stdin.write(new.read_bytes())
    started.stdin.close()  # all but what fits into the pipe is read: it loads, or compares for many seconds
    started.stdin = None
    started.send_signal(signal.SIGINT)
    out, err = started.communicate(timeout=120)
    assert (started.returncode, out) == (-signal.SIGINT, b"") and sorted(tmp_path.iterdir()) == before


# ---- headers that a Gateway's proxies set ----

GATEWAY_RULES = """
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gw}
spec: {selector: {istio: i}, servers: [{port: {number: 80, name: h, protocol: HTTP}, hosts: ["*"]}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: x}
spec:
  hosts: ["*"]
  gateways: [gw]
  http: [{match: [{headers: {%s}}], directResponse: {status: %d}}, {directResponse: {status: 404}}]
"""


def proxy_set(sides, header, **more):
    old, new = sides(GATEWAY_RULES % (header, 200), GATEWAY_RULES % (header, 201))
    return diff(old, new, "--gateway", "default/gw", **more)


@pytest.mark.parametrize("header, reason", [
    ("x-envoy-external-address: {exact: 9.9.9.9}", "x-envoy-external-address, which the Gateway's proxies set to the client's address"),
    ("x-envoy-external-address: {}", "x-envoy-external-address, which the Gateway's proxies set to the client's address"),
    ("x-request-id: {prefix: a}", "a fresh x-request-id, which the Gateway's proxies draw"),
    ("x-forwarded-client-cert: {regex: '.*Subject=.*'}", "x-forwarded-client-cert, which the Gateway's proxies set from the client's certificate"),
])
def test_a_header_that_the_connection_decides_is_not_decided(sides, header, reason):
    """route with --peer-address 9.9.9.9 takes the first rule: equal would be wrong."""
    done = proxy_set(sides, header)
    assert done.returncode == 3 and f"not decided: {reason}\n" in done.stdout


def test_an_impossible_condition_on_such_a_header_is_still_equal(sides):
    done = proxy_set(sides, "x-envoy-external-address: {exact: 9.9.9.9, }, x-forwarded-proto: {exact: ftp}")
    assert done.returncode == 0, done.stdout


def test_x_forwarded_proto_of_a_gateway_is_the_scheme(sides):
    assert proxy_set(sides, "x-forwarded-proto: {exact: ftp}").returncode == 0
    done = proxy_set(sides, "x-forwarded-proto: {exact: https}")
    assert done.returncode == 1 and "scheme https\n" in done.stdout


def test_x_forwarded_for_of_a_gateway_has_a_note(sides):
    done = proxy_set(sides, "x-forwarded-for: {exact: 1.2.3.4}")
    assert done.returncode == 1
    assert "     note: x-forwarded-for is compared without the client's address, which the Gateway's proxies append\n" in done.stdout
    old, new = sides(GATEWAY_RULES % ("target: {exact: a}", 200), GATEWAY_RULES % ("target: {exact: a}", 201))
    assert "note:" not in diff(old, new).stdout


def test_for_all_is_not_proven_with_proxies_in_front(sides, tmp_path):
    rules, _ = sides(GATEWAY_RULES % ("target: {exact: a}", 200), "")
    cases = tmp_path / "cases.yaml"
    cases.write_text("testCases: [{description: a, view: {gateway: default/gw}, forAll: {headers: {target: {exact: a}}}, expect: {status: 200}}]\n")
    run = lambda *flags: subprocess.run([BIN / "headerroute", "test", "-f", rules, *flags, cases], text=True, capture_output=True, timeout=60)
    assert run().returncode == 0, run().stdout
    for flags in (["--trusted-proxies", "1"], ["--peer-address", "9.9.9.9"]):
        done = run(*flags)
        assert done.returncode == 1 and "forAll is not decided with --trusted-proxies or --peer-address" in done.stdout


# ---- reports stay short ----

def many_rules(n, status, match):
    rules = "\n".join(f"    - match: [{{headers: {match(i)}}}]\n      directResponse: {{status: {status + i}}}" for i in range(n))
    return f"""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: shop}}
spec:
  hosts: [shop]
  http:
{rules}
    - directResponse: {{status: 404}}
"""


def test_of_many_regions_that_are_not_decided_some_are_printed(sides):
    match = lambda i: "{target: {regex: '\\bx%d'}}" % i
    old, new = sides(many_rules(50, 200, match), many_rules(50, 300, match))
    whole = json.loads(diff(old, new, "--json", "--gateway", "mesh").stdout)["undecided"]
    assert len(whole) >= 50
    done = diff(old, new, "--gateway", "mesh")
    assert done.returncode == 3 and done.stdout.count("not decided: a word boundary") == 20
    assert done.stdout.endswith(f"  ?  {len(whole) - 20} more regions were not decided: --json lists them\n")
    table = diff(old, new, "--gateway", "mesh", "--format", "markdown").stdout
    assert table.count("- not decided: ") == 20 and f"\n- {len(whole) - 20} more regions were not decided: --json lists them\n" in table


def test_a_region_of_many_conditions_is_cut(sides):
    match = lambda i: "{%s}" % ", ".join(f"h{k}: {{exact: '{'v' * 300}'}}" for k in range(40))
    old, new = sides(many_rules(1, 200, match), many_rules(1, 300, match))
    assert len(json.loads(diff(old, new, "--json").stdout)["regions"][0]["where"]) >= 40
    for form in ("text", "markdown"):
        where = next(line for line in diff(old, new, "--format", form).stdout.splitlines() if "header h0 = " in line)
        assert "more conditions" in where and where.count("v" * 120 + "...") in (15, 16)
        assert "v" * 121 not in where.split("curl")[0]
