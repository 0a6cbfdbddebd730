#!/usr/bin/env python3
"""Public suites against the gateway, nginx and HAProxy, side by side. Checkouts are given by path; none is part of this project.

    tests/services/foreign/run.py llhttp=PATH h11=PATH http-garden=PATH h1spec=PATH haproxy=PATH h2spec=PROGRAM

For the suites of HTTP/1.1 the table counts, for each server, how the first request of each case was answered (2xx and 3xx, 4xx and
5xx, not at all) and `passed on`: cases of which the upstream server was sent a request that a strict reader (../reference.py) does
not find in the case: what a proxy repairs or reads differently. Cases without Host get one. For h2spec it counts the cases that pass.
"""
import argparse
import datetime
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
import cases  # noqa: E402
from reference import requests_of  # noqa: E402
from servers import ROOT, Servers  # noqa: E402

NAMES = ["gateway", "nginx", "haproxy"]
STATUS = re.compile(rb"HTTP/1\.[01] ([0-9]{3})")


def answer_to(port, data, patience):
    """What the server sends until it closes or is silent; the case is sent in one piece."""
    got = b""
    with socket.create_connection(("127.0.0.1", port), 5) as sock:
        sock.settimeout(patience)
        try:
            sock.sendall(data)
            while more := sock.recv(65536):
                got += more
        except OSError:
            pass
    return got


def same(sent, allowed):
    """A proxy may write the target and the body in its own way; the method and the number of requests are not its choice."""
    methods = [m for m, _, _ in allowed]
    return [m for m, _, _ in sent] == methods[:len(sent)]


# A proxy may stream a body of which the rest has not come.
RESTS = [b"", b"0\r\n\r\n", b"\r\n0\r\n\r\n", b"x" * 100000]


def with_host(data):
    """Parsers have cases without Host, which is not what those are about; servers must refuse them."""
    line, end, rest = data.partition(b"\r\n")
    lacks = line.endswith(b"HTTP/1.1") and not re.search(rb"^host\s*:", rest, re.I | re.M)
    return line + end + b"Host: test\r\n" + rest if end and lacks else data


def run_case(servers, name, data, patience):
    before = len(servers.upstream.streams)
    kept = [len(s) for s in servers.upstream.streams]
    got = answer_to(servers.ports[name], data, patience)
    streams = servers.upstream.streams
    sent = b"".join(bytes(s[kept[i] if i < before else 0:]) for i, s in enumerate(streams))
    status = STATUS.match(got)
    kind = "silent" if not status else "accepted" if status[1] < b"4" else "refused"
    understood = any(requests_of(sent + rest) and same(requests_of(sent + rest), requests_of(data + other))
                     for rest in RESTS for other in RESTS)
    return kind, bool(sent) and not understood


def run_http1(servers, suite, found, patience, verbose):
    rows = []
    for name in NAMES:
        row = dict.fromkeys(["accepted", "refused", "silent", "passed on"], 0)
        for case, data in found:
            kind, passed_on = run_case(servers, name, data, patience)
            row[kind] += 1
            row["passed on"] += passed_on
            if verbose:
                print(f"{suite} {case} {name}: {kind}{', passed on' * passed_on}", file=sys.stderr)
            if not servers.alive(name):
                raise SystemExit(f"{name} has ended at {suite} {case}")
        rows.append((suite, len(found), name, row))
    return rows


def run_h2spec(servers, program):
    rows = []
    for name in NAMES:
        out = subprocess.run([program, "-h", "127.0.0.1", "-p", str(servers.ports[name]), "--timeout", "2"], capture_output=True,
                             text=True, timeout=900, check=False).stdout
        found = re.search(r"([0-9]+) tests, ([0-9]+) passed", out)
        rows.append((int(found[1]), name, int(found[2])) if found else (0, name, 0))
        for failed in sorted(set(re.findall(r"^ *\S? ?× [0-9]+: .*", out, re.M))):
            print(f"h2spec {name}: {failed.strip()}", file=sys.stderr)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suites", nargs="+", metavar="SUITE=PATH")
    parser.add_argument("--build", default=ROOT / "build/release")
    parser.add_argument("--patience", type=float, default=0.5, help="seconds without an answer after which a server counts as silent")
    parser.add_argument("--verbose", action="store_true", help="each case, on stderr")
    args = parser.parse_args()
    suites = dict(item.split("=", 1) for item in args.suites)
    if unknown := set(suites) - {*cases.SUITES, "h2spec"}:
        parser.error(f"unknown suite {', '.join(sorted(unknown))}; known are {', '.join([*cases.SUITES, 'h2spec'])}")
    print(f"{datetime.date.today():%Y-%m-%d}")
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder).chmod(0o755)
        servers = Servers(folder, args.build, NAMES)
        try:
            print("| suite | cases | server | accepted | refused | silent | passed on |\n|---|---|---|---|---|---|---|")
            for suite in [s for s in suites if s != "h2spec"]:
                found = [(case, with_host(data)) for case, data in cases.SUITES[suite](suites[suite])]
                if not found:
                    raise SystemExit(f"{suite}: no case was found in {suites[suite]}")
                for _, n, name, row in run_http1(servers, suite, found, args.patience, args.verbose):
                    print(f"| {suite} | {n} | {name} | " + " | ".join(str(v) for v in row.values()) + " |", flush=True)
        finally:
            servers.close()
    if "h2spec" not in suites:
        return
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder).chmod(0o755)
        servers = Servers(folder, args.build, NAMES, http2=True)
        try:
            print("\n| suite | cases | server | passed |\n|---|---|---|---|")
            for n, name, passed in run_h2spec(servers, suites["h2spec"]):
                print(f"| h2spec | {n} | {name} | {passed} |", flush=True)
        finally:
            servers.close()


if __name__ == "__main__":
    main()
