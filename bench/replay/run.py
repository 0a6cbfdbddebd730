#!/usr/bin/env python3
"""A million lines of an access log (Istio's JSON) against two versions of a hundred rules: seconds, CPU and memory. The
work is spread over the processors, so that on idle ones the time is the CPU time divided by their number.

usage: bench/replay/run.py [--lines N] [--rounds N] [--program build/release/bin/headerroute]
"""
import argparse
import json
import pathlib
import random
import resource
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
RULES = 100


def rules(timeout):
    """The Service, and a VirtualService with rules on a header and a path, of which one in ten has `timeout`."""
    http = [{"match": [{"headers": {"x-model": {"exact": f"m{i}"}}, "uri": {"prefix": f"/v{i % 10}/"}}],
             "route": [{"destination": {"host": "models"}}], "timeout": timeout if i % 10 == 0 else "1s"} for i in range(RULES)]
    http.append({"route": [{"destination": {"host": "models"}}]})
    docs = [{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "models"}, "spec": {"ports": [{"name": "http", "port": 80}]}},
            {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": "models"},
             "spec": {"hosts": ["models"], "http": http}}]
    return "".join("---\n" + json.dumps(doc) + "\n" for doc in docs)


def write_log(path, lines):
    r = random.Random(1)
    with path.open("w") as out:
        for _ in range(lines):
            i = r.randrange(RULES)
            out.write(json.dumps({
                "start_time": "2026-11-30T12:00:00.000Z", "method": r.choice(["GET", "POST"]), "path": f"/v{i % 10}/models/{r.randrange(10**6)}",
                "protocol": "HTTP/1.1", "response_code": 200, "response_flags": "-", "bytes_received": 1024, "bytes_sent": 2048,
                "duration": 12, "upstream_service_time": "11", "x_forwarded_for": "-", "user_agent": "python-requests/2.28.1",
                "request_id": f"{r.getrandbits(128):032x}", "authority": "models.default.svc.cluster.local", "upstream_host": "10.0.0.1:8080",
                "x_model": f"m{i}"}) + "\n")


def measure(words):
    """Seconds, seconds of CPU, and the first line."""
    begin, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([str(w) for w in words], stdout=subprocess.PIPE, text=True)
    seconds, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout.split("\n")[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--lines", type=int, default=1000000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--program", default=ROOT / "build/release/bin/headerroute")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "old.yaml").write_text(rules("10s"))
        (folder / "new.yaml").write_text(rules("2s"))
        log = folder / "access.log"
        write_log(log, args.lines)
        print(f"{args.lines} lines, {log.stat().st_size >> 20} MiB")
        for name, more in (("one version", []), ("two versions", ["--against", folder / "old.yaml"])):
            runs = [measure([args.program, "replay", "-f", folder / "new.yaml", *more, log]) for _ in range(args.rounds)]
            print(f"{name:14} {statistics.median(r[0] for r in runs):6.2f} s, {statistics.median(r[1] for r in runs):6.2f} s of CPU   {runs[0][2]}")
        print(f"most memory: {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10} MiB")


if __name__ == "__main__":
    main()
