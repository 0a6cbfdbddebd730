"""--access-log-header of the gateway: request headers in the access log, and what `headerroute replay` makes of them."""
import json

import pytest
from harness import run
from mesh import GATEWAY, gateway, routes, service, to, write
from peers import Peer

RULES = [{"match": [{"headers": {"target": {"exact": "condition1"}}}], "route": [to("a.test")]}, {"route": [to("b.test")]}]


@pytest.fixture(scope="module")
def peers():
    with Peer() as a, Peer() as b:
        yield service("a.test", a), service("b.test", b)


def test_named_headers_are_members(tmp_path, peers):
    with gateway(tmp_path, *peers, routes(*RULES), args=("--access-log-header", "Target", "--access-log-header", "x-other")) as gw:
        sent = {"/text": [("TARGET", "it's \"c\u00e9\"".encode().decode("latin-1"))], "/none": [], "/empty": [("target", "")],
                "/two": [("target", "a"), ("x-other", "o"), ("target", "b")], "/long": [("target", "v" * 1024)],
                "/longer": [("target", "v" * 1025)], "/bytes": [("target", "\xff")]}
        for path, headers in sent.items():
            assert gw.call(target=path, headers=headers).status == 200
        got = {path: (gw.wait_line(path=path)["target"], gw.wait_line(path=path)["x-other"]) for path in sent}
    assert got == {"/text": ("it's \"c\u00e9\"", None), "/none": (None, None), "/empty": ("", None), "/two": (["a", "b"], "o"),
                   "/long": ("v" * 1024, None), "/longer": ({"part": "v" * 1024}, None), "/bytes": ({"part": "\ufffd"}, None)}


def replay(tmp_path, lines):
    (tmp_path / "access.log").write_text("".join(json.dumps(line) + "\n" for line in lines))
    new = [{**RULES[0], "match": [{"headers": {"target": {"exact": "condition2"}}}]}, RULES[1]]
    write(tmp_path / "new.yaml", GATEWAY, routes(*new))
    write(tmp_path / "old.yaml", GATEWAY, routes(*RULES))
    arguments = ("replay", "-f", tmp_path / "new.yaml", "--against", tmp_path / "old.yaml", "--gateway", "default/gw", tmp_path / "access.log")
    return run("headerroute", *arguments)[1], json.loads(run("headerroute", *arguments, "--json")[1])


def test_replay_reads_them(tmp_path, peers):
    values = ["condition1", "condition2", "other", None, "", "v" * 2000]
    for flags in (), ("--access-log-header", "target"):
        with gateway(tmp_path, *peers, routes(*RULES), args=flags) as gw:
            for i, value in enumerate(values):
                assert gw.call(target=f"/{i}", headers=[] if value is None else [("target", value)]).status == 200
            lines = [gw.wait_line(path=f"/{i}") for i in range(len(values))]
        text, found = replay(tmp_path, lines)
        assert found["lines"] == 6
        if flags:  # the value that was cut could be either
            assert (found["changed"], found["unknown"], found["requests"]) == (2, 1, 5)
        else:
            assert (found["changed"], found["unknown"], found["requests"]) == (0, 6, 0)
        assert "headerroute-gateway --access-log-header target\n" in text and "%REQ" not in text


@pytest.mark.parametrize("flags, why", [
    (["name"], "'name' has the name of a member that every line has"), (["User-Agent"], "'User-Agent' has the name of a member"),
    (["a b"], "'a b' is not the name of a header"), ([":path"], "is not the name of a header"), ([""], "is not the name of a header"),
    (["x", "X"], "'X' is given twice"), ([f"h{i}" for i in range(33)], "comes more than 32 times"), (["x" * 256], "is longer than 255 bytes")])
def test_names_that_lines_cannot_have(tmp_path, flags, why):
    code, _, message = run("headerroute-gateway", "-f", write(tmp_path / "mesh.yaml", GATEWAY),
                           *(word for name in flags for word in ("--access-log-header", name)))
    assert code == 2 and message.startswith("headerroute-gateway: --access-log-header: ") and why in message and message.count("\n") == 1
