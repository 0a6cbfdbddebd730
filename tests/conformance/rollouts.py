#!/usr/bin/env python3
"""Compares `--expand rollouts` with the controller of Argo Rollouts, run from its own Go module.

Random Rollouts and VirtualServices: the controller writes the VirtualService of each step, and every request must get
the same decision from that VirtualService as from the Rollout with `--expand rollouts --rollout-step N`.
"""
import argparse
import json
import os
import pathlib
import random
import subprocess
import sys

import yaml

HERE = pathlib.Path(__file__).resolve().parent
PLACES = ("source", "root_source", "caveats", "workloads")


def document(api, kind, name, spec, **more):
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": "default"}, "spec": spec, **more}


def service(name):
    return document("v1", "Service", name, {"selector": {"app": "shop"}, "ports": [{"name": "http", "port": 80}]})


class World:
    """One Rollout with its VirtualService."""

    def __init__(self, seed):
        self.r = r = random.Random(seed)
        self.subsets = r.random() < 0.3
        self.names = r.choice([["primary"], ["primary"], ["primary", "other"], []])
        spec = {"selector": {"matchLabels": {"app": "shop"}},
                "template": {"metadata": {"labels": {"app": "shop"}}, "spec": {"containers": [{"name": "c", "image": "x"}]}}}
        istio = {"virtualService": {"name": r.choice(["shop", "shop.default"])}}
        if self.names:
            istio["virtualService"]["routes"] = self.names
        canary = {"steps": [self.step() for _ in range(r.randint(1, 6))],
                  "trafficRouting": {"managedRoutes": [{"name": n} for n in r.sample(["beta", "mirror", "third"], 3)], "istio": istio}}
        if self.subsets:
            istio["destinationRule"] = {"name": "shop", "canarySubsetName": "canary", "stableSubsetName": "stable"}
        if not self.subsets or r.random() < 0.3:
            canary.update(stableService="stable", canaryService="canary")
        self.rollout = document("argoproj.io/v1alpha1", "Rollout", "shop", {**spec, "strategy": {"canary": canary}})
        self.rule = document("networking.istio.io/v1alpha3", "DestinationRule", "shop", {"host": "shop", "subsets": [
            {"name": n, "labels": {"version": n}} for n in ("stable", "canary")]}) if self.subsets else None
        self.virtual_service = document("networking.istio.io/v1alpha3", "VirtualService", "shop", {"hosts": ["shop"], "http": self.http()})
        self.services = [service(n) for n in ("shop", "stable", "canary", "legacy")]

    def matches(self):
        return {self.r.choice(["exact", "prefix", "regex"]): self.r.choice(["a", "b", "ab"])}

    def step(self):
        r, kind = self.r, self.r.random()
        if kind < 0.4:
            return {"setWeight": r.choice([0, 5, 20, 50, 100])}
        if kind < 0.5:
            return {"pause": {}}
        name = r.choice(["beta", "mirror", "third"])
        if kind < 0.8:
            return {"setHeaderRoute": {"name": name, **({"match": [
                {"headerName": r.choice(["x-a", "x-b"]), "headerValue": self.matches()} for _ in range(r.randint(1, 2))]} if r.random() < 0.8 else {})}}
        match = {k: v for k, v in (("method", {"exact": "GET"}), ("path", {"prefix": "/a"}), ("headers", {"x-b": self.matches()}))
                 if r.random() < 0.6} or {"path": {"prefix": "/"}}
        return {"setMirrorRoute": {"name": name, **({"match": [match]} if r.random() < 0.8 else {}),
                                   **({"percentage": r.choice([1, 50, 100])} if r.random() < 0.5 else {})}}

    def http(self):
        r = self.r
        port = {"port": {"number": 80}} if r.random() < 0.3 else {}

        def to(n, weight):
            host = {"host": "shop", "subset": n} if self.subsets else {"host": r.choice([n, n + ".default.svc.cluster.local"])}
            return {"destination": {**host, **port}, "weight": weight}
        rules = []
        for name in self.names or [None]:
            rule = {"route": [to("stable", 100), to("canary", 0)]}
            if r.random() < 0.2:
                rule["route"].append({"destination": {"host": "legacy"}, "weight": r.choice([0, 10])})
                rule["route"][0]["weight"] -= rule["route"][2]["weight"]
            if name:
                rule["name"] = name
            if name == "other" or (name and r.random() < 0.3):
                rule["match"] = [{"uri": {"prefix": r.choice(["/a", "/b"])}}]
            if r.random() < 0.3:
                rule["timeout"] = "3s"
            rules.append(rule)
        r.shuffle(rules)
        return rules

    def requests(self, n):
        r = self.r
        return [{"method": r.choice(["GET", "POST"]), "authority": "shop", "path": r.choice(["/", "/a", "/ab", "/b/c"]),
                 "headers": [[h, r.choice(["a", "b", "ab", "c"])] for h in ("x-a", "x-b") if r.random() < 0.5],
                 "random": round(r.random(), 4)} for _ in range(n)]


def controller():
    given = os.environ.get("ROLLOUTS")
    if given:
        return given
    build = pathlib.Path(os.environ.get("CONFORMANCE_BUILD", HERE / "build"))
    build.mkdir(parents=True, exist_ok=True)
    subprocess.run(["go", "build", "-o", str(build / "rollouts"), "."], cwd=HERE / "rollouts", check=True)
    return str(build / "rollouts")


def decide(binary, folder, docs, requests, *flags):
    """The decisions without places, or None if the load fails."""
    path = folder / "rules.yaml"
    path.write_text(yaml.safe_dump_all(docs, sort_keys=False))
    done = subprocess.run([binary, "route", "-f", str(path), *flags, "--batch", "-"], text=True, capture_output=True,
                          input="".join(json.dumps(q) + "\n" for q in requests))
    if done.returncode:
        return None, done.stderr
    return [{k: v for k, v in json.loads(line).items() if k not in PLACES} for line in done.stdout.splitlines()], done.stderr


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--headerroute", required=True)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--worlds", type=int, default=300)
    p.add_argument("--requests", type=int, default=40)
    a = p.parse_args()
    worlds = [World("%d/%d" % (a.seed, i)) for i in range(a.worlds)]
    cases = [(w, n) for w in worlds for n in range(1, len(w.rollout["spec"]["strategy"]["canary"]["steps"]) + 2)]
    jobs = "".join(json.dumps({"rollout": w.rollout, "virtual_service": w.virtual_service, "steps": n,
                               **({"destination_rule": w.rule} if w.rule else {})}) + "\n" for w, n in cases)
    answers = subprocess.run([controller()], input=jobs, capture_output=True, text=True, check=True).stdout.splitlines()
    folder = pathlib.Path(__import__("tempfile").mkdtemp(prefix="rollouts-"))
    passed = failed = refused = 0
    for (w, n), line in zip(cases, answers):
        answer, requests = json.loads(line), w.requests(a.requests)
        beside = w.services + ([w.rule] if w.rule else [])
        got, said = decide(a.headerroute, folder, beside + [w.virtual_service, w.rollout], requests, "--expand", "rollouts",
                           "--rollout-step", str(n))
        if "error" in answer:
            refused += 1
            if "the controller refuses" not in said:
                failed += 1
                print("step %d: the controller says %s; headerroute: %s" % (n, answer["error"], said or "nothing"))
            continue
        want, _ = decide(a.headerroute, folder, beside + [answer["virtual_service"], w.rollout], requests)
        if got == want and got is not None:
            passed += len(got)
            continue
        failed += 1
        if failed <= 5:
            bad = next(i for i in range(a.requests) if got is None or want is None or got[i] != want[i])
            print("step %d of\n%s\nwritten by the controller:\n%s\nrequest %s\nheaderroute: %s" % (
                n, yaml.safe_dump_all([w.rollout, w.virtual_service]), yaml.safe_dump(answer["virtual_service"]["spec"]),
                json.dumps(requests[bad]), said))
            for k in (got[bad] if got and want else {}):
                if got[bad][k] != want[bad][k]:
                    print("   %s: controller %r, headerroute %r" % (k, want[bad][k], got[bad][k]))
    print("%d steps of %d Rollouts (%d refused by the controller): %d decisions passed, %d steps failed" %
          (len(cases), len(worlds), refused, passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
