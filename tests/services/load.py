"""Load whose every request is accounted for: each has an id of its own, the upstream servers write down which ids
they saw, and each client checks that the answer is its own, whole."""
import collections
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

from conftest import PATIENCE, SANITIZE
from harness import Client
from replica import body_of

# What a sanitizer slows down is done less often under it; what is asserted stays the same.
SCALE = {"": 1, "thread": 0.1}.get(SANITIZE, 0.2)


def scaled(n, least=1):
    return max(least, int(n * SCALE))


class Replica:
    """A process of replica.py on a port that it keeps when it is started again."""

    def __init__(self, folder, name, host="127.0.0.1"):
        self.ledger, self.name, self.host, self.port = pathlib.Path(folder) / f"ledger-{name}", name, host, 0
        self.ledger.touch()
        self.start()

    def start(self):
        program = pathlib.Path(__file__).with_name("replica.py")
        self.process = subprocess.Popen([sys.executable, program, self.ledger, self.host, str(self.port), self.name],
                                        stdout=subprocess.PIPE)
        self.port = int(self.process.stdout.readline())
        self.process.stdout.close()

    def signal(self, number):
        os.kill(self.process.pid, number)

    def kill(self):
        self.signal(signal.SIGKILL)
        self.process.wait()

    def seen(self):
        """(id, method, replica, connection) of all requests, in order."""
        return [tuple(line.split(" ")) for line in self.ledger.read_text().splitlines()]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.kill()


def times_seen(*replicas):
    return collections.Counter(row[0] for replica in replicas for row in replica.seen())


class Caller(Client):
    """Remembers whether an answer has begun."""

    def head(self):
        answer = super().head()
        self.begun = True
        return answer


class Load:
    """Clients that send one request after the other until the end of the with block.

    `ask(number)` says what the number-th request of a client is: a dict with any of method, size, ms, do, headers.
    A client that may not connect leaves, if `leaves`, and is an error otherwise."""

    def __init__(self, port, ask=lambda number: {}, clients=8, host="127.0.0.1", leaves=False, name=""):
        self.port, self.host, self.ask, self.leaves, self.name = port, host, ask, leaves, name
        self.done, self.stop = {}, threading.Event()  # id: (method, outcome, question)
        self.wrong, self.errors, self.numbers = [], [], [0] * clients
        self.threads = [threading.Thread(target=self._run, args=(n,)) for n in range(clients)]

    def _run(self, n):
        client, number = None, 0
        try:
            while not self.stop.is_set():
                client = client or self._connect()
                if client is None:
                    return
                question = {"method": "GET", "size": 100 + number * 7919 % 3000, "ms": 0, "do": "ok", "headers": [], **self.ask(number)}
                ident = f"{self.name}{n}-{number}"
                outcome = self._once(client, ident, question)
                self.done[ident] = (question["method"], outcome, question)
                self.numbers[n] = number = number + 1
                if outcome == "cut" or outcome == "closed":
                    client.close()
                    client = None
        except Exception as error:  # shown by the with block's end
            self.errors.append(f"client {n}, request {number}: {type(error).__name__}: {error}")

    def _connect(self):
        try:
            return Caller(self.port, self.host)
        except ConnectionError:
            if self.leaves:
                return None
            raise

    def _once(self, client, ident, q):
        body = body_of(ident, q["size"]) if q["method"] == "POST" else None
        client.begun = False
        try:
            client.request(q["method"], f"/w/{ident}/{q['size']}/{q['ms']}/{q['do']}", q["headers"], body)
            got = client.answer(q["method"])
        except (EOFError, ConnectionError):
            return "cut" if client.begun else "closed"
        if got.status == 200 and (got.header("x-id") != ident or
                                  got.body != (b"" if q["method"] == "HEAD" else body_of(ident, q["size"]))):
            self.wrong.append((ident, got.headers, got.body[:200]))
        return got.status

    def wait(self, condition, what):
        """Until it holds, or something has gone wrong, which the end of the with block reports."""
        end = time.monotonic() + PATIENCE
        while not (condition() or self.errors or self.wrong):
            assert time.monotonic() < end, f"did not happen within {PATIENCE} s: {what}"
            time.sleep(0.002)

    def more(self, n):
        """Until so many more requests have ended."""
        end = len(self.done) + n
        self.wait(lambda: len(self.done) >= end, f"{n} more requests")

    def rounds(self, n):
        """Until each client has had so many more answers: what was under way before is over then."""
        ends = [number + n for number in self.numbers]
        self.wait(lambda: all(number >= end for number, end in zip(self.numbers, ends)), f"{n} requests of each client")

    def outcomes(self, *methods):
        return collections.Counter(o for m, o, _ in list(self.done.values()) if not methods or m in methods)

    def ids(self, outcome):
        return {ident for ident, (_, o, _) in self.done.items() if o == outcome}

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.end()
        assert not self.errors, self.errors
        assert not self.wrong, f"answers of others: {self.wrong[:3]}"
