"""SIGTERM under clients with keep-alive connections: every request that a client sends is answered, and the answer says
that the connection ends."""
import contextlib
import signal
import threading
import time

import pytest
from harness import PATIENCE, Client, Server
from mesh import gateway, routes, service, to
from peers import Peer, answer, wait_until

CLIENTS = 8


def hello(connection, request):
    connection.send(answer(b"hello"))
    return True


@contextlib.contextmanager
def running(program, tmp_path, behave=hello):
    """A server of this kind that answers `GET /`, with its upstream where it has one."""
    with contextlib.ExitStack() as stack:
        if program == "headerroute-gateway":
            peer = stack.enter_context(Peer(behave))
            yield stack.enter_context(gateway(tmp_path, service("x.test", peer), routes({"route": [to("x.test")]})))
        elif program == "headerroute-proxy":
            peer = stack.enter_context(Peer(behave))
            yield stack.enter_context(Server(program, "--predict-server-url", peer.url))
        else:
            yield stack.enter_context(Server(program))


class Regular(threading.Thread):
    """Sends a request every 20 ms on one connection until an answer announces its end. `lost`: what went wrong."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.client, self.answered, self.told, self.lost = Client(port), 0, False, None
        self.start()

    def run(self):
        with self.client as client:
            while not self.told and self.lost is None:
                try:
                    client.request()
                    got = client.answer()
                except (OSError, EOFError) as error:
                    self.lost = error
                    return
                if got.status != 200:
                    self.lost = got.raw_head
                self.answered += 1
                self.told = got.header("connection") == "close"
                time.sleep(0.02)


PROGRAMS = pytest.mark.parametrize("program", ["headerroute-gateway", "headerroute-proxy", "headerroute-predict"])


@PROGRAMS
def test_clients_that_send_every_20_ms_lose_nothing(program, tmp_path):
    with running(program, tmp_path) as server:
        clients = [Regular(server.port) for _ in range(CLIENTS)]
        assert wait_until(lambda: all(c.answered > 3 for c in clients))
        assert not any(c.told for c in clients)
        server.process.send_signal(signal.SIGTERM)
        for client in clients:
            client.join(PATIENCE)
        assert [c.lost for c in clients] == [None] * CLIENTS
        assert all(c.told for c in clients)
        assert server.process.wait(PATIENCE) == 0


@PROGRAMS
def test_an_idle_connection_may_send_its_next_request_within_the_grace(program, tmp_path):
    with running(program, tmp_path) as server, server.client() as used, server.client() as unused:
        used.request()
        assert used.answer().header("connection") != "close"
        server.process.send_signal(signal.SIGTERM)
        assert wait_until(lambda: "draining" in server.messages())
        for client in (used, unused):
            client.request()
            got = client.answer()
            assert (got.status, got.header("connection")) == (200, "close")
            assert client.at_eof()
        assert server.process.wait(PATIENCE) == 0


def test_a_connection_whose_answer_announced_no_end_gets_one_more_request(tmp_path):
    """The head of the first answer is sent before the drain begins, its body after that."""
    release = threading.Event()

    def behave(connection, request):
        if request.target != "/slow":
            return hello(connection, request)
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst")
        release.wait(PATIENCE)
        connection.send(b"other")
        return True

    with running("headerroute-gateway", tmp_path, behave) as server, server.client() as client:
        client.request(target="/slow")
        head = client.head()
        assert head.header("connection") != "close"
        server.process.send_signal(signal.SIGTERM)
        assert wait_until(lambda: "draining" in server.messages())
        time.sleep(0.3)  # some sweeps over the open connections
        release.set()
        assert client._take(10) == b"firstother"
        client.request()
        got = client.answer()
        assert (got.status, got.body, got.header("connection")) == (200, b"hello", "close")
        assert server.process.wait(PATIENCE) == 0


def test_without_time_to_drain_there_is_no_grace():
    with Server("headerroute-predict", "--drain-seconds", 0) as server, server.client() as idle:
        idle.request()
        assert idle.answer().status == 200
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(PATIENCE) == 0
        assert idle.at_eof()
