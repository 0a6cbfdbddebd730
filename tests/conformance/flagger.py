#!/usr/bin/env python3
"""Compares `--expand rollouts` with Flagger's router for Istio, run from its own Go module.

Random Canaries: the router writes the VirtualService of each step with the weights that Flagger's controller computes, and
every request must get the same decision from that VirtualService as from the Canary with `--rollout-step N`.
"""
import argparse
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

import yaml

from rollouts import document, service

HERE = pathlib.Path(__file__).resolve().parent
PLACES = ("source", "root_source", "caveats", "workloads")
COOKIES = ["a=1; flagger-cookie=abcdefghij", "flagger-cookie=ABCDEFGHIJ", "primary-cookie=abcdefghij", "primary-cookie=KLMNOPQRST; x=1", "x=1"]


class World:
    """One Canary, with a VirtualService of its name or without."""

    def __init__(self, seed):
        self.r = r = random.Random(seed)
        analysis = {"interval": r.choice(["30s", "1m", "1m30s"]), "threshold": 2}
        kind = r.random()
        if kind < 0.55:
            analysis.update(r.choice([{"stepWeight": 10}, {"stepWeight": 30, "maxWeight": 50}, {"stepWeight": 40}, {"stepWeights": [1, 2, 10, 80]},
                                      {"stepWeights": [5, 50, 100]}, {"stepWeights": [20, 120]}, {"stepWeight": 25, "stepWeights": [3, 4]}]))
        else:
            analysis["iterations"] = r.randint(1, 4)
        if (kind > 0.75 if "iterations" in analysis else r.random() < 0.15):
            analysis["match"] = [self.condition(0.85) for _ in range(r.randint(1, 3))]
        elif r.random() < 0.35:
            analysis["mirror"] = True
            if r.random() < 0.6:
                analysis["mirrorWeight"] = r.choice([0, 20, 100])
        if r.random() < 0.3:
            analysis["stepWeightPromotion"] = r.choice([20, 30, 50, 100])
        status = {}
        # Flagger repeats the mirroring step for ever where rules for cookies or conditions hide the mirror.
        if r.random() < 0.35 and ("iterations" in analysis or "mirror" not in analysis):
            analysis["sessionAffinity"] = {"cookieName": "flagger-cookie", **{k: v for k, v in (
                ("maxAge", 60), ("domain", "x.org"), ("httpOnly", True), ("path", "/a"), ("sameSite", "Lax"), ("secure", True),
                ("partitioned", True), ("primaryCookieName", "primary-cookie")) if r.random() < 0.4}}
            if r.random() < 0.5:
                status["sessionAffinityCookie"] = "flagger-cookie=ABCDEFGHIJ"
            if r.random() < 0.3:
                status["primarySessionAffinityCookie"] = "primary-cookie=KLMNOPQRST"
        self.canary = document("flagger.app/v1beta1", "Canary", "shop", {
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"}, "service": self.service(), "analysis": analysis})
        if status:
            self.canary["status"] = {"phase": "Progressing", "canaryWeight": 0, "failedChecks": 0, "iterations": 0, **status}
        name = self.canary["spec"]["service"].get("name", "shop")
        self.virtual_service = document("networking.istio.io/v1", "VirtualService", name, {
            "hosts": ["old.example.org"], "http": [{"route": [{"destination": {"host": "old"}}]}]}) if r.random() < 0.3 else None
        self.beside = [service(name + suffix) for suffix in ("", "-primary", "-canary")]

    def text(self):
        return {self.r.choice(["exact", "prefix", "regex"]): self.r.choice(["a", "b", "ab", "/a", ".*"])}

    def condition(self, headers):
        r = self.r
        out = {}
        if r.random() < headers:
            out["headers"] = {r.choice(["x-a", "x-b"]): r.choice([self.text(), self.text(), {"exact": ""}, {}]) for _ in range(r.randint(1, 2))}
        if r.random() < 0.4:
            out["uri"] = {"prefix": r.choice(["/a", "/b", "/"])}
        if r.random() < 0.2:
            out["sourceLabels"] = {"app": r.choice(["x", "y"])}
        if r.random() < 0.2:
            out["method"] = {"exact": "GET"}
        if r.random() < 0.15:
            out["queryParams"] = {"q": {"exact": "1"}}
        if r.random() < 0.15:
            out["withoutHeaders"] = {"x-c": {}}
        return out or {"uri": {"prefix": "/"}}

    def service(self):
        r = self.r
        out = {"port": r.choice([80, 80, 9898])}
        if r.random() < 0.3:
            out["name"] = "front"
        for key, value in (("portDiscovery", True), ("timeout", "5s"), ("rewrite", {"uri": "/new"}), ("retries", {"attempts": 2, "perTryTimeout": "1s"}),
                           ("retries", {"perTryTimeout": "1s"}), ("corsPolicy", {"allowOrigins": [{"exact": "https://a.com"}], "allowCredentials": False}),
                           ("headers", {"request": {"set": {"x-new": "1"}}, "response": {"add": {"x-r": "1"}, "remove": ["x-q"]}}),
                           ("headers", {"request": {"remove": ["x-a"]}}), ("headers", {})):
            if r.random() < 0.2:
                out[key] = value
        if r.random() < 0.4:
            out["match"] = [self.condition(0.3) for _ in range(r.randint(1, 2))]
        if r.random() < 0.4:
            out["gateways"] = r.choice([["istio-system/public"], ["mesh", "istio-system/public"], ["istio-system/public", "mesh"]])
            out["hosts"] = r.choice([["shop.example.org"], ["shop.example.org", out.get("name", "shop")], ["*"]])
        return out

    def requests(self, n):
        r = self.r
        return [{"method": r.choice(["GET", "POST"]), "path": r.choice(["/", "/a", "/ab?q=1", "/b/c"]), "random": round(r.random(), 4),
                 "source_labels": {"app": r.choice(["x", "z"])},
                 "headers": [[h, r.choice(["a", "b", "ab", ""])] for h in ("x-a", "x-b", "x-c") if r.random() < 0.4]
                 + ([["cookie", r.choice(COOKIES)]] if r.random() < 0.5 else []),
                 **r.choice([{"authority": "shop"}, {"authority": "front"}, {"authority": "old.example.org"},
                             {"authority": "shop.example.org", "gateway": "istio-system/public"}])} for _ in range(n)]


GATEWAY = document("networking.istio.io/v1", "Gateway", "public", {"selector": {"istio": "ingress"}, "servers": [
    {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}]})
GATEWAY["metadata"]["namespace"] = "istio-system"


def router():
    given = os.environ.get("FLAGGER")
    if given:
        return given
    build = pathlib.Path(os.environ.get("CONFORMANCE_BUILD", HERE / "build"))
    build.mkdir(parents=True, exist_ok=True)
    subprocess.run(["go", "build", "-o", str(build / "flagger"), "."], cwd=HERE / "flagger", check=True)
    return str(build / "flagger")


def decide(binary, folder, docs, requests, *flags):
    """The decisions without places, or None if the load fails."""
    path = folder / "rules.yaml"
    path.write_text(yaml.safe_dump_all([d for d in docs if d], sort_keys=False))
    done = subprocess.run([binary, "route", "-f", str(path), *flags, "--batch", "-"], text=True, capture_output=True,
                          input="".join(json.dumps(q) + "\n" for q in requests))
    if len(done.stdout.splitlines()) != len(requests):
        return None, done.stderr
    return [{k: v for k, v in json.loads(line).items() if k not in PLACES} for line in done.stdout.splitlines()], done.stderr


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--headerroute", required=True)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--worlds", type=int, default=200)
    p.add_argument("--requests", type=int, default=40)
    a = p.parse_args()
    worlds = [World("%d/%d" % (a.seed, i)) for i in range(a.worlds)]
    cases = [(w, n) for w in worlds for n in list(range(1, 8)) + [20, 500]]
    jobs = "".join(json.dumps({"canary": w.canary, "steps": n, **({"virtual_service": w.virtual_service} if w.virtual_service else {})}) + "\n"
                   for w, n in cases)
    answers = subprocess.run([router()], input=jobs, capture_output=True, text=True, check=True).stdout.splitlines()
    passed = failed = errors = 0
    with tempfile.TemporaryDirectory(prefix="flagger-") as name:
        folder = pathlib.Path(name)
        for (w, n), line in zip(cases, answers):
            answer, requests = json.loads(line), w.requests(a.requests)
            if "error" in answer:
                errors += 1
                print("step %d: Flagger: %s" % (n, answer["error"]))
                continue
            got, said = decide(a.headerroute, folder, [GATEWAY, *w.beside, w.virtual_service, w.canary], requests, "--expand", "rollouts",
                               "--rollout-step", str(n))
            want, why = decide(a.headerroute, folder, [GATEWAY, *w.beside, answer["virtual_service"]], requests)
            if got is None and want is None:  # a VirtualService that Istio refuses
                errors += 1
                continue
            if got == want:
                passed += len(got)
                continue
            failed += 1
            if failed <= 5:
                print("step %d of\n%s\nwritten by Flagger:\n%s\nheaderroute: %s%s" % (
                    n, yaml.safe_dump(w.canary), yaml.safe_dump(answer["virtual_service"]["spec"]), said, why))
                bad = next((i for i in range(a.requests) if got and want and got[i] != want[i]), None)
                if bad is not None:
                    print("request", json.dumps(requests[bad]))
                    for k in got[bad]:
                        if got[bad][k] != want[bad][k]:
                            print("   %s: Flagger %r, headerroute %r" % (k, want[bad][k], got[bad][k]))
    print("%d steps of %d Canaries (%d refused): %d decisions passed, %d steps failed" % (len(cases), len(worlds), errors, passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
