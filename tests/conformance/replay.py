#!/usr/bin/python3
"""Replays recorded vectors against the `headerroute` command and reports every disagreement.

    replay.py --headerroute PATH [--jobs N] [--show N] [VECTORS...]

Vectors are lines of JSON, plain or gzipped: `{"config": ID, "yaml": TEXT}` introduces a
configuration, `{"config": ID, "request": {...}, "expect": {...}}` is one case of it, and
`{"config": ID, "yaml": TEXT, "reject": WHY}` a configuration that Istio's admission refuses. Exit 0
if every case agrees, 1 on any disagreement, 2 on bad arguments. Needs Python's standard library only.
"""
import argparse
import concurrent.futures
import gzip
import json
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import expect  # noqa: E402


def read(path):
    """Yields (id, yaml, reject, [(name, request, expectation)]) for every configuration of a file."""
    opener = gzip.open if str(path).endswith(".gz") else open
    current = None
    with opener(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            entry = json.loads(line)
            if "yaml" in entry:
                if current:
                    yield current
                current = (entry["config"], entry["yaml"], entry.get("reject"), [])
            else:
                current[3].append((entry.get("name"), entry["request"], entry["expect"]))
    if current:
        yield current


def ask(binary, yaml, requests):
    """The decisions of `headerroute route --batch` for some requests; raises RuntimeError."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as f:
        f.write(yaml)
        f.flush()
        text = "".join(json.dumps(r) + "\n" for r in requests)
        p = subprocess.run([binary, "route", "-f", f.name, "--batch", "-"], input=text,
                           capture_output=True, text=True, timeout=120)
    lines = [json.loads(x) for x in p.stdout.split("\n") if x]
    if len(lines) != len(requests):
        why = p.stderr.strip()[-600:] or "no message"
        raise RuntimeError("exit %d, %d of %d lines: %s" % (p.returncode, len(lines), len(requests), why))
    return lines


def refused(binary, yaml):
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as f:
        f.write(yaml)
        f.flush()
        p = subprocess.run([binary, "validate", f.name], capture_output=True, text=True, timeout=60)
    return p.returncode == 1


def check(binary, item):
    """(agreements, [(name, request, differences)]) of one configuration."""
    config, yaml, reject, cases = item
    if reject is not None:
        try:
            return (1, []) if refused(binary, yaml) else (
                0, [(config, None, [("validate", "refused: " + reject, "accepted")])])
        except subprocess.TimeoutExpired:
            return 0, [(config, None, [("validate", "an answer", "a hang")])]
    try:
        decisions = ask(binary, yaml, [c[1] for c in cases])
    except (RuntimeError, ValueError, subprocess.TimeoutExpired) as e:
        return 0, [(n, r, [("run", "a decision", str(e))]) for n, r, _ in cases]
    good, bad = 0, []
    for (name, request, want), got in zip(cases, decisions):
        differences = expect.compare(want, got)
        if differences:
            bad.append((name or config, request, differences))
        else:
            good += 1
    return good, bad


def main():
    p = argparse.ArgumentParser(description="Replay conformance vectors against headerroute.")
    p.add_argument("--headerroute", default=os.environ.get("HEADERROUTE", "headerroute"),
                   help="the command to test (default $HEADERROUTE, else from PATH)")
    p.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    p.add_argument("--show", type=int, default=20, help="disagreements to print in full")
    p.add_argument("--only", default="", help="only configurations whose id contains this")
    p.add_argument("--save", metavar="FILE", help="write every disagreement to FILE as lines of JSON")
    p.add_argument("vectors", nargs="*", help="files (default: vectors/ beside this script)")
    a = p.parse_args()
    files = [pathlib.Path(f) for f in a.vectors] or sorted((HERE / "vectors").glob("*.jsonl*"))
    if not files:
        p.error("no vectors")
    items, good, bad, by_key, shown = [], 0, 0, {}, 0
    for f in files:
        items += [i for i in read(f) if a.only in i[0]]
    save = open(a.save, "w", encoding="utf-8") if a.save else None
    with concurrent.futures.ThreadPoolExecutor(a.jobs) as pool:
        for item, (ok, wrong) in zip(items, pool.map(lambda i: check(a.headerroute, i), items)):
            good += ok
            bad += len(wrong)
            for name, request, differences in wrong:
                for key in {d[0].split(".")[0].split("[")[0] for d in differences}:
                    by_key[key] = by_key.get(key, 0) + 1
                if save:
                    save.write(json.dumps({"config": item[0], "name": name, "request": request,
                                           "differences": differences}) + "\n")
                if shown < a.show:
                    shown += 1
                    print("not ok %s (config %s)" % (name, item[0]))
                    if request:
                        print("  request %s" % json.dumps(request))
                    for path, want, got in differences:
                        print("  %s: expected %s, got %s" % (path, json.dumps(want), json.dumps(got)))
    for key, n in sorted(by_key.items(), key=lambda e: -e[1]):
        print("disagreements in %s: %d" % (key, n))
    print("%d passed, %d failed" % (good, bad))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
