"""Bodies in pieces through the gateway: uploads of any length in bounded memory, what is held for retries and mirrors,
answers before the end of the request, and answers whose pieces come slowly."""
import hashlib
import threading
import time

import pytest
from conftest import SANITIZE
from gateway_websocket_http2_test import push, until_it_stands
from harness import PATIENCE
from http2_peer import Http2Peer
from http2_wire import Http2, head
from mesh import gateway, routes, service, to
from peers import Peer, answer, echo, wait_until
from upstream_http2_test import service as http2_service

ROUTE = routes({"route": [to("x.test")]})
NO_RETRIES = routes({"route": [to("x.test")], "retries": {"attempts": 0}})
MIB = 1 << 20


class Sink:
    """An upstream server that reads bodies piece by piece, as fast as `gate` lets it."""

    def __init__(self):
        self.gate, self.read, self.digest, self.framing = threading.Event(), 0, None, None
        self.gate.set()

    def __call__(self, connection, request):
        if request.target == "/":
            connection.send(answer(b"up"))
            return True
        self.framing = "length" if request.header("content-length") else "chunked"
        digest, left = hashlib.sha256(), int(request.header("content-length") or 0)
        while left > 0 or self.framing == "chunked":
            self.gate.wait()
            if self.framing == "chunked":
                piece = connection.read_chunk()
                if not piece:
                    assert connection._line() == b""
                    break
            else:
                if not connection.buffer:
                    connection._more()
                piece, connection.buffer = connection.buffer[:left], connection.buffer[left:]
                left -= len(piece)
            self.read += len(piece)
            digest.update(piece)
        self.digest = done = digest.hexdigest()
        connection.send(answer(done.encode()))
        return True


def sinking(sink):
    return Peer(sink, read_body=False)


@pytest.mark.parametrize("rules", [ROUTE, NO_RETRIES], ids=["retries", "no retries"])
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_an_upload_of_256_mb_holds_less_than_1_mib(tmp_path, chunked, rules):
    piece = bytes(range(256)) * 4096
    pieces, sink = 64 if SANITIZE else 256, Sink()
    with sinking(sink) as peer, gateway(tmp_path, service("x.test", peer), rules,
                                        args=("--threads", "1", "--max-body-bytes", "1G", "--stall-timeout", "600")) as gw:
        gw.call("POST", "/first", body=piece[:1000])
        before, peak = gw.rss_kib(), 0
        with gw.client() as client:
            client.send(b"POST /large HTTP/1.1\r\nHost: x\r\n" + (b"Transfer-Encoding: chunked\r\n\r\n" if chunked else
                                                                b"Content-Length: %d\r\n\r\n" % (pieces << 20)))
            digest = hashlib.sha256()
            for i in range(pieces):
                client.send(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
                digest.update(piece)
                if i % 8 == 0:
                    peak = max(peak, gw.rss_kib())
            client.send(b"0\r\n\r\n" if chunked else b"")
            assert client.answer().body.decode() == digest.hexdigest()
        limit = 8 * 1024 if SANITIZE else 1024  # sanitizers keep what was freed, and bytes of their own for each
        assert peak - before < limit, f"{peak - before} KiB for one upload"
        assert sink.framing == ("chunked" if chunked else "length")
        assert gw.wait_line(path="/large")["bytes_received"] == pieces << 20


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_a_peer_that_does_not_read_holds_the_client_back(tmp_path, chunked):
    sink, sent = Sink(), [0]
    piece, pieces = b"p" * MIB, 64
    with sinking(sink) as peer, gateway(tmp_path, service("x.test", peer), ROUTE, args=("--max-body-bytes", "1G")) as gw:
        with gw.client() as client:
            sink.gate.clear()

            def feed():
                client.send(b"POST /held HTTP/1.1\r\nHost: x\r\n" + (b"Transfer-Encoding: chunked\r\n\r\n" if chunked else
                                                                   b"Content-Length: %d\r\n\r\n" % (pieces << 20)))
                for _ in range(pieces):
                    client.send(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
                    sent[0] += 1
                client.send(b"0\r\n\r\n" if chunked else b"")
            client.sock.settimeout(PATIENCE)
            feeder = threading.Thread(target=feed)
            feeder.start()
            still = [-1]

            def stalled():
                moved, still[0] = sent[0] != still[0], sent[0]
                time.sleep(0.3)
                return not moved
            assert wait_until(stalled, PATIENCE) and sent[0] < pieces // 2, "it was read although the peer reads nothing"
            assert gw.call(target="/").status == 200, "others are served"
            sink.gate.set()
            feeder.join()
            assert client.answer().body.decode() == hashlib.sha256(piece * pieces).hexdigest()


class Gated:
    """An endpoint of HTTP/2 that opens no window before `open`, and then answers with the digest of each body."""

    def __init__(self):
        self.peer = Http2Peer(self.behave, takes=False)

    def behave(self, connection, request):
        connection.answer(request, hashlib.sha256(request.body).hexdigest().encode(), 200, ("grpc-status", "0"))

    def open(self):
        self.peer.takes = True
        for connection in self.peer.all:
            with connection.lock:
                connection.takes = True
                connection.h2.increment_flow_control_window(1 << 30)
                for stream in (number for number, request in connection.requests.items() if not request.ended):
                    connection.h2.increment_flow_control_window(1 << 30, stream)
                connection.flush()


@pytest.mark.parametrize("kind", ["length", "chunked", "grpc"])
def test_uploads_over_http2_are_slowed_down_where_the_budget_is_used_up(tmp_path, kind):
    """24 bodies of two MB, while the budget holds what a few of them would take and the endpoint takes nothing."""
    n, size, sink, gated = 24, 2 * MIB, Sink(), Gated()
    sink.gate.clear()
    fields = {"length": [("content-length", str(size))], "chunked": [],
              "grpc": [("content-type", "application/grpc"), ("te", "trailers")]}[kind]
    with sinking(sink) as http1, gated.peer as http2:
        there = http2_service("x.test", http2) if kind == "grpc" else service("x.test", http1)
        with gateway(tmp_path, there, NO_RETRIES, args=("--max-upload-bytes", "200K", "--threads", "1")) as gw, Http2(gw.port) as client:
            data = bytes(range(256)) * (size // 256)
            streams = [client.open(head("POST", f"/{i}", *fields), end=False) for i in range(n)]
            before, left = gw.rss_kib(), {stream.number: memoryview(data) for stream in streams}
            until_it_stands(client, streams, left)
            assert SANITIZE or gw.rss_kib() - before < 6144
            sink.gate.set()
            gated.open()
            while any(left.values()):
                if push(client, streams, left) == 0:
                    client.read()
            for stream in streams:
                assert (client.wait(stream).status, stream.body.decode()) == (200, hashlib.sha256(data).hexdigest())


def failing_once(seen, status="503 Service Unavailable"):
    """Answers the first request that has a body with 503, and says so before or after having read the body."""

    def behave(connection, request):
        seen.append((len(request.body), request.header("x-envoy-attempt-count")))
        first = request.target != "/" and len(seen) == 1 + sum(1 for n, _ in seen if n == 0)
        connection.send(answer(b"no", status) if first else answer(request.body[-8:] or b"up"))
        return True
    return behave


AGAIN = routes({"route": [to("x.test")], "retries": {"attempts": 2, "retryOn": "503"}})


@pytest.mark.parametrize("size,retried", [(1000, True), (300_000, True), (600_000, False)])
def test_what_is_held_is_retried_and_what_is_longer_is_not(tmp_path, size, retried):
    seen, body = [], b"a" * (size - 8) + b"the end."
    with Peer(failing_once(seen)) as peer, gateway(tmp_path, service("x.test", peer), AGAIN) as gw:
        got = gw.call("POST", "/again", body=body)
        assert (got.status, got.body) == ((200, b"the end.") if retried else (503, b"no"))
        assert [row for row in seen if row[0]] == [(size, "1"), (size, "2")][:1 + retried]


def test_the_limit_of_what_is_held_can_be_set(tmp_path):
    seen, body = [], b"a" * 2 * MIB
    with Peer(failing_once(seen)) as peer, gateway(tmp_path, service("x.test", peer), AGAIN, args=("--body-buffer-bytes", "3M")) as gw:
        assert gw.call("POST", "/again", body=body).status == 200
        assert [row for row in seen if row[0]] == [(2 * MIB, "1"), (2 * MIB, "2")]


def test_a_body_whose_first_endpoint_is_gone_goes_to_the_next_whole(tmp_path):
    """Nothing of it was sent, however long it is."""
    with Peer() as peer, Peer() as gone:
        with gateway(tmp_path, service("x.test", peer, gone), routes({"route": [to("x.test")], "retries": {
                "attempts": 3, "retryOn": "connect-failure"}})) as gw:
            gone.close()
            body = bytes(range(256)) * 8192
            for i in range(6):
                assert gw.call("POST", f"/{i}", body=body).body == body
            assert {len(r.body) for r in peer.requests if r.method == "POST"} == {2 * MIB}


@pytest.mark.parametrize("size,mirrored", [(1000, True), (300_000, True), (600_000, False)])
def test_mirrors_get_what_is_held(tmp_path, size, mirrored):
    with Peer() as peer, Peer() as copy:
        rules = routes({"route": [to("x.test")], "mirrors": [to("copy.test")]})
        with gateway(tmp_path, service("x.test", peer), service("copy.test", copy), rules) as gw:
            assert gw.call("POST", "/both", body=b"b" * size).body == b"b" * size
            assert gw.call("POST", "/small", body=b"c").status == 200
            assert wait_until(lambda: len([r for r in copy.requests if r.target != "/"]) == 1 + mirrored)
            assert [len(r.body) for r in copy.requests if r.target == "/both"] == [size] * mirrored


@pytest.mark.parametrize("reply", [
    b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" + answer(b"copy"),
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\ncopy\r\n0\r\nx-a: " + b"v" * 2000 + b"\r\n\r\n"],
    ids=["informational", "trailers"])
def test_what_a_mirror_answers_reaches_nobody(tmp_path, reply):
    def behave(connection, request):
        connection.send(reply)
        return True

    with Peer() as peer, Peer(behave) as copy:
        rules = routes({"route": [to("x.test")], "mirrors": [to("copy.test")]})
        with gateway(tmp_path, service("x.test", peer), service("copy.test", copy), rules) as gw:
            for n in range(3):
                got = gw.call("POST", "/both", headers=[("te", "trailers")], body=b"b")
                assert (got.status, got.body, got.header("x-a")) == (200, b"b", None)
                assert wait_until(lambda: sum(r.target == "/both" for r in copy.requests) == n + 1)
            assert gw.call("POST", "/both", body=b"c").body == b"c"


def test_an_answer_may_begin_before_the_request_ends(tmp_path):
    def behave(connection, request):
        if request.target == "/":
            connection.send(answer(b"up"))
            return True
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while piece := connection.read_chunk():
            connection.send(b"%x\r\n%s\r\n" % (len(piece), piece[::-1]))
        connection.send(b"0\r\n\r\n")
        return False

    with Peer(behave, read_body=False) as peer, gateway(tmp_path, service("x.test", peer), ROUTE) as gw:
        with gw.client() as client:
            client.send(b"POST /talk HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            assert client.head().header("transfer-encoding") == "chunked"
            for word in (b"first", b"second", b"third"):
                client.send(b"%x\r\n%s\r\n" % (len(word), word))
                assert client._take(int(client._line(), 16)) == word[::-1] and client._line() == b""
            client.send(b"0\r\n\r\n")
            assert client._line() == b"0"


def test_an_early_answer_ends_the_upload(tmp_path):
    def behave(connection, request):
        connection.send(answer(b"too much", "413 Content Too Large") if request.target == "/large" else answer(b"up"))
        return request.target != "/large"

    with Peer(behave, read_body=False) as peer, gateway(tmp_path, service("x.test", peer), ROUTE, args=("--max-body-bytes", "1G")) as gw:
        with gw.client() as client:
            client.send(b"POST /large HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n" + b"x" * 100_000)
            got = client.answer()
            assert (got.status, got.body, got.header("connection")) == (413, b"too much", "close")
            assert client.at_eof()


@pytest.mark.parametrize("end", [b"", b"zz\r\n"], ids=["the client leaves", "a malformed chunk"])
def test_half_a_body_never_looks_like_a_whole_one(tmp_path, end):
    with Peer() as peer, gateway(tmp_path, service("x.test", peer), ROUTE) as gw:
        with gw.client() as client:
            client.send(b"POST /half HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
            assert wait_until(lambda: peer.connections == 2 or len(peer.open) > 0)
            client.send(end)
            if end:
                got = client.answer()
                assert got.status == 400 and b"chunk" in got.body and client.at_eof()
        line = gw.wait_line(path="/half")
        assert (line["response_code"], line["response_flags"]) == ((400, "DPE") if end else (0, "DC"))
        assert not any(r.target == "/half" for r in peer.requests)


def test_answers_of_the_gateway_do_not_wait_for_the_body(tmp_path):
    with Peer() as peer, gateway(tmp_path, service("x.test", peer), routes(
            {"match": [{"uri": {"prefix": "/moved"}}], "redirect": {"uri": "/new"}}, {"route": [to("x.test")]})) as gw:
        with gw.client() as client:
            client.send(b"POST /moved HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n")
            got = client.answer()
            assert (got.status, got.header("connection")) == (301, "close")


# ---- time ----

def test_server_sent_events_outlive_the_timeout_of_a_try(tmp_path):
    """Envoy ignores perTryTimeout once the answer has begun."""
    def behave(connection, request):
        if request.target == "/":
            connection.send(answer(b"up"))
            return True
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for i in range(20):
            event = b"data: %d\n\n" % i
            connection.send(b"%x\r\n%s\r\n" % (len(event), event))
            time.sleep(0.05)
        connection.send(b"0\r\n\r\n")
        return True

    rules = routes({"route": [to("x.test")], "retries": {"attempts": 2, "perTryTimeout": "0.25s", "retryOn": "5xx"}})
    with Peer(behave) as peer, gateway(tmp_path, service("x.test", peer), rules) as gw:
        assert gw.call(target="/events").body == b"".join(b"data: %d\n\n" % i for i in range(20))
        assert sum(r.target == "/events" for r in peer.requests) == 1


def test_timeouts_begin_with_the_end_of_the_request(tmp_path):
    """As with Envoy: an upload may take longer than the route's timeout and that of a try."""
    rules = routes({"route": [to("x.test")], "timeout": "0.4s", "retries": {"attempts": 1, "perTryTimeout": "0.3s"}})
    with Peer() as peer, gateway(tmp_path, service("x.test", peer), rules) as gw:
        with gw.client() as client:
            client.send(b"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n")
            for _ in range(10):
                time.sleep(0.1)
                client.send(b"s" * 20000)
            got = client.answer()
            assert (got.status, len(got.body)) == (200, 200_000)


def test_a_timeout_after_the_request_is_still_one(tmp_path):
    def behave(connection, request):
        if request.target == "/":
            connection.send(answer(b"up"))
        return True

    rules = routes({"route": [to("x.test")], "timeout": "0.3s", "retries": {"attempts": 0}})
    with Peer(behave) as peer, gateway(tmp_path, service("x.test", peer), rules) as gw:
        got = gw.call("POST", "/silent", body=b"s" * 200_000)
        assert got.status == 504
        assert gw.wait_line(path="/silent")["response_flags"] == "UT"


# ---- trailers and informational answers ----

PASSED = [("x-checksum", "abc"), ("grpc-status", "0")]
# Framing, credentials and what proxies set do not belong there (RFC 9110 section 6.5.1), and a connection's own go no further.
REFUSED = [("Content-Length", "5"), ("Transfer-Encoding", "chunked"), ("Host", "other"), ("Authorization", "Basic x"), ("Set-Cookie", "a=b"),
           ("X-Forwarded-For", "1.2.3.4"), ("Connection", "close"), ("Content-Type", "text/plain")]


def section(fields):
    return b"".join(f"{n}: {v}\r\n".encode() for n, v in fields) + b"\r\n"


@pytest.mark.parametrize("size", [5, 300_000])
@pytest.mark.parametrize("step", [None, 7], ids=["at once", "in pieces"])
def test_trailers_of_a_request(tmp_path, size, step):
    with Peer() as peer, gateway(tmp_path, service("x.test", peer), ROUTE) as gw, gw.client() as client:
        client.send(b"POST /t HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (size, b"b" * size))
        end = b"0\r\n" + section(PASSED[:1] + REFUSED + [("Grpc-Status", "0")])
        for at in range(0, len(end), step or len(end)):
            client.send(end[at:at + (step or len(end))])
            time.sleep(0.001 if step else 0)
        assert client.answer().body == b"b" * size
        request = next(r for r in peer.requests if r.target == "/t")
        assert request.header("transfer-encoding") == "chunked" and request.trailers == PASSED


def test_trailers_of_a_request_are_sent_again(tmp_path):
    seen = []

    def behave(connection, request):
        seen.append(request.trailers)
        connection.send(answer(b"", "503 Service Unavailable") if request.trailers and len(seen) == 2 else answer(b"up"))
        return True

    with Peer(behave) as peer, gateway(tmp_path, service("x.test", peer), AGAIN) as gw, gw.client() as client:
        client.send(b"POST /t HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n" + section(PASSED))
        assert client.answer().status == 200
        assert seen[-2:] == [PASSED, PASSED]


def test_a_header_of_the_body_is_no_clients_trailer(tmp_path):
    with Peer() as peer, gateway(tmp_path, service("x.test", peer), ROUTE, args=("--body-header", "x-model=$.model")) as gw:
        with gw.client() as client:
            client.send(b"POST /t HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX-Model: a\r\nx-b: c\r\n\r\n")
            assert client.answer().status == 200
        assert next(r for r in peer.requests if r.target == "/t").trailers == [("x-b", "c")]


@pytest.mark.parametrize("version,kept", [("HTTP/1.1", PASSED), ("HTTP/1.0", [])])
def test_trailers_of_an_answer(tmp_path, version, kept):
    def behave(connection, request):
        if request.target == "/":
            return echo(connection, request)
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n")
        time.sleep(0.02)
        for byte in section(PASSED + REFUSED):
            connection.send(bytes([byte]))
        return True

    with Peer(behave) as peer, gateway(tmp_path, service("x.test", peer), ROUTE) as gw, gw.client() as client:
        client.send(f"GET /t {version}\r\nHost: x\r\n\r\n".encode())
        head = client.head()
        if not kept:
            with pytest.raises(EOFError):
                client._take(6)
            assert client.buffer == b"hello" and head.header("transfer-encoding") is None
            return
        body = b""
        while size := int(client._line(), 16):
            body += client._take(size)
            assert client._line() == b""
        fields = []
        while line := client._line():
            fields.append(tuple(line.decode().split(": ")))
        assert (body, fields) == (b"hello", kept)
        client.request(target="/again")
        assert client.head().status == 200


# ---- what answers take from --max-upload-bytes ----

FEW_BYTES = ("--max-upload-bytes", "20K")


def answering(data):
    def behave(connection, request):
        connection.send(answer(b"up") if request.target == "/" else data)
        return True
    return behave


@pytest.mark.parametrize("args,kept", [((), True), (FEW_BYTES, False)], ids=["default", "few bytes"])
def test_large_trailers_of_an_answer_are_charged(tmp_path, args, kept):
    large = [("x-large", "v" * 3000), ("x-larger", "v" * 3900)]
    data = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n" + section(large)
    with Peer(answering(data)) as peer, gateway(tmp_path, service("x.test", peer), ROUTE, args=args) as gw, gw.client() as client:
        for _ in range(3):
            client.send(b"GET /t HTTP/1.1\r\nHost: x\r\n\r\n")
            assert client.head().status == 200
            assert client._take(10) == b"5\r\nhello\r\n" and client._line() == b"0"
            fields = []
            while line := client._line():
                fields.append(tuple(line.decode().split(": ")))
            assert fields == (large if kept else [])


@pytest.mark.parametrize("args,statuses", [((), [103, 103, 200]), (FEW_BYTES, [103, 200])], ids=["default", "few bytes"])
def test_informational_answers_are_charged(tmp_path, args, statuses):
    hint = b"HTTP/1.1 103 Early Hints\r\nLink: " + b"v" * 15000 + b"\r\n\r\n"
    with Peer(answering(hint * 2 + answer(b"done"))) as peer, \
            gateway(tmp_path, service("x.test", peer), ROUTE, args=args) as gw, gw.client() as client:
        for _ in range(3):
            client.send(b"GET /hints HTTP/1.1\r\nHost: x\r\n\r\n")
            assert [client.answer().status for _ in statuses] == statuses


@pytest.mark.parametrize("args,status", [((), 200), (FEW_BYTES, 503)], ids=["default", "few bytes"])
def test_a_large_head_of_an_answer_is_charged(tmp_path, args, status):
    data = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + b"Via: 1.1 other\r\n" * 100 + b"X-Large: " + b"v" * 8000 + b"\r\n\r\nok"
    with Peer(answering(data)) as peer, gateway(tmp_path, service("x.test", peer), ROUTE, args=args) as gw, gw.client() as client:
        for _ in range(3):
            client.request(target="/head")
            got = client.answer()
            assert got.status == status and got.header("retry-after") == (None if status == 200 else "1")
        if status == 503:
            line = gw.wait_line(path="/head")
            assert (line["response_flags"], line["response_code_details"]) == ("UO", "overload")
        client.request(target="/")
        assert client.answer().status == 200


@pytest.mark.parametrize("args,status", [((), 413), (FEW_BYTES, 503)], ids=["default", "few bytes"])
def test_an_answer_before_the_end_of_its_request_is_charged(tmp_path, args, status):
    """Both directions of its connections may be full."""
    with Peer(answering(answer(b"too much", "413 Content Too Large")), read_body=False) as peer, \
            gateway(tmp_path, service("x.test", peer), ROUTE, args=args) as gw, gw.client() as client:
        client.send(b"POST /large HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + b"b" * 40000)
        got = client.answer()
        assert got.status == status and got.header("connection") == "close"
        assert gw.wait_line(path="/large")["response_flags"] == ("UO" if status == 503 else "-")


@pytest.mark.parametrize("version,hints", [("HTTP/1.1", 2), ("HTTP/1.0", 0)])
def test_early_hints(tmp_path, version, hints):
    """RFC 8297; 100 is the gateway's own."""
    def behave(connection, request):
        if request.target == "/":
            return echo(connection, request)
        for raw in (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nConnection: x-own\r\nX-Own: 1\r\n\r\n",
                    b"HTTP/1.1 103 Early Hints\r\nLink: </b.css>; rel=preload\r\n\r\n", answer(b"done")):
            connection.send(raw)
            time.sleep(0.01)
        return True

    with Peer(behave) as peer, gateway(tmp_path, service("x.test", peer), ROUTE) as gw, gw.client() as client:
        client.send(f"GET /hints {version}\r\nHost: x\r\n\r\n".encode())
        got = [client.answer() for _ in range(hints + 1)]
        assert [g.status for g in got] == [103] * hints + [200]
        assert [g.header("link") for g in got[:-1]] == ["</a.css>; rel=preload", "</b.css>; rel=preload"][:hints]
        assert got[0].header("x-own") is None and got[-1].body == b"done"
        assert gw.wait_line(path="/hints")["response_code"] == 200
