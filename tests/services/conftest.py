"""Servers as processes, for all tests of this folder: started on a free loopback port, their logs kept,
stopped by pid, and no sanitizer report overlooked."""
import http.client
import json
import os
import pathlib
import re
import signal
import subprocess
import threading
import time

import pytest

import cgroups

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get("HR_BUILD_DIR", ROOT / "build/release"))
SANITIZE = os.environ.get("HR_SANITIZE", "")
# Everything takes longer under a sanitizer; waiting longer never makes a test pass that should fail.
PATIENCE = 120 if SANITIZE else 40

SANITIZER_ENV = {
    "ASAN_OPTIONS": "detect_leaks=1:exitcode=99:abort_on_error=0",
    "LSAN_OPTIONS": f"suppressions={HERE / 'lsan.supp'}:print_suppressions=0",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "TSAN_OPTIONS": f"suppressions={HERE / 'tsan.supp'}:exitcode=66:halt_on_error=0",
}
REPORT = re.compile(r"ERROR: (Address|Leak)Sanitizer|WARNING: ThreadSanitizer|runtime error:|Assertion .* failed")


def pytest_terminal_summary(terminalreporter):
    if cgroups.missing:
        terminalreporter.write_line(f"{len(cgroups.missing)} limits not enforced: {cgroups.missing[0]}")


def binary(program):
    return str(BUILD / "bin" / program)


def wait_until(condition, what, seconds=PATIENCE):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        result = condition()
        if result:
            return result
        time.sleep(0.02)
    raise AssertionError(f"did not happen within {seconds} s: {what}")


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.body = response.read()
        self.fields = [(k.lower(), v) for k, v in response.getheaders()]

    def header(self, name):
        return next((v for k, v in self.fields if k == name), None)

    def json(self):
        return json.loads(self.body)


class Server:
    """A running server. `address` is (host, port) of its first listener."""

    def __init__(self, program, *flags, env=None, command=(), listen=("127.0.0.1:0",), ready=True):
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("HR_", "GRAB_CUT_", "POD_NAME"))}
        listening = [part for address in listen for part in ("--listen", address)]
        self.program = program
        self.out, self.err = [], []
        self.process = subprocess.Popen(
            [*command, binary(program), *listening, *map(str, flags)], env={**clean, **SANITIZER_ENV, **(env or {})},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.readers = [threading.Thread(target=self._read, args=pair, daemon=True)
                        for pair in ((self.process.stdout, self.out), (self.process.stderr, self.err))]
        for reader in self.readers:
            reader.start()
        self.addresses = []
        if ready:
            try:
                self._wait_ready(len(listen))
            except BaseException:
                self.process.kill()
                raise

    @staticmethod
    def _read(stream, lines):
        for line in stream:
            lines.append(line.decode("utf-8", "replace").rstrip("\n"))

    def _wait_ready(self, n):
        def listening():
            assert self.process.poll() is None, f"{self.program} ended: {self.err}"
            found = [re.search(r" listens on (\S+):(\d+) ", line) for line in list(self.err)]
            self.addresses = [(m[1].strip("[]"), int(m[2])) for m in found if m]
            return len(self.addresses) >= n
        wait_until(listening, f"{self.program} listens")
        wait_until(lambda: self.get("/ready").status == 200, f"{self.program} is ready")

    @property
    def address(self):
        return self.addresses[0]

    @property
    def pid(self):
        return self.process.pid

    def connect(self, timeout=PATIENCE):
        return http.client.HTTPConnection(*self.address, timeout=timeout)

    def request(self, method, path, body=None, headers=None):
        connection = self.connect()
        try:
            connection.request(method, path, body, headers or {})
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def get(self, path, headers=None):
        return self.request("GET", path, None, headers)

    def post(self, path, body, headers=None):
        return self.request("POST", path, body, headers)

    def log(self):
        """The access log so far, as objects."""
        return [json.loads(line) for line in list(self.out)]

    def logged(self, condition, what="a log line"):
        """The first access log line for which `condition` holds; waits for it."""
        return wait_until(lambda: next((x for x in self.log() if condition(x)), None), what)

    def metrics(self):
        """Samples of /metrics: {'name{labels}': value}."""
        values = {}
        for line in self.get("/metrics").body.decode().splitlines():
            if line and not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                values[name] = float(value)
        return values

    def rss(self, field="VmRSS"):
        """Resident bytes (VmHWM: at their highest)."""
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
        raise AssertionError(f"no {field}")

    def terminate(self, sig=signal.SIGTERM):
        self.process.send_signal(sig)

    def wait(self, seconds=PATIENCE):
        """The exit code, when it has ended and all of its output is here."""
        code = self.process.wait(seconds)
        for reader in self.readers:
            reader.join(5)
        return code

    def check_reports(self):
        text = "\n".join(self.err)
        assert not REPORT.search(text), f"{self.program} (pid {self.pid}) reported:\n{text}"

    def stop(self, expect=0):
        if self.process.poll() is None:
            self.terminate()
        try:
            code = self.wait()
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.wait()
            raise AssertionError(f"{self.program} did not end after SIGTERM:\n" + "\n".join(self.err))
        self.check_reports()
        assert code == expect, f"{self.program} ended with {code}:\n" + "\n".join(self.err)


@pytest.fixture
def start():
    """Starts servers that end with the test: start("headerroute-predict", "--queue", 1, env={...})."""
    servers = []

    def starter(program, *flags, **options):
        servers.append(Server(program, *flags, **options))
        return servers[-1]

    yield starter
    problems = []
    for server in reversed(servers):
        if server.process.poll() is None or not getattr(server, "ended_on_purpose", False):
            try:
                server.stop(expect=getattr(server, "expected_exit", 0))
            except AssertionError as problem:
                problems.append(str(problem))
    assert not problems, "\n".join(problems)


def run_program(program, *flags, env=None, seconds=PATIENCE):
    """Runs a program to its end. (exit code, stdout, stderr)"""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("HR_", "GRAB_CUT_", "POD_NAME"))}
    done = subprocess.run([binary(program), *map(str, flags)], env={**clean, **SANITIZER_ENV, **(env or {})},
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds)
    return done.returncode, done.stdout.decode(), done.stderr.decode()
