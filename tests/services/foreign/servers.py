"""The servers under test, each in front of one recording upstream server, with the least configuration that forwards."""
import pathlib
import re
import socket
import subprocess
import threading
import time

LAST_CHUNK = re.compile(rb"(^|\n)0+[^\r\n]*\r\n([^\r\n]+\r\n)*\r\n$")  # with its trailers
ROOT = pathlib.Path(__file__).resolve().parents[3]

MESH = """
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gw}
spec: {selector: {a: b}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: up}
spec:
  hosts: [up.test]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP}]
  endpoints: [{address: 127.0.0.1, ports: {http: @UP@}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: all}
spec: {hosts: ["*"], gateways: [gw], http: [{route: [{destination: {host: up.test}}]}]}
"""
NGINX = """
daemon off; worker_processes 1; pid @DIR@/nginx.pid; error_log @DIR@/nginx.err;
events { worker_connections 512; }
http {
    access_log off; client_body_temp_path @DIR@/b; proxy_temp_path @DIR@/p; fastcgi_temp_path @DIR@/f; uwsgi_temp_path @DIR@/u;
    scgi_temp_path @DIR@/s;
    server { listen 127.0.0.1:@PORT@@H2@; location / { proxy_pass http://127.0.0.1:@UP@; } }
}
"""
HAPROXY = """
global
    maxconn 512
defaults
    mode http
    timeout client 10s
    timeout server 10s
    timeout connect 10s
frontend in
    bind 127.0.0.1:@PORT@@H2@
    default_backend up
backend up
    server up 127.0.0.1:@UP@
"""


class Upstream:
    """Answers each request that it can find, and keeps all that it was sent on each connection."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.streams = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            sock, _ = self.listener.accept()
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        stream = bytearray()
        self.streams.append(stream)
        with sock:
            try:
                while self._one(sock, stream):
                    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\nok")
            except OSError:
                pass

    @staticmethod
    def _one(sock, stream):
        """Reads one request as the framing says that its sender chose."""
        start = len(stream)

        def until(condition):
            while not condition():
                data = sock.recv(65536)
                if not data:
                    return False
                stream.extend(data)
            return True
        if not until(lambda: b"\r\n\r\n" in stream[start:]):
            return False
        head, _, _ = bytes(stream[start:]).partition(b"\r\n\r\n")
        begin, lower = start + len(head) + 4, head.lower()
        if b"\r\ntransfer-encoding:" in lower:
            return until(lambda: LAST_CHUNK.search(stream, begin))
        for line in lower.split(b"\r\n"):
            if line.startswith(b"content-length:") and line[15:].strip().isdigit():
                return until(lambda: len(stream) >= begin + int(line[15:]))
        return True


class Servers:
    """`http2` is for HTTP/2 alone: nginx 1.22 does not serve both on a port without TLS."""

    def __init__(self, folder, build, names, http2=False):
        self.dir, self.upstream, self.processes, self.ports = pathlib.Path(folder), Upstream(), {}, {}
        self.build, self.http2 = pathlib.Path(build), http2
        for name in names:
            with socket.create_server(("127.0.0.1", 0)) as probe:
                self.ports[name] = probe.getsockname()[1]
            self._start(name)

    def _start(self, name):
        self.processes[name] = subprocess.Popen(getattr(self, name)(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.ports[name]), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise SystemExit(f"{name} does not listen")

    def _file(self, name, template, http2):
        path = self.dir / name
        text = template.replace("@DIR@", str(self.dir)).replace("@UP@", str(self.upstream.port)).replace("@H2@", http2 * self.http2)
        path.write_text(text.replace("@PORT@", str(self.ports.get(name.partition(".")[0], ""))))
        return path

    def gateway(self):
        return [self.build / "bin/headerroute-gateway", "-f", self._file("gateway.yaml", MESH, ""), "--listen",
                f"127.0.0.1:{self.ports['gateway']}", "--name", "gateway"]

    def nginx(self):
        return ["nginx", "-c", self._file("nginx.conf", NGINX, " http2"), "-e", self.dir / "nginx.err"]

    def haproxy(self):
        return ["haproxy", "-f", self._file("haproxy.cfg", HAPROXY, " proto h2")]

    def alive(self, name):
        return self.processes[name].poll() is None

    def close(self):
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            process.wait(20)
