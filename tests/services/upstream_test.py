"""The upstream client, seen through the proxy: every way an upstream server can misbehave."""
import collections
import concurrent.futures
import socket
import threading
import time

import pytest
from conftest import SANITIZE
from harness import Server
from peers import Peer, always, answer, echo, wait_until

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def proxy_of(peer, *args):
    return Server("headerroute-proxy", "--predict-server-url", peer.url, *args)


MALFORMED = {
    "not http": b"SSH-2.0-OpenSSH_9.2\r\n",
    "http 2": b"HTTP/2 200\r\n\r\n",
    "bare LF": b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    "folded": b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n",
    "nul": b"HTTP/1.1 200 OK\r\nA: b\0\r\nContent-Length: 0\r\n\r\n",
    "length and chunked": b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
    "length of letters": b"HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\nabcde",
    "gzip coding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
    "chunked twice": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n",
    "head too large": b"HTTP/1.1 200 OK\r\nA: " + b"x" * 70000 + b"\r\n\r\n",
    "too many headers": b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 500 + b"\r\n",
    "status of four digits": b"HTTP/1.1 2000 OK\r\n\r\n",
    "101 unasked": b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "endless informational": b"HTTP/1.1 102 Processing\r\n\r\n" * 100,
    "head cut": b"HTTP/1.1 200 OK\r\nContent-Le",
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_head_is_502_and_the_server_lives(name):
    with Peer(always(MALFORMED[name])) as peer, proxy_of(peer) as proxy:
        for _ in range(3):
            got = proxy.call("POST", "/predict", body=b"{}")
            assert got.status == 502 and got.json()["status"] == "ng", got.body
        assert proxy.wait_line(path="/predict")["response_flags"] == "UPE"
        assert proxy.metric("headerroute_upstream_protocol_errors_total") == 3
        peer.behave = echo
        assert proxy.call("POST", "/predict", body=b"well").body == b"well"


CUT = {
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
    "chunk": CHUNKED + b"a\r\nabc",
    "between chunks": CHUNKED + b"3\r\nabc\r\n",
    "before the last CRLF": CHUNKED + b"3\r\nabc\r\n0\r\n",
    "chunk size of letters": CHUNKED + b"3\r\nabc\r\nzz\r\n",
    "chunk too long": CHUNKED + b"3\r\nabcd\r\n0\r\n\r\n",
    "chunk size overflow": CHUNKED + b"3\r\nabc\r\nffffffffffffffff\r\n",
}


@pytest.mark.parametrize("reset", [False, True], ids=["fin", "rst"])
@pytest.mark.parametrize("name", CUT)
def test_an_answer_that_is_cut_short_is_never_passed_on_as_whole(name, reset):
    def behave(connection, request):
        connection.send(CUT[name])
        if reset:
            time.sleep(0.1)
            connection.reset()

    with Peer(behave) as peer, proxy_of(peer) as proxy:
        for _ in range(3):
            with proxy.client() as client:
                client.request("POST", "/predict", body=b"{}")
                try:
                    got = client.answer()
                except (EOFError, ConnectionResetError, ValueError):
                    continue
                assert got.status == 502, (got.status, got.body)


def test_slow_byte_by_byte():
    raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: b\r\n\r\n5\r\nhello\r\n0\r\n\r\n"

    def behave(connection, request):
        for byte in raw:
            connection.send(bytes([byte]))
            time.sleep(0.002)
        return True

    with Peer(behave) as peer, proxy_of(peer) as proxy:
        got = proxy.call("POST", "/predict", body=b"{}")
        assert got.body == b"hello" and got.header("x-a") == "b"


@pytest.mark.parametrize("raw,body", [
    (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + answer(b"after"), b"after"),
    (CHUNKED + b"5;ext=1\r\nhello\r\n0\r\nTrailer-Field: x\r\n\r\n", b"hello"),
    (b"HTTP/1.1 200 OK\r\nTRANSFER-ENCODING: Chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", b"hello"),
    (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", b"until the end"),
    (b"HTTP/1.0 200 OK\r\n\r\nold", b"old"),
    (b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nold", b"old"),
    (b"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nnope\r\n0\r\n\r\n", b"nope"),
    (b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", b"ok"),
], ids=["1xx", "extension and trailer", "capitals", "until close", "1.0 until close", "1.0", "chunked 404", "no reason"])
@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/1.0"])
def test_framings(raw, body, version):
    with Peer(always(raw)) as peer, proxy_of(peer) as proxy:
        got = proxy.call("POST", "/predict", body=b"{}", version=version)
        assert got.body == body
        assert got.header("trailer-field") is None and got.header("link") is None
        if version == "HTTP/1.0":
            assert got.header("transfer-encoding") is None


def test_chunked_answers_keep_both_connections():
    raw = b"HTTP/1.1 %d X\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    status = iter([200, 404, 500] * 4)
    with Peer(lambda c, r: c.send(raw % next(status)) or True) as peer, proxy_of(peer, "--threads", "1") as proxy:
        with proxy.client() as client:
            for want in [200, 404, 500] * 4:
                client.request("POST", "/predict", body=b"{}")
                got = client.answer()
                assert (got.status, got.body) == (want, b"hello")
        assert peer.connections == 1


@pytest.mark.parametrize("raw", [
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
], ids=["204", "304", "empty"])
def test_answers_without_a_body_keep_the_connection(raw):
    with Peer(always(raw, keep=True)) as peer, proxy_of(peer, "--threads", "1") as proxy:
        with proxy.client() as client:
            for _ in range(3):
                client.request("POST", "/predict", body=b"{}")
                assert client.answer().body == b""
        assert peer.connections == 1


def test_connection_is_reused_last_in_first_out():
    with Peer(echo) as peer, proxy_of(peer, "--threads", "1") as proxy:
        with proxy.client() as client:
            for i in range(20):
                client.request("POST", "/predict", body=b"%d" % i)
                assert client.answer().body == b"%d" % i
        assert peer.connections == 1
        assert proxy.metric("headerroute_upstream_connections_reused_total") == 19


def test_bytes_beyond_the_answer_are_not_taken_for_the_next():
    with Peer(always(answer(b"one") + answer(b"poison"), keep=True)) as peer, proxy_of(peer, "--threads", "1") as proxy:
        with proxy.client() as client:
            for _ in range(5):
                client.request("POST", "/predict", body=b"{}")
                assert client.answer().body == b"one"
        assert peer.connections == 5


@pytest.mark.parametrize("headers,most", [([("Connection", "close")], 5), ([("Keep-Alive", "timeout=1")], 5)])
def test_peer_that_does_not_keep_connections(headers, most):
    with Peer(lambda c, r: c.send(answer(b"x", headers=headers)) or True) as peer, proxy_of(peer, "--threads", "1") as proxy:
        for _ in range(5):
            assert proxy.call("POST", "/predict", body=b"{}").body == b"x"
        assert peer.connections == most


def test_a_close_of_an_idle_connection_is_seen_at_once():
    with Peer(echo) as peer, proxy_of(peer, "--threads", "1") as proxy:
        for i in range(20):
            assert proxy.call("POST", "/predict", body=b"%d" % i).body == b"%d" % i
            peer.drop_connections()
            assert wait_until(lambda: proxy.metric("headerroute_upstream_connections") == 0)
        assert proxy.metric("headerroute_upstream_stale_retries_total") == 0


def test_close_right_after_the_answer_loses_no_idempotent_request():
    """The worst case for reuse: the connection looks kept, and is closed at the same moment."""
    with Peer(always(answer(b"x", headers=[("Content-Type", "text/plain")]))) as peer, proxy_of(peer) as proxy:
        wrong = collections.Counter()

        def work():
            with proxy.client() as client:
                for _ in range(150):
                    client.request("GET", "/metadata")
                    got = client.answer()
                    if (got.status, got.body) != (200, b"x"):
                        wrong[got.status] += 1

        threads = [threading.Thread(target=work) for _ in range(6)]
        [t.start() for t in threads]
        [t.join() for t in threads]
        assert not wrong


def test_a_stale_connection_is_replaced_for_idempotent_methods_only():
    """The peer takes the request on the kept connection and closes without a word."""
    def behave(connection, request):
        if len([r for r in peer.requests if r.connection_number == connection.number]) == 1:
            connection.send(answer(b"first"))
            return True
        return False

    with Peer(behave) as peer, proxy_of(peer, "--threads", "1") as proxy:
        assert proxy.call("GET", "/metadata").body == b"first"
        assert proxy.call("GET", "/metadata").body == b"first"
        assert proxy.metric("headerroute_upstream_stale_retries_total") == 1
        seen = len(peer.requests)
        got = proxy.call("POST", "/predict", body=b"{}")
        assert got.status == 502 and len(peer.requests) == seen + 1, "a POST is not sent twice"


def test_fresh_connection_that_closes_is_not_retried():
    with Peer(lambda c, r: False) as peer, proxy_of(peer) as proxy:
        assert proxy.call("GET", "/metadata").status == 502
        assert len(peer.requests) == 1
        assert proxy.wait_line(path="/metadata")["response_flags"] == "UC"


def test_early_answer_during_the_upload():
    """The peer answers 413 from the head and does not read the body."""
    def behave(connection, request):
        connection.send(answer(b"too much", status="413 Content Too Large", headers=[("Connection", "close")]))
        time.sleep(0.3)
        return False

    with Peer(behave, read_body=False) as peer, proxy_of(peer) as proxy:
        got = proxy.call("POST", "/predict", body=b"x" * 10_000_000)
        assert (got.status, got.body) == (413, b"too much")
        peer.behave, peer.read_body = echo, True
        assert proxy.call("POST", "/predict", body=b"next").body == b"next"


def test_large_answer_and_a_stalled_reader_in_bounded_memory():
    """300 MB to a client that reads nothing for a while costs the proxy less than 1 MiB."""
    size, piece = 300 << 20, bytes(range(256)) * 4096
    sent = [0]

    def behave(connection, request):
        if request.target.startswith("/metadata"):
            connection.send(answer(b"{}"))
            return True
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        for _ in range(size // len(piece)):
            connection.send(piece)
            sent[0] += len(piece)
        return True

    with Peer(behave) as peer, proxy_of(peer, "--threads", "1", "--predict-timeout", "600", "--stall-timeout", "600") as proxy:
        proxy.call("GET", "/metadata")
        before = proxy.rss_kib()
        with proxy.client(receive_buffer=65536) as client:
            client.request("POST", "/predict", body=b"{}")
            client.head()
            still = [-1]

            def stalled():
                moved = sent[0] != still[0]
                still[0] = sent[0]
                time.sleep(0.3)
                return not moved
            assert wait_until(stalled, 30)
            assert 0 < sent[0] < size // 4, "the upstream was read although the client reads nothing"
            grown = proxy.rss_kib() - before
            limit = 6 * 1024 if "thread" in SANITIZE else 1024  # ThreadSanitizer keeps some five bytes of its own for each
            assert grown < limit, f"{grown} KiB for one stalled reader"
            got, expected = len(client.buffer), piece
            assert client.buffer == (expected * 2)[:got]
            client.buffer = b""
            while got < size:
                data = client.sock.recv(1 << 20)
                assert data, "the answer was cut short"
                offset = got % 256
                assert data == (piece[offset:] + piece)[:len(data)] if len(data) <= len(piece) - offset else True
                got += len(data)
        assert proxy.rss_kib() - before < 2 * limit


def test_many_at_once_get_their_own_answers():
    def behave(connection, request):
        time.sleep(len(request.body) % 7 / 1000)
        return echo(connection, request)

    with Peer(behave) as peer, proxy_of(peer) as proxy:
        def work(n):
            with proxy.client() as client:
                for i in range(40):
                    body = b"%d-%d " % (n, i) * (1 + (n * 37 + i * 101) % 5000)
                    client.request("POST", "/predict", body=body)
                    assert client.answer().body == body
            return True

        with concurrent.futures.ThreadPoolExecutor(32) as pool:
            assert all(pool.map(work, range(32)))


def test_frozen_upstream_and_idle_answer():
    """An answer that stops coming ends at the deadline, and the client can see that it is incomplete."""
    def behave(connection, request):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        time.sleep(30)

    with Peer(behave) as peer, proxy_of(peer, "--predict-timeout", "0.5") as proxy:
        with proxy.client() as client:
            client.request("POST", "/predict", body=b"{}")
            assert client.head().status == 200
            assert client._take(4) == b"half"
            with pytest.raises(EOFError):
                client._take(1)


def test_connect_timeout():
    """A listener whose queue is full answers no SYN."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        fillers = []
        for _ in range(4):
            sock = socket.socket()
            sock.setblocking(False)
            sock.connect_ex(("127.0.0.1", port))
            fillers.append(sock)
        time.sleep(0.2)
        with Server("headerroute-proxy", "--predict-server-url", f"http://127.0.0.1:{port}", "--connect-timeout", "0.3") as proxy:
            got = proxy.call("POST", "/predict", body=b"{}")
            assert got.status == 502 and "unreachable" in got.json()["detail"]
        [sock.close() for sock in fillers]
