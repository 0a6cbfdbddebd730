"""Starting one of our servers on a loopback port, and talking to it below the level of an HTTP library."""
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time

from buffered import Buffered
from conftest import PATIENCE, REPORT, SANITIZER_ENV

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("HR_BUILD_DIR", ROOT / "build" / "release"))
LISTENS = re.compile(r"listens on \S+:(\d+)")


def free_port(host="127.0.0.1"):
    with socket.socket() as sock:
        sock.bind((host, 0))
        return sock.getsockname()[1]


class Answer:
    def __init__(self, status, reason, headers, body, raw_head):
        self.status, self.reason, self.headers, self.body, self.raw_head = status, reason, headers, body, raw_head

    def header(self, name):
        return next((v for n, v in self.headers if n == name), None)

    def all(self, name):
        return [v for n, v in self.headers if n == name]

    def json(self):
        return json.loads(self.body)


class Client(Buffered):
    """One raw connection. Parses answers just well enough, and raises EOFError where they end too early."""

    def __init__(self, port, host="127.0.0.1", receive_buffer=None):
        super().__init__(socket.socket())
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(PATIENCE)
        self.sock.connect((host, port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def request(self, method="GET", target="/", headers=(), body=None, version="HTTP/1.1"):
        lines = [f"{method} {target} {version}"]
        names = {n.lower() for n, _ in headers}
        if "host" not in names:
            lines.append("Host: test")
        lines += [f"{n}: {v}" for n, v in headers]
        if body is not None and "transfer-encoding" not in names and "content-length" not in names:
            lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b""))

    def head(self):
        raw = self._until(b"\r\n\r\n")
        lines = raw.decode("latin-1").split("\r\n")
        status, reason = (lines[0].split(" ", 2) + [""])[1:3]
        headers = [(n.lower(), v.strip()) for n, _, v in (line.partition(":") for line in lines[1:])]
        return Answer(int(status), reason, headers, b"", raw)

    def answer(self, method="GET"):
        answer = self.head()
        if method == "HEAD" or answer.status < 200 or answer.status in (204, 304):
            return answer
        if answer.header("transfer-encoding") == "chunked":
            while True:
                size = int(self._line(), 16)
                answer.body += self._take(size)
                assert self._line() == b""
                if size == 0:
                    return answer
        if answer.header("content-length") is not None:
            answer.body = self._take(int(answer.header("content-length")))
            return answer
        try:
            while True:
                self._more()
        except EOFError:
            answer.body, self.buffer = self.buffer, b""
            return answer

    def at_eof(self):
        """True if the server closes the connection (and has nothing more to say)."""
        try:
            return self.buffer == b"" and self.sock.recv(1) == b""
        except ConnectionResetError:
            return True

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Server:
    def __init__(self, program, *args, port=None, host="127.0.0.1", env=None, ready_path="/ready", command=(), listen=True):
        """`command` prefixes the command line: that of a control group, for example. `listen` False: flags name the addresses."""
        self.host, self.port, self.ready_path = host, port, ready_path
        listening = ["--listen", f"{host}:{port or 0}"] if listen else []
        command = [*command, BUILD / "bin" / program, *listening, "--name", program.split("-")[-1], *map(str, args)]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("HR_") and k != "PREDICT_SERVER_URL"}
        environment.update(SANITIZER_ENV)
        environment.update(env or {})
        self.log, self._lock = [], threading.Lock()
        self.stderr = tempfile.TemporaryFile()
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.stderr, env=environment)
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()
        self._wait()

    def _read_log(self):
        for line in self.process.stdout:
            with self._lock:
                self.log.append(json.loads(line))

    def _wait(self):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            assert self.process.poll() is None, f"ended with {self.process.returncode}: {self.messages()}"
            # The kernel's choice of a port: one chosen here could be taken before the server listens.
            listens = LISTENS.search(self.messages())
            self.port = self.port or (listens and int(listens[1]))
            try:
                # 503 while some of its threads are still starting.
                if self.port and (self.ready_path != "/ready" or self.call(target="/ready").status == 200):
                    self.call(target=self.ready_path)
                    return
            except (OSError, EOFError):
                time.sleep(0.02)
        raise AssertionError("the server does not come up: " + self.messages())

    def messages(self):
        self.stderr.flush()
        return os.pread(self.stderr.fileno(), 1 << 20, 0).decode(errors="replace")

    def lines(self, **wanted):
        """Access log lines with these values."""
        with self._lock:
            return [line for line in self.log if all(line.get(k) == v for k, v in wanted.items())]

    def wait_line(self, **wanted):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if self.lines(**wanted):
                return self.lines(**wanted)[-1]
            time.sleep(0.01)
        raise AssertionError(f"no log line with {wanted}; there are {self.log}")

    def client(self, **kwargs):
        return Client(self.port, self.host, **kwargs)

    def call(self, method="GET", target="/", headers=(), body=None, version="HTTP/1.1"):
        """One request on a connection of its own. What it held is given back when this returns: servers close after that."""
        with self.client() as client:
            client.request(method, target, [*headers, ("Connection", "close")], body, version)
            got = client.answer(method)
            assert client.at_eof()
            return got

    def metric(self, name):
        """The value of a metric (its whole series name with labels)."""
        for line in self.call(target="/metrics").body.decode().splitlines():
            if line.startswith(name + " "):
                return float(line.rsplit(" ", 1)[1])
        return None

    def rss_kib(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))

    def stop(self):
        """Ends it as users do; it must leave with 0, and a sanitizer must not have spoken."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        assert code == 0, f"exit {code}: {self.messages()}"
        assert not REPORT.search(self.messages()), self.messages()

    def kill(self):
        self.process.kill()
        self.process.wait(PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.stop()
        else:
            print(self.messages())
            self.kill()


def run(program, *args, env=None):
    """A program that ends by itself: exit code, stdout, stderr."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HR_") and k != "PREDICT_SERVER_URL"}
    environment.update(SANITIZER_ENV)
    environment.update(env or {})
    done = subprocess.run([BUILD / "bin" / program, *map(str, args)], env=environment, capture_output=True,
                          timeout=PATIENCE, text=True)
    return done.returncode, done.stdout, done.stderr
