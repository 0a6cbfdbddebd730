#!/usr/bin/env python3
"""Checks the linter on random configurations of the generator.

Every rule whose destination has no cluster has a finding, and so does one whose cluster has no endpoint
although pods are known; so does every host of a VirtualService or Gateway that has no rules in any view. No
request is decided by a rule that a finding says never matches.
"""
import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import yaml

import generate
from generate_wide import WideWorld

Finding = collections.namedtuple("Finding", "line code field message")
DESTINATION = {"host-unknown", "port-unknown", "port-missing", "not-exported", "subset-unknown", "subset-not-reached",
               "subset-empty", "destination-empty", "no-services", "alias-unknown"}
UNREACHED = {"host-taken", "host-not-on-gateway", "gateway-unknown", "vs-not-exported", "http-on-tcp-port", "gateway-host-unused",
             "host-unknown", "port-never-called", "never-matches"}


class Document:
    """The lines of one resource."""

    def __init__(self, text):
        self.lines = text.splitlines()
        self.starts = [1] + [i + 2 for i, line in enumerate(self.lines) if line == "---"]

    def start(self, line):
        return max(s for s in self.starts if s <= line)

    def same(self, a, b):
        return self.start(a) == self.start(b)

    def load(self, line):
        start = self.start(line)
        end = min([s for s in self.starts if s > line] + [len(self.lines) + 2]) - 2
        return yaml.safe_load("\n".join(self.lines[start - 1:end]))

    def name(self, line):
        meta = self.load(line)["metadata"]
        return "%s/%s" % (meta["namespace"], meta["name"])

    def excused(self, line, index, gateways):
        """A host without rules that may have some for other callers (sourceLabels, sourceNamespace), or in
        the mesh a host outside the registry, which needs a Service with port 80, or a wildcard, all of whose Services
        may have VirtualServices of their own."""
        text = self.load(line)
        host = text["spec"]["hosts"][int(index)]
        labels = any("sourceLabels" in m or "sourceNamespace" in m for rule in text["spec"]["http"] for m in rule.get("match", []))
        outside = "." in host and not host.endswith(".svc.cluster.local")
        return labels or ("mesh" in gateways and (outside or host.startswith("*")))


def facts(program, path):
    done = subprocess.run([program, path], capture_output=True, text=True, timeout=1800)
    if done.returncode == 3:
        return None
    if done.returncode != 0:
        raise RuntimeError("lint-facts: exit %d\n%s" % (done.returncode, done.stderr))
    return [line.split("\t") for line in done.stdout.splitlines()]


def without_finding(text, lines):
    """The facts that no finding explains."""
    document = Document(text)
    findings = [Finding(int(x[1]), *x[2:]) for x in lines if x[0] == "finding"]

    def explained(line, codes, field):
        return any(f.code in codes and document.same(f.line, line) and f.field.startswith(field) for f in findings)

    for kind, *rest in lines:
        if kind in ("missing", "empty") and not explained(int(rest[0]), DESTINATION, "spec.http[%s]." % rest[1]) and not any(
                f.code == "subset-empty" and rest[2].rsplit("|", 1)[1] in f.message for f in findings):
            yield {"missing": "no cluster", "empty": "no endpoint"}[kind], rest
        if kind == "host" and rest[3] == "unreached" and not document.excused(int(rest[0]), rest[1], rest[2]) and not explained(int(rest[0]), UNREACHED, "spec."):
            yield "host of a VirtualService", rest
        if kind == "server" and rest[3] == "unreached" and not explained(
                int(rest[0]), {"gateway-unused"}, "spec") and not explained(int(rest[0]), {
                    "gateway-host-unused", "gateway-host-conflict", "gateway-port-conflict"}, "spec.servers[%s]" % rest[1]):
            yield "host of a Gateway", rest


def never_matched(text, lines):
    """(VirtualService, route, match or None) of each rule that is said to decide nothing."""
    document = Document(text)
    for x in lines:
        found = re.match(r"spec\.http\[(\d+)\](?:\.match\[(\d+)\])?$", x[3]) if x[:1] == ["finding"] else None
        never = x[2:3] == ["never-matches"] or (x[2:3] == ["taken-by-other"] and re.match("this (rule can never match|match is never reached)", x[4]))
        if found and never:
            yield document.name(int(x[1])), int(found[1]), found[2] and int(found[2])


def decided(headerroute, path, requests, never):
    """The requests that are decided by a rule that is said to decide nothing."""
    asked = "".join(json.dumps({k: v for k, v in r.items() if not k.startswith("_")}) + "\n" for r in requests)
    done = subprocess.run([headerroute, "route", "-f", path, "--batch", "-"], input=asked, capture_output=True, text=True, timeout=1800)
    for request, line in zip(requests, done.stdout.splitlines()):
        d = json.loads(line)
        if "error" in d or d["virtual_service"] is None:
            continue
        author = d["delegate"] or d["virtual_service"]
        for name, route, match in never:
            own = name == author and route == d["route_index"] and match in (None, d["match_index"])
            delegates = d["delegate"] and name == d["virtual_service"] and route == d["root_route_index"] and match is None
            if own or delegates:
                yield request


def check(a, number):
    world = (WideWorld if number % 2 else generate.World)("lint/%d/%d" % (a.seed, number), a.requests)
    text = generate.text(world.docs)
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as f:
        f.write(text)
        f.flush()
        lines = facts(a.facts, f.name)
        if lines is None:
            return 0, 0, []
        bad = ["%d: %s: %s" % (number, what, " ".join(rest)) for what, rest in without_finding(text, lines)]
        never = list(never_matched(text, lines))
        bad += ["%d: decided by a rule that never matches: %s" % (number, json.dumps(r))
                for r in (decided(a.headerroute, f.name, world.requests, never) if never else [])]
        if bad and a.keep:
            pathlib.Path(a.keep).mkdir(parents=True, exist_ok=True)
            (pathlib.Path(a.keep) / ("%d.yaml" % number)).write_text(text)
        return 1, len(never), bad


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--facts", required=True, help="the program lint-facts")
    p.add_argument("--headerroute", required=True)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--configs", type=int, default=100)
    p.add_argument("--requests", type=int, default=100, help="for each configuration with a rule that never matches")
    p.add_argument("--keep", help="a folder for configurations that fail")
    a = p.parse_args()
    loaded = never = 0
    bad = []
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for ok, n, wrong in pool.map(lambda i: check(a, i), range(a.configs)):
            loaded, never, bad = loaded + ok, never + n, bad + wrong
    for line in bad[:200]:
        print(line)
    print("seed %d: %d configurations, %d loaded, %d rules that never match, %d failures" % (a.seed, a.configs, loaded, never, len(bad)))
    if loaded == 0 or never == 0:
        sys.exit("nothing was checked")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
