"""Runs the real programs."""
import os
import signal
import socket
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CLIENT = os.path.join(ROOT, "services", "request", "headerroute-request")
BUILD = os.environ.get("HR_BUILD_DIR", os.path.join(ROOT, "build", "release"))
MODULES = os.path.join(BUILD, "python")


class Client:
    """Runs the real program; in and out folders and the port are filled in."""

    def __init__(self, port, folder, out):
        self.base = [sys.executable, CLIENT, "--port", str(port), "--in_images_dir", str(folder),
                     "--out_images_dir", str(out), "--timeout", "20"]
        self.out = out
        self.environment = {**os.environ, "PYTHONPATH": MODULES}

    def start(self, *flags, **environment):
        return subprocess.Popen([*self.base, *flags], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env={**self.environment, **environment})

    def __call__(self, *flags, **environment):
        process = self.start(*flags, **environment)
        process.stdout_text, process.stderr_text = process.communicate(timeout=60)
        return process


def free_port(host):
    with socket.socket() as s:
        s.bind((host, 0))
        return s.getsockname()[1]


class Server:
    """One of the project's servers, up and listening."""

    def __init__(self, program, name, host, port, flags, environment):
        self.port = port
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("HR_", "GRAB_CUT_"))}
        self.process = subprocess.Popen(
            [os.path.join(BUILD, "bin", program), "--listen", f"{host}:{port}", "--name", name, *map(str, flags)],
            env={**inherited, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while not self._listens(host):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.process.kill()
                raise AssertionError(f"{program} does not come up on {host}:{port}")
            time.sleep(0.02)

    def _listens(self, host):
        with socket.socket() as s:
            return s.connect_ex((host, self.port)) == 0

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(30) == 0
