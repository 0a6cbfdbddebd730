"""Control groups with a memory limit (v1 and v2), for tests that must see a real limit hold."""
import os
import pathlib
import time

import pytest

V1 = pathlib.Path("/sys/fs/cgroup/memory")
V2 = pathlib.Path("/sys/fs/cgroup")
missing = []  # the reason of each test whose limit was not enforced


def without(reason):
    missing.append(reason)
    pytest.skip(reason)


class MemoryGroup:
    """A group with a memory limit. `command` prefixes a program's command line so that it runs inside."""

    def __init__(self, name, limit):
        self.v1 = V1.is_dir()
        self.path = (V1 if self.v1 else V2) / f"headerroute-{name}-{os.getpid()}"
        self.limit = limit
        if not self.v1:
            self._let_children_have_memory()
        try:
            self.path.mkdir()
        except OSError as problem:
            without(f"no control group can be made here ({problem}): the memory limit is not tested")
        try:
            self._write("memory.limit_in_bytes" if self.v1 else "memory.max", limit)
        except OSError as problem:
            self.path.rmdir()
            without(f"this control group takes no memory limit ({problem}): it is not tested")
        if self.v1:  # the buffers of TCP sockets are counted from here on; the limit is not to be met
            self._write("memory.kmem.tcp.limit_in_bytes", 16 << 30)
        for swap in (("memory.memsw.limit_in_bytes", limit),) if self.v1 else (("memory.swap.max", 0),):
            try:
                self._write(*swap)
            except OSError:
                pass  # the kernel does not count swap

    def _let_children_have_memory(self):
        """A group of v2 has the files of a controller only if its parent passes the controller on. systemd sees to that at
        the root; elsewhere the kernel refuses while the parent has processes, and the write of the limit fails below."""
        try:
            (V2 / "cgroup.subtree_control").write_text("+memory")
        except OSError:
            pass

    def _write(self, file, value):
        (self.path / file).write_text(str(value))

    def _read(self, file):
        return (self.path / file).read_text()

    @property
    def command(self):
        return ("/bin/sh", "-c", f'echo $$ > {self.path}/cgroup.procs && exec "$@"', "sh")

    def used(self):
        return int(self._read("memory.usage_in_bytes" if self.v1 else "memory.current"))

    def peak(self):
        """The maximum that was used; None if the kernel does not report it."""
        file = self.path / ("memory.max_usage_in_bytes" if self.v1 else "memory.peak")
        return int(file.read_text()) if file.exists() else None

    def socket_peak(self):
        """The most that buffers of TCP sockets took beside peak(); 0 where peak() has them (v2)."""
        return int(self._read("memory.kmem.tcp.max_usage_in_bytes")) if self.v1 else 0

    def oom_kills(self):
        text = self._read("memory.oom_control" if self.v1 else "memory.events")
        return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("oom_kill ")), 0)

    def remove(self):
        for _ in range(100):
            try:
                self.path.rmdir()
                return
            except OSError:
                time.sleep(0.05)
