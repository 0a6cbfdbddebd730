#!/usr/bin/env python3
"""Images per second, latency, CPU and memory of our servers against the original stack, in one run.

Both serve the same photos with the same rect (5 % inset), the same iterations and the same seed, pinned
to the same core; the clients run on another. The two take turns, round by round; a figure is the median
over the rounds. Every answer is checked: it must be a PNG of the photo's size.
"""
import argparse
import base64
import http.client
import json
import os
import pathlib
import platform
import signal
import socket
import statistics
import struct
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent
TICK = os.sysconf("SC_CLK_TCK")


class Server:
    """A process tree on one loopback port: started, measured and stopped by pid."""

    def __init__(self, command, port, env, core, log):
        self.port = port
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                raise SystemExit(f"something listens on port {port} already: it would be measured instead")
        environment = {**os.environ, **env}
        self.process = subprocess.Popen(
            ["taskset", "-c", str(core), *command], env=environment, cwd=HERE / "original",
            stdout=log, stderr=log, start_new_session=True)

    def pids(self):
        found, queue = [], [self.process.pid]
        while queue:
            pid = queue.pop()
            found.append(pid)
            try:
                for task in os.listdir(f"/proc/{pid}/task"):
                    queue += map(int, pathlib.Path(f"/proc/{pid}/task/{task}/children").read_text().split())
            except FileNotFoundError:
                pass
        return found

    def cpu_seconds(self):
        total = 0
        for pid in self.pids():
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        return total / TICK

    def peak_mib(self):
        total = 0
        for pid in self.pids():
            for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    total += int(line.split()[1])
        return total / 1024

    def wait(self, seconds=30):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                break
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
                connection.request("GET", "/health")
                if connection.getresponse().status == 200:
                    return self
            except OSError:
                time.sleep(0.05)
        raise SystemExit(f"server on port {self.port} did not come up; see {self.process.args}")

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def png_size(data):
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        raise ValueError("the answer is not a PNG")
    return struct.unpack(">II", data[16:24])


def request_of(photo, kind):
    """Method, path, headers and body of one request, made once."""
    data = photo.read_bytes()
    if kind == "binary":
        mime = {".jpg": "image/jpeg", ".png": "image/png"}[photo.suffix]
        return "/predict", {"Content-Type": mime, "Accept": "image/png"}, data
    body = json.dumps({"image": base64.b64encode(data).decode("ascii")}).encode()
    return "/predict", {"Content-Type": "application/json"}, body


def load(port, kind, photos, clients, seconds):
    """`clients` keep-alive clients for `seconds`. Returns latencies of the answers, all checked."""
    latencies, failures = [], []
    lock = threading.Lock()
    requests = [(request_of(p, kind), p.name) for p in photos]
    sizes = {}

    def client(index):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        mine, turn = [], index
        end = time.monotonic() + seconds
        try:
            while time.monotonic() < end:
                (path, headers, body), name = requests[turn % len(requests)]
                turn += 1
                begin = time.monotonic()
                connection.request("POST", path, body, headers)
                answer = connection.getresponse()
                data = answer.read()
                mine.append(time.monotonic() - begin)
                if answer.status != 200:
                    raise ValueError(f"{name}: HTTP {answer.status}: {data[:200]!r}")
                png = data if kind == "binary" else base64.b64decode(json.loads(data)["img_none_bg_base64"])
                if sizes.setdefault(name, png_size(png)) != png_size(png):
                    raise ValueError(f"{name}: another picture's answer")
        except (OSError, ValueError, http.client.HTTPException) as error:
            failures.append(str(error))
        with lock:
            latencies.extend(mine)

    threads = [threading.Thread(target=client, args=(i,)) for i in range(clients)]
    begin = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise SystemExit("a request failed: " + failures[0])
    return latencies, time.monotonic() - begin


def measure(servers, port, kind, photos, clients, seconds):
    before = sum(s.cpu_seconds() for s in servers)
    latencies, elapsed = load(port, kind, photos, clients, seconds)
    cpu = sum(s.cpu_seconds() for s in servers) - before
    latencies.sort()
    n = len(latencies)
    return {
        "images_per_s": n / elapsed, "p50_ms": 1000 * latencies[n // 2], "p99_ms": 1000 * latencies[n * 99 // 100],
        "cpu_ms_per_image": 1000 * cpu / n, "peak_mib": sum(s.peak_mib() for s in servers),
    }


def gunicorn(app, port):
    gun = "/usr/bin/gunicorn" if os.path.exists("/usr/bin/gunicorn") else "gunicorn"
    return [gun, f"{app}:app", "--bind", f"127.0.0.1:{port}", "-w", "1", "-k", "uvicorn.workers.UvicornWorker",
            "--log-level", "warning", "--timeout", "300"]


def start(stack, chain, iterations, binaries, base_port, core, log):
    """The servers of one stack, the one that clients call first."""
    predict_port, proxy_port = base_port, base_port + 1
    predict_env = {"GRAB_CUT_ITERS": str(iterations)}
    proxy_env = {"PREDICT_SERVER_URL": f"http://127.0.0.1:{predict_port}"}
    if stack == "original":
        predict, proxy = gunicorn("predict_app", predict_port), gunicorn("proxy_app", proxy_port)
    else:
        predict = [binaries / "headerroute-predict", "--listen", f"127.0.0.1:{predict_port}", "--log-level", "error"]
        proxy = [binaries / "headerroute-proxy", "--listen", f"127.0.0.1:{proxy_port}", "--log-level", "error"]
    servers = []
    try:
        servers.append(Server(predict, predict_port, predict_env, core, log))
        servers[0].wait()
        if chain:
            servers.insert(0, Server(proxy, proxy_port, proxy_env, core, log))
            servers[0].wait()
        return servers
    except BaseException:
        for server in servers:
            server.stop()
        raise


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=ROOT / "build/release", type=pathlib.Path, help="build folder")
    parser.add_argument("--photos", default=ROOT / "photos", type=pathlib.Path, help="folder of JPEG or PNG photos")
    parser.add_argument("--seconds", default=4.0, type=float, help="of each measurement")
    parser.add_argument("--rounds", default=3, type=int)
    parser.add_argument("--clients", default="1,16", help="comma-separated")
    parser.add_argument("--iterations", default="1,10", help="comma-separated")
    parser.add_argument("--only", choices=["predict", "chain"], help="leave the other arrangement out")
    parser.add_argument("--json", type=pathlib.Path, help="write all figures there")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers are stopped
    binaries = options.build / "bin"
    photos = sorted(p for p in options.photos.iterdir() if p.suffix in (".jpg", ".png"))
    if not photos:
        raise SystemExit(f"no photo in {options.photos}")
    cores = sorted(os.sched_getaffinity(0))
    server_core, client_core = cores[0], cores[-1]
    os.sched_setaffinity(0, {client_core})
    print(f"{platform.processor() or platform.machine()}, {len(cores)} cores; servers on core {server_core}, "
          f"clients on core {client_core}; {len(photos)} photos; median of {options.rounds} rounds of "
          f"{options.seconds:g} s")
    print(f"{'arrangement':<11}{'iter':>5}{'clients':>8}  {'stack':<17}{'images/s':>9}{'p50 ms':>9}{'p99 ms':>9}"
          f"{'CPU ms':>9}{'peak MiB':>9}  ratio to the original (images/s, CPU, memory)")
    rows = []
    log_path = pathlib.Path(os.environ.get("TMPDIR", "/tmp")) / f"headerroute-bench-{os.getpid()}.log"
    with open(log_path, "w") as log:
        for chain in (False, True):
            name = "chain" if chain else "predict"
            if options.only not in (None, name):
                continue
            for iterations in map(int, options.iterations.split(",")):
                rows += compare(name, chain, iterations, options, photos, binaries, server_core, log)
    os.unlink(log_path)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    return 0


def compare(name, chain, iterations, options, photos, binaries, core, log):
    stacks = {"original": start("original", chain, iterations, binaries, 18310, core, log)}
    try:
        stacks["headerroute"] = start("headerroute", chain, iterations, binaries, 18320, core, log)
        kinds = [("original", "json"), ("headerroute", "json"), ("headerroute", "binary")]
        for stack, kind in kinds:
            load(stacks[stack][0].port, kind, photos, 1, 0.5)
        rows = []
        for clients in map(int, options.clients.split(",")):
            figures = {k: [] for k in kinds}
            for _ in range(options.rounds):
                for stack, kind in kinds:
                    servers = stacks[stack]
                    figures[stack, kind].append(
                        measure(servers, servers[0].port, kind, photos, clients, options.seconds))
            medians = {k: {f: statistics.median(r[f] for r in v) for f in v[0]} for k, v in figures.items()}
            rows += report(name, iterations, clients, medians)
        return rows
    finally:
        for servers in stacks.values():
            for server in servers:
                server.stop()


def report(name, iterations, clients, medians):
    rows, peer = [], medians["original", "json"]
    for (stack, kind), m in medians.items():
        ratio = "" if stack == "original" else (
            f"  {m['images_per_s'] / peer['images_per_s']:.2f}x  {m['cpu_ms_per_image'] / peer['cpu_ms_per_image']:.2f}x"
            f"  {m['peak_mib'] / peer['peak_mib']:.2f}x")
        print(f"{name:<11}{iterations:>5}{clients:>8}  {stack + ' ' + kind:<19}{m['images_per_s']:>7.1f}"
              f"{m['p50_ms']:>9.1f}{m['p99_ms']:>9.1f}{m['cpu_ms_per_image']:>9.1f}{m['peak_mib']:>9.0f}{ratio}",
              flush=True)
        rows.append({"arrangement": name, "iterations": iterations, "clients": clients, "stack": stack,
                     "kind": kind, **m})
    return rows


if __name__ == "__main__":
    sys.exit(main())
