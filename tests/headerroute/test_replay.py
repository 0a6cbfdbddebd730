"""`headerroute replay`: access logs against rules."""
import array
import fcntl
import json
import os
import pathlib
import random
import signal
import subprocess
import termios
import time

import pytest

PROGRAM = pathlib.Path(os.environ["HR_BUILD_DIR"]) / "bin" / "headerroute"

RULES = """apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop.example.com]
  http:
  - match:
    - uri: {prefix: /api/}
      headers: {x-beta: {exact: "1"}}
    directResponse: {status: 201}
  - match:
    - uri: {prefix: /api/}
    directResponse: {status: 202}
  - match:
    - withoutHeaders: {x-old: {}}
      uri: {prefix: /w/}
    directResponse: {status: 203}
  - redirect: {uri: /gone}
"""
CHANGED = RULES.replace('exact: "1"', "regex: '[12]'")


def run(*words, **more):
    return subprocess.run([PROGRAM, "replay", *map(str, words)], text=True, capture_output=True, timeout=300, **more)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "old.yaml").write_text(RULES)
    (tmp_path / "new.yaml").write_text(CHANGED)
    return tmp_path


def line(path, authority="shop.example.com", method="GET", **more):
    return json.dumps({"method": method, "path": path, "authority": authority, **more})


def replay(folder, lines, *flags):
    log = folder / "access.log"
    log.write_text("".join(text + "\n" for text in lines))
    done = run("-f", folder / "new.yaml", "--json", *flags, log)
    assert done.returncode in (0, 1, 3), done.stderr
    return done.returncode, json.loads(done.stdout)


def against(folder, lines):
    return replay(folder, lines, "--against", folder / "old.yaml")


def test_routes_are_counted(folder):
    code, found = replay(folder, [line("/api/1", x_beta="1", x_old="-"), line("/api/2", x_beta="9", x_old=None), line("/other", x_beta="9", x_old="a")])
    assert code == 0 and (found["lines"], found["requests"], found["unknown"], found["unread"]) == (3, 3, 0, 0)
    assert {route["route"]: route["after"] for route in found["routes"]} == {
        "default/shop http[0].match[0] answers 201": 1, "default/shop http[1].match[0] answers 202": 1,
        "default/shop http[3] redirects with 301": 1}


def test_a_change_is_counted_by_region_with_examples(folder):
    lines = [line(f"/api/{i}", **{"x-beta": str(i % 4), "x-old": None}) for i in range(40)]
    code, found = against(folder, lines)
    assert code == 1 and found["changed"] == 10 and found["unknown"] == 0
    [change] = found["changes"]
    assert change["lines"] == 10 and change["changed"] == "direct_response" and 'path prefix /api/' in change["where"]
    assert len(change["examples"]) == 3 and all(
        f"access.log:{n}  curl -H 'x-beta: 2'" in text for n, text in zip((3, 7, 11), change["examples"]))
    counts = {route["route"].split()[-1]: (route["before"], route["after"]) for route in found["routes"]}
    assert counts == {"201": (10, 20), "202": (30, 20)}


def test_nothing_changes_for_requests_that_the_change_does_not_reach(folder):
    code, found = against(folder, [line("/api/1", x_beta="1", x_old=None), line("/w/1", x_beta="2", x_old="1")])
    assert code == 0 and found["changed"] == 0 and found["changes"] == []


@pytest.mark.parametrize("text, why", [
    (line("/api/1"), "x-beta could be 1"),
    (line("/api/1", x_beta=1), "the text that was a number is lost"),
    (line("/api/1", request_headers={"x-beta": ["1"]}), "a list has no text"),
    (line("/w/1", x_beta="1"), "x-old could be there")])
def test_a_line_without_a_header_that_matters_is_unknown(folder, text, why):
    code, found = against(folder, [text])
    assert code == 3 and found["unknown"] == 1 and found["requests"] == 0, why
    assert set(found["unknown_headers"]) <= {"x-beta", "x-old"} and "access.log:1" in found["unknown_examples"][0]


@pytest.mark.parametrize("text", [line("/other"), line("/api/1", x_beta="1"), line("/api/1", request_headers={}),
                                  line("/x", authority="other.example.com")])
def test_a_missing_header_that_changes_nothing_does_not_matter(folder, text):
    code, found = against(folder, [text])
    assert code == 0 and found["unknown"] == 0 and found["requests"] == 1


ISTIO = ('[2026-11-30T10:00:00.000Z] "{} HTTP/1.1" 200 - via_upstream - "-" 0 12 3 2 "-" "curl/8" "abc" "{}" "10.0.0.1:80" '
         "outbound|80||shop 10.0.0.2:1 10.0.0.3:80 10.0.0.4:2 - default")
COMBINED = '127.0.0.1 - - [10/Oct/2000:13:55:36 -0700] "{} HTTP/1.0" 200 2326 "-" "curl/8"'


def test_formats_of_envoy_istio_and_web_servers(folder):
    lines = [ISTIO.format("GET /other", "shop.example.com"), line("/x", host="shop.example.com", authority=None),
             json.dumps({":method": "GET", ":path": "/other", ":authority": "shop.example.com"}),
             json.dumps({"METHOD": "GET", "x-envoy-original-path": "/other", "path": "/rewritten", "Authority": "shop.example.com"})]
    code, found = replay(folder, lines)
    assert code == 0 and found["requests"] == 4, found
    assert [route["route"] for route in found["routes"]] == ["default/shop http[3] redirects with 301"]
    code, found = replay(folder, [COMBINED.format("GET /other")], "--authority", "shop.example.com")
    assert found["requests"] == 1 and found["routes"][0]["route"].startswith("default/shop http[3]")


@pytest.mark.parametrize("text, why", [
    ("", "it is empty"), ("nonsense", "it is neither JSON nor in a known text format"), ("{", "it is not a JSON object"),
    ("{}", "it has no method or no path"), ('{"method": "GET", "path": "/"}', "it has no authority: state one with --authority"),
    ('[] "GET"', "the request line is missing"), (line("/%00"), "path"), (line("/", authority=" "), ""), ("[" * 100000, "request line")])
def test_lines_that_are_no_request_are_counted_with_their_place(folder, text, why):
    code, found = replay(folder, [line("/other"), text])
    assert (found["lines"], found["requests"], found["unread"]) == (2, 1, 1)
    assert "access.log:2  " in found["unread_examples"][0] and why in found["unread_examples"][0]


def test_port_of_the_view(folder):
    """Of the flags, else of the authority."""
    rules = RULES.replace("  - match:\n    - uri: {prefix: /api/}\n      headers", "  - match:\n    - port: 8080\n      uri: {prefix: /api/}\n      headers")
    (folder / "new.yaml").write_text(rules + """---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: shop}
spec:
  hosts: [shop.example.com]
  ports: [{number: 80, name: http, protocol: HTTP}, {number: 8080, name: http-2, protocol: HTTP}]
  resolution: STATIC
  endpoints: [{address: 10.0.0.1}]
""")
    known = {"x_beta": "1", "x_old": None}
    for flags, authority, status in [((), "shop.example.com", "202"), (("--port", "8080"), "shop.example.com", "201"),
                                     ((), "shop.example.com:8080", "201")]:
        _, found = replay(folder, [line("/api/1", authority=authority, **known)], *flags)
        assert found["routes"][0]["route"].endswith(f"answers {status}"), (flags, authority)


def test_many_lines_give_the_same_counts_and_the_first_examples(folder):
    """More than one batch, decided by several threads."""
    chooser = random.Random(5)
    values = [chooser.choice("123") for _ in range(150000)]
    code, found = against(folder, [line("/api/x", **{"x-beta": value, "x-old": None}) for value in values])
    assert code == 1 and found["changed"] == values.count("2") and found["requests"] == len(values)
    first = [i + 1 for i, value in enumerate(values) if value == "2"][:3]
    assert [text.split("  ")[0].rsplit(":", 1)[1] for text in found["changes"][0]["examples"]] == [str(n) for n in first]


def test_standard_input_and_several_logs(folder):
    (folder / "a.log").write_text(line("/other") + "\n")
    done = run("-f", folder / "new.yaml", "--json", folder / "a.log", "-", input=line("/other"))
    assert json.loads(done.stdout)["requests"] == 2


def test_text_for_people(folder):
    (folder / "access.log").write_text(line("/api/1", x_beta="2", x_old=None) + "\n" + line("/api/1") + "\nnonsense\n")
    done = run("-f", folder / "new.yaml", "--against", folder / "old.yaml", folder / "access.log")
    assert done.returncode == 1
    for part in ["3 lines, 1 change (33.3 %), 1 unknown (33.3 %), 1 not read (33.3 %)", "      before       after  route",
                 "           0           1  default/shop http[0].match[0] answers 201", "what changes\n  1 line: authority shop.example.com, ",
                 f"     before  default/shop http[1].match[0] answers 202  {folder}/old.yaml:12\n", '"x-beta": "%REQ(x-beta)%"', "not read\n"]:
        assert part in done.stdout, (part, done.stdout)


@pytest.mark.parametrize("words, message", [
    (["a.log"], "no rules: expected -f PATH"), (["-f", "k8s/base"], "no access log"), (["-f", "k8s/base", "none.log"], "cannot read none.log"),
    (["-f", "k8s/base", "--authority", "", "a"], "--authority needs a host")])
def test_wrong_command_lines(words, message):
    done = run(*words)
    assert done.returncode == 2 and message in done.stderr


def test_rules_that_do_not_load(folder):
    (folder / "new.yaml").write_text("a: [")
    assert run("-f", folder / "new.yaml", "-", input="").returncode == 2


# ---- Ctrl-C ----

def is_drained(pipe):
    left = array.array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, left)
    return left[0] == 0


@pytest.mark.parametrize("rest", ["", '{"method": "GET", "pa'], ids=["whole lines", "half a line"])
def test_ctrl_c_prints_what_was_counted(folder, rest):
    lines = "".join(line(f"/api/{i}", x_beta="1", x_old=None) + "\n" for i in range(300))
    started = subprocess.Popen([PROGRAM, "replay", "-f", folder / "new.yaml", "--against", folder / "old.yaml", "-"], text=True,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    started.stdin.write(lines + rest)
    started.stdin.flush()
    while not is_drained(started.stdin):
        time.sleep(0.01)
    started.send_signal(signal.SIGINT)
    out, err = started.communicate(timeout=300)
    assert started.returncode == 130 and err == "headerroute replay: interrupted after 300 lines\n"
    assert out.startswith("300 lines, 0 change")
