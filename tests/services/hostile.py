"""Clients that mean harm, by the hundred, and what they cost the server: its peak of memory, and its CPU time."""
import os
import pathlib
import resource
import selectors
import socket
import threading
import time

import pytest
from cgroups import MemoryGroup
from conftest import PATIENCE, SANITIZE, wait_until

MIB = 1 << 20
POD_LIMIT = 300 * MIB
CONNECTIONS = 512  # the default of --max-connections
TICK = 1 / os.sysconf("SC_CLK_TCK")


def allow_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 8 * CONNECTIONS if hard == resource.RLIM_INFINITY else min(hard, 8 * CONNECTIONS)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class Pod:
    """The limit that a server runs under: a control group where one can be made, its resident memory otherwise."""

    def __init__(self, name):
        self.group = None
        try:
            self.group = MemoryGroup(name, POD_LIMIT)
        except pytest.skip.Exception as reason:
            print(f"1 limit not enforced: {reason}; resident memory is compared instead", end=" ")

    @property
    def command(self):
        return self.group.command if self.group else ()

    def check(self, server):
        """The server lives, and has never held more than the pod may. Its peak in bytes."""
        assert server.process.poll() is None, f"the server ended with {server.process.returncode}"
        peak = peak_rss(server.process.pid)
        if self.group:
            assert self.group.oom_kills() == 0
            peak = max(peak, self.group.peak() or 0)
        assert peak < POD_LIMIT or SANITIZE, f"{peak / MIB:.0f} MiB of {POD_LIMIT // MIB}"
        return peak

    def remove(self):
        if self.group:
            self.group.remove()


def status_field(pid, field):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"no {field}")


def rss(pid):
    return status_field(pid, "VmRSS")


def peak_rss(pid):
    return status_field(pid, "VmHWM")


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK


class Crowd:
    """Many connections that send given bytes and read nothing by default."""

    def __init__(self, port, n=CONNECTIONS, host="127.0.0.1", receive_buffer=4096):
        self.socks = []
        for _ in range(n):
            sock = socket.socket()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            sock.connect((host, port))
            sock.setblocking(False)
            self.socks.append(sock)

    def send(self, data, seconds=20, settle=2.0):
        """Each sends as much of `data` as the server takes; ends when all is sent, or nothing has moved for a while."""
        left = {sock: memoryview(data(i) if callable(data) else data) for i, sock in enumerate(self.socks)}
        selector = selectors.DefaultSelector()
        for sock in left:
            selector.register(sock, selectors.EVENT_WRITE)
        end = time.monotonic() + seconds
        while left and time.monotonic() < end:
            events = selector.select(settle)
            if not events:
                break
            for key, _ in events:
                sock = key.fileobj
                try:
                    left[sock] = left[sock][sock.send(left[sock][:65536]):]
                except BlockingIOError:
                    continue
                except OSError:
                    left[sock] = b""
                if not left[sock]:
                    selector.unregister(sock)
                    del left[sock]
        selector.close()
        return self

    def statuses(self, seconds=10):
        """How many got which status; None for those without an answer so far."""
        counts, heads = {}, {sock: b"" for sock in self.socks}
        selector = selectors.DefaultSelector()
        for sock in self.socks:
            selector.register(sock, selectors.EVENT_READ)
        end, waiting = time.monotonic() + seconds, len(self.socks)
        while waiting and time.monotonic() < end:
            for key, _ in selector.select(0.2):
                try:
                    data = key.fileobj.recv(4096)
                except OSError:
                    data = b""
                heads[key.fileobj] += data
                if not data or len(heads[key.fileobj]) >= 12:
                    selector.unregister(key.fileobj)
                    waiting -= 1
        selector.close()
        for head in heads.values():
            status = int(head[9:12]) if len(head) >= 12 else None
            counts[status] = counts.get(status, 0) + 1
        return counts

    def close(self):
        for sock in self.socks:
            sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Silent:
    """An upstream server that takes connections and says nothing."""

    def __init__(self):
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(4096)
        self.host, self.port = self.listener.getsockname()

    @property
    def url(self):
        return f"http://{self.host}:{self.port}"

    def close(self):
        self.listener.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Pouring(Silent):
    """An upstream server that answers every connection with `head` and then bytes without end. One thread."""

    def __init__(self, head):
        super().__init__()
        self.head, self.stop = head, False
        self.listener.setblocking(False)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        selector = selectors.DefaultSelector()
        selector.register(self.listener, selectors.EVENT_READ, None)
        block = b"x" * 262144
        while not self.stop:
            for key, events in selector.select(0.1):
                try:
                    if key.data is None:
                        sock, _ = self.listener.accept()
                        sock.setblocking(False)
                        selector.register(sock, selectors.EVENT_READ, [b""])
                    elif events & selectors.EVENT_READ:
                        data = key.fileobj.recv(65536)
                        if not data:
                            raise OSError
                        key.data[0] = (key.data[0] + data)[-65536:]
                        if b"\r\n\r\n" in key.data[0]:
                            key.fileobj.send(self.head)
                            selector.modify(key.fileobj, selectors.EVENT_WRITE, key.data)
                    else:
                        key.fileobj.send(block)
                except BlockingIOError:
                    pass
                except OSError:
                    selector.unregister(key.fileobj)
                    key.fileobj.close()
        for key in list(selector.get_map().values()):
            key.fileobj.close()
        selector.close()

    def close(self):
        self.stop = True
        self.thread.join(PATIENCE)


def settled(pid, seconds=4):
    """Waits until the server rests: it has used no CPU time for a moment, or is at work without end."""
    last, end = cpu_seconds(pid), time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.3)
        now = cpu_seconds(pid)
        if now == last:
            return
        last = now


def cost(server, request, least=0.5, most=4000):
    """CPU seconds of the server for one such request, over as many as it takes to measure them."""
    with server.client() as client:
        def once():
            client.send(request)
            return client.answer().status
        once()
        began, n = cpu_seconds(server.process.pid), 0
        while n < most and (n % 10 or cpu_seconds(server.process.pid) - began < least):
            once()
            n += 1
        return (cpu_seconds(server.process.pid) - began) / n
