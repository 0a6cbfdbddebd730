"""Runs the real program."""
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CLIENT = os.path.join(ROOT, "services", "client", "headerroute-request")
MODULES = os.path.join(os.environ.get("HR_BUILD_DIR", os.path.join(ROOT, "build", "release")), "python")


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
