#!/usr/bin/env python3
"""What gateway and proxy add to a request: predict alone and the whole chain in turns, one client.

All servers on one core, the client on another. CPU is the time on the core of each process (the kernel's nanoseconds),
so that the share does not depend on what else the machine does.
"""
import argparse
import http.client
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
GATEWAY, PROXY, PREDICT = 18350, 18351, 18352
ROUTES = f"""
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {{name: gw}}
spec:
  selector: {{istio: ingressgateway}}
  servers: [{{port: {{number: 80, name: http, protocol: HTTP}}, hosts: ["*"]}}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: proxy}}
spec:
  hosts: [proxy.test]
  resolution: STATIC
  location: MESH_INTERNAL
  ports: [{{number: 80, name: http, protocol: HTTP}}]
  endpoints: [{{address: 127.0.0.1, ports: {{http: {PROXY}}}, labels: {{version: v1}}}}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: proxy}}
spec: {{host: proxy.test, subsets: [{{name: subset1, labels: {{version: v1}}}}]}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: route}}
spec:
  hosts: ["*"]
  gateways: [gw]
  http:
  - match: [{{headers: {{target: {{exact: condition1}}}}}}]
    route: [{{destination: {{host: proxy.test, subset: subset1}}}}]
"""


def cpu_ms(process):
    tasks = pathlib.Path(f"/proc/{process.pid}/task")
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks.iterdir()) / 1e6


def wait(port):
    for _ in range(200):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
            connection.request("GET", "/ready", headers={"target": "condition1"})
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise SystemExit(f"nothing answers on port {port}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=ROOT / "build/release", type=pathlib.Path)
    parser.add_argument("--photo", default=ROOT / "photos/portrait.jpg", type=pathlib.Path, help="a JPEG")
    parser.add_argument("--requests", default=300, type=int, help="to each")
    parser.add_argument("--iterations", default=1, type=int)
    options = parser.parse_args()
    body = options.photo.read_bytes()
    headers = {"Content-Type": "image/jpeg", "Accept": "image/png", "target": "condition1"}
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[-1]})
    with tempfile.TemporaryDirectory() as folder:
        routes = pathlib.Path(folder) / "routes.yaml"
        routes.write_text(ROUTES)
        started = {}

        def start(name, port, *flags, **env):
            command = ["taskset", "-c", str(cores[0]), options.build / f"bin/headerroute-{name}", "--listen", f"127.0.0.1:{port}",
                       "--log-level", "error", *flags]
            started[name] = subprocess.Popen(command, env={**os.environ, **env}, stdout=subprocess.DEVNULL)
            return port
        try:
            wait(start("predict", PREDICT, "--iterations", str(options.iterations)))
            wait(start("proxy", PROXY, PREDICT_SERVER_URL=f"http://127.0.0.1:{PREDICT}"))
            wait(start("gateway", GATEWAY, "-f", str(routes)))
            ways = {"predict alone": PREDICT, "gateway, proxy, predict": GATEWAY}
            connections = {name: http.client.HTTPConnection("127.0.0.1", port, timeout=60) for name, port in ways.items()}
            took, cpu = {name: [] for name in ways}, {name: dict.fromkeys(started, 0.0) for name in ways}
            for turn in range(options.requests + 10):
                for name, connection in connections.items():
                    before = {n: cpu_ms(p) for n, p in started.items()}
                    begin = time.perf_counter()
                    connection.request("POST", "/predict", body, headers)
                    answer = connection.getresponse()
                    answer.read()
                    elapsed = 1000 * (time.perf_counter() - begin)
                    assert answer.status == 200, answer.status
                    if turn >= 10:
                        took[name].append(elapsed)
                        for n, p in started.items():
                            cpu[name][n] += (cpu_ms(p) - before[n]) / options.requests
        finally:
            for process in started.values():
                process.terminate()
                process.wait()
    for name in ways:
        print(f"{name:<25} p50 {statistics.median(took[name]):7.2f} ms   CPU a request: "
              + ", ".join(f"{n} {ms:.3f} ms" for n, ms in cpu[name].items() if ms > 0.001))
    alone, chain = ways
    own = cpu[chain]["gateway"] + cpu[chain]["proxy"]
    print(f"gateway and proxy: {100 * own / sum(cpu[chain].values()):.1f} % of the CPU, "
          f"{100 * (statistics.median(took[chain]) / statistics.median(took[alone]) - 1):.1f} % more time at p50")
    return 0


if __name__ == "__main__":
    sys.exit(main())
