"""HTTP/1.1 read strictly: every request that two parsers of a chain could read differently is refused, with
the same JSON as every other failure, and its connection is closed. Raw sockets, byte for byte."""
import json
import socket
import time

import pytest

import pictures
import wire


@pytest.fixture(scope="module")
def server():
    from conftest import Server
    server = Server("headerroute-predict", "--name", "p", "--threads", 2, "--max-body-bytes", "64K",
                    "--max-head-bytes", "16K", "--iterations", 1)
    yield server
    server.stop()


def refused(server, data, status=400, says=""):
    """Refused with the failure form, and nothing behind it is answered."""
    with wire.connect(server) as sock:
        sock.sendall(data)
        got, fields, body = wire.read_answer(sock)
        assert got == status, (data[:200], got, body)
        answer = json.loads(body)
        assert answer["status"] == "ng" and answer["img_none_bg_base64"] is None
        assert says in answer["detail"], answer["detail"]
        assert fields["connection"] == "close" and fields["content-type"] == "application/json"
        assert fields["via"] == "1.1 p" and fields["x-request-id"]
        assert wire.is_closed(sock)


def post(headers, body=b"", target=b"/predict", host=b"Host: x\r\n", version=b"HTTP/1.1"):
    return b"POST " + target + b" " + version + b"\r\n" + host + headers + b"\r\n" + body


# What would be answered as a second request if the first one's end were misread.
SMUGGLED = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"

FRAMING = {
    "two Content-Lengths that differ": (b"Content-Length: 3\r\nContent-Length: 5\r\n", "Content-Length"),
    "two Content-Lengths alike": (b"Content-Length: 3\r\nContent-Length: 3\r\n", "Content-Length"),
    "two Content-Lengths in one field": (b"Content-Length: 3, 3\r\n", "Content-Length"),
    "Content-Length with a sign": (b"Content-Length: +3\r\n", "Content-Length"),
    "negative Content-Length": (b"Content-Length: -3\r\n", "Content-Length"),
    "hexadecimal Content-Length": (b"Content-Length: 0x3\r\n", "Content-Length"),
    "empty Content-Length": (b"Content-Length:\r\n", "Content-Length"),
    "Content-Length in words": (b"Content-Length: three\r\n", "Content-Length"),
    "Content-Length beyond 64 bits": (b"Content-Length: 18446744073709551619\r\n", "Content-Length"),
    "Content-Length beside Transfer-Encoding": (b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "both"),
    "Transfer-Encoding beside Content-Length": (b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", "both"),
    "nonsense Content-Length beside Transfer-Encoding": (b"Transfer-Encoding: chunked\r\nContent-Length: x\r\n", "both"),
    "two Transfer-Encodings": (b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n", "more than one"),
    "chunked twice": (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "more than one"),
    "Transfer-Encoding gzip, chunked": (b"Transfer-Encoding: gzip, chunked\r\n", "chunked"),
    "Transfer-Encoding identity": (b"Transfer-Encoding: identity\r\n", "chunked"),
    "Transfer-Encoding xchunked": (b"Transfer-Encoding: xchunked\r\n", "chunked"),
    "Transfer-Encoding with a parameter": (b"Transfer-Encoding: chunked;q=1\r\n", "chunked"),
    "empty Transfer-Encoding": (b"Transfer-Encoding:\r\n", "chunked"),
    "Transfer-Encoding in quotes": (b'Transfer-Encoding: "chunked"\r\n', "chunked"),
    "blank before the colon": (b"Transfer-Encoding : chunked\r\n", "header name"),
    "folded header": (b"X-A: one\r\n two\r\n", "folded"),
    "folded Transfer-Encoding": (b"Transfer-Encoding:\r\n chunked\r\n", "folded"),
    "bare LF in the head": (b"X-A: one\nContent-Length: 3\r\n", "bare line feed"),
    "bare CR in a value": (b"X-A: one\rX-B: two\r\n", "control character"),
    "NUL in a value": (b"X-A: o\0ne\r\n", "control character"),
    "header without a name": (b": value\r\n", "no name"),
    "header without a colon": (b"nonsense\r\n", "no colon"),
    "second Host": (b"Host: y\r\n", "Host"),
    "second Host alike": (b"Host: x\r\n", "Host"),
}


@pytest.mark.parametrize("row", FRAMING, ids=lambda s: s.replace(" ", "-"))
def test_ambiguous_framing_is_refused(server, row):
    headers, says = FRAMING[row]
    refused(server, post(headers, b"3\r\nabc\r\n0\r\n\r\n" + SMUGGLED), 400, says)


HOSTS = {
    "no Host": (b"", "no Host"), "two names": (b"Host: a b\r\n", "Host is not"),
    "a list": (b"Host: a,b\r\n", "Host is not"), "a path": (b"Host: a/b\r\n", "Host is not"),
    "userinfo": (b"Host: u@a\r\n", "Host is not"), "a quote": (b'Host: "a"\r\n', "Host is not"),
    "a query": (b"Host: a?b\r\n", "Host is not"), "an open bracket": (b"Host: [::1\r\n", "Host is not"),
    "a port of letters": (b"Host: a:b\r\n", "Host is not"), "a port beyond 65535": (b"Host: a:65536\r\n", "Host is not"),
    "two colons": (b"Host: a:1:2\r\n", "Host is not"), "a port alone": (b"Host: :80\r\n", "Host is not"),
    "no address in brackets": (b"Host: [a]\r\n", "Host is not"), "a bad escape": (b"Host: a%2\r\n", "Host is not"),
}


@pytest.mark.parametrize("row", HOSTS, ids=lambda s: s.replace(" ", "-"))
def test_host_must_be_one_and_sane(server, row):
    host, says = HOSTS[row]
    refused(server, b"GET /health HTTP/1.1\r\n" + host + b"\r\n" + SMUGGLED, 400, says)


TARGETS = {
    "a name without a slash": b"health", "authority-form": b"x:80", "another scheme": b"ftp://x/health",
    "an absolute target without host": b"http:///health", "an absolute target with userinfo": b"http://u@x/health",
    "an asterisk": b"*", "a byte beyond ASCII": b"/\xe3\x81\x82", "an absolute target with an open bracket": b"http://[::1/",
    "a fragment in place of a path": b"http://x#y",
}


@pytest.mark.parametrize("row", TARGETS, ids=lambda s: s.replace(" ", "-"))
def test_malformed_targets_are_refused(server, row):
    refused(server, b"GET " + TARGETS[row] + b" HTTP/1.1\r\nHost: x\r\n\r\n" + SMUGGLED, 400, "target")


def test_connect_is_refused(server):
    refused(server, b"CONNECT x:80 HTTP/1.1\r\nHost: x:80\r\n\r\n", 405, "CONNECT")


@pytest.mark.parametrize("target,path", [(b"http://other.example/health", "/health"), (b"HTTP://other.example:81/health?a=b", "/health?a=b")])
def test_absolute_target_is_taken_and_its_authority_counts(server, target, path):
    agent = b"absolute-%d" % hash((target, path))
    data = b"GET " + target + b" HTTP/1.1\r\nHost: x\r\nUser-Agent: " + agent + b"\r\n\r\n"
    assert wire.send_raw(server, data)[0] == 200
    line = server.logged(lambda x: x["user_agent"] == agent.decode())
    assert line["path"] == path and line["authority"].startswith("other.example")


@pytest.mark.parametrize("host", [b"[::1]", b"[::1]:80", b"a:", b"a:80", b"127.0.0.1:5010", b"a%2Db_c.example", b" a \t"])
def test_hosts_in_every_form(server, host):
    assert wire.send_raw(server, b"GET /health HTTP/1.1\r\nHost: " + host + b"\r\n\r\n")[0] == 200


def test_absolute_target_without_a_path(server):
    for target, path in ((b"http://other.example?a=1", "/?a=1"), (b"http://other.example", "/")):
        agent = "no-path-%d" % len(path)
        data = b"GET " + target + b" HTTP/1.1\r\nHost: x\r\nUser-Agent: " + agent.encode() + b"\r\n\r\n"
        assert wire.send_raw(server, data)[2] == b'"Hello API Server!\\n"'
        line = server.logged(lambda x: x["user_agent"] == agent)
        assert (line["path"], line["authority"]) == (path, "other.example")


def test_empty_lines_before_a_request(server):
    request = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
    with wire.connect(server) as sock:
        for lines in (b"", b"\r\n", b"\r\n\r\n"):
            sock.sendall(lines + request)
            assert wire.read_answer(sock)[0] == 200
    refused(server, b"\r\n\r\n\r\n" + request, 400, "empty lines")
    refused(server, b"\n" + request, 400, "bare line feed")


@pytest.mark.parametrize("start", [b"GET / \n\n", b"GET /\r\n", b"\x16\x03\x01\x02\x00", b"GET / HTTP/1.1\n", b" GET"])
def test_what_cannot_become_a_request_is_refused_at_once(server, start):
    """Nothing follows, and the server does not wait for it: --request-timeout is 60 s here."""
    with wire.connect(server, timeout=10) as sock:
        sock.sendall(start)
        assert wire.read_answer(sock)[0] == 400


@pytest.mark.parametrize("value", [b"a", b" a", b"\ta\t ", b"   a   "])
def test_blanks_around_a_value_are_no_part_of_it(server, value):
    agent = b"blank-%d" % len(value)
    data = b"GET /health HTTP/1.1\r\nHost: x\r\nX-Request-Id:" + value + b"\r\nUser-Agent: " + agent + b"\r\n\r\n"
    status, fields, _ = wire.send_raw(server, data)
    assert (status, fields["x-request-id"]) == (200, "a")
    assert server.logged(lambda x: x["user_agent"] == agent.decode())["request_id"] == "a"


def test_http_10_gets_no_100_continue(server):
    picture = pictures.encode(pictures.disc())
    head = b"Content-Type: image/png\r\nExpect: 100-continue\r\nContent-Length: %d\r\n" % len(picture)
    assert wire.send_raw(server, post(head, picture, version=b"HTTP/1.0"))[0] == 200


@pytest.mark.parametrize("line", [b"GET /health\r\n", b"GET  /health HTTP/1.1\r\n", b"GET /health HTTP/2.0\r\n",
                                  b"GET /health HTTP/1.1 \r\n", b"GET /hea lth HTTP/1.1\r\n", b"/health\r\n",
                                  b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"PRI * HTTP/2.0\r\n"])
def test_malformed_request_lines_are_refused(server, line):
    refused(server, line + b"Host: x\r\n\r\n", 400, "")


def test_http_10_without_host_is_fine(server):
    status, fields, _ = wire.send_raw(server, b"GET /health HTTP/1.0\r\n\r\n")
    assert status == 200 and fields["connection"] == "close"


def test_http_10_is_answered_as_such(server):
    with wire.connect(server) as sock:
        sock.sendall(b"GET /health HTTP/1.0\r\n\r\n")
        assert sock.recv(4096).startswith(b"HTTP/1.0 200 OK\r\n") and wire.is_closed(sock)


def test_http_10_may_be_refused():
    from conftest import Server
    server = Server("headerroute-predict", "--http10", "refuse")
    status, fields, body = wire.send_raw(server, b"GET /health HTTP/1.0\r\n\r\n")
    assert (status, fields["connection"]) == (426, "close") and "HTTP/1.0" in json.loads(body)["detail"]
    assert wire.send_raw(server, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")[0] == 200
    server.stop()


def test_http_10_has_no_chunks(server):
    refused(server, post(b"Transfer-Encoding: chunked\r\n", b"0\r\n\r\n", version=b"HTTP/1.0"), 400, "HTTP/1.0")


def test_http_10_keeps_alive_only_if_asked(server):
    with wire.connect(server) as sock:
        for _ in range(2):
            sock.sendall(b"GET /health HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            status, fields, _ = wire.read_answer(sock)
            assert (status, fields["connection"]) == (200, "keep-alive")


# ---- size of the head ----

def test_too_many_headers(server):
    refused(server, b"GET /health HTTP/1.1\r\nHost: x\r\n" + b"X-A: b\r\n" * 100 + b"\r\n", 431, "too many")


def test_as_many_headers_as_allowed(server):
    assert wire.send_raw(server, b"GET /health HTTP/1.1\r\nHost: x\r\n" + b"X-A: b\r\n" * 99 + b"\r\n")[0] == 200


def test_too_large_a_head(server):
    refused(server, b"GET /health HTTP/1.1\r\nHost: x\r\nX-A: " + b"a" * 16384 + b"\r\n\r\n", 431, "too large")


def test_too_long_a_request_line_that_never_ends(server):
    refused(server, b"GET /" + b"a" * 20000, 431, "too large")


# ---- chunked bodies ----

def chunked(body, headers=b""):
    return post(b"Content-Type: image/png\r\nTransfer-Encoding: chunked\r\n" + headers, body)


CHUNKS = {
    "a size that is not a number": b"xyz\r\nabc\r\n0\r\n\r\n", "a size with a tail": b"3zz\r\nabc\r\n0\r\n\r\n",
    "an empty size": b"\r\nabc\r\n0\r\n\r\n", "a negative size": b"-3\r\nabc\r\n0\r\n\r\n",
    "a size with 0x": b"0x3\r\nabc\r\n0\r\n\r\n", "a size that overflows": b"10000000000000003\r\nabc\r\n0\r\n\r\n",
    "a blank before the size": b" 3\r\nabc\r\n0\r\n\r\n", "a blank after the size": b"3 \r\nabc\r\n0\r\n\r\n",
    "a bare LF after the size": b"3\nabc\r\n0\r\n\r\n", "a bare LF after the data": b"3\r\nabc\n0\r\n\r\n",
    "a bare CR after the size": b"3\rabc\r\n0\r\n\r\n", "data longer than the size": b"3\r\nabcd\r\n0\r\n\r\n",
    "a bare LF at the end": b"3\r\nabc\r\n0\r\n\n", "a malformed trailer": b"3\r\nabc\r\n0\r\nno colon\r\n\r\n",
    "a NUL in an extension": b"3;a=\0\r\nabc\r\n0\r\n\r\n", "an endless extension": b"3;" + b"a" * 5000 + b"\r\nabc\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("row", CHUNKS, ids=lambda s: s.replace(" ", "-"))
def test_bad_chunks_are_refused(server, row):
    refused(server, chunked(CHUNKS[row]), 400, "chunked body")


@pytest.mark.parametrize("row", ["a size with a tail", "data longer than the size", "a bare LF at the end"])
def test_bad_chunks_are_refused_byte_by_byte(server, row):
    with wire.connect(server) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(chunked(b""))
        try:
            for byte in CHUNKS[row]:
                time.sleep(0.01)
                sock.sendall(bytes([byte]))
        except (BrokenPipeError, ConnectionResetError):
            pass  # it was refused before the last byte
        assert wire.read_answer(sock)[0] == 400


def in_chunks(data, size=1000, extension=b"", trailer=b""):
    out = b"".join(b"%x" % len(data[i:i + size]) + extension + b"\r\n" + data[i:i + size] + b"\r\n"
                   for i in range(0, len(data), size))
    return out + b"0\r\n" + trailer + b"\r\n"


@pytest.mark.parametrize("extension,trailer", [(b"", b""), (b";a=b", b""), (b" \t;a=b", b""), (b"", b"X-T: v\r\n"), (b';q="x y"', b"A: b\r\nC: d\r\n")])
def test_good_chunks_are_read_and_what_follows_too(server, extension, trailer):
    picture = pictures.encode(pictures.disc())
    with wire.connect(server) as sock:
        sock.sendall(chunked(in_chunks(picture, 100, extension, trailer)) + SMUGGLED)
        status, _, body = wire.read_answer(sock)
        assert status == 200 and json.loads(body)["status"] == "ok"
        # This is not smuggling: the end of the first request is unambiguous.
        assert wire.read_answer(sock)[2] == b'{"health":"ok"}'


def test_chunks_in_uneven_parts(server):
    picture = pictures.encode(pictures.disc())
    data = chunked(in_chunks(picture, 777))
    with wire.connect(server) as sock:
        for i in range(0, len(data), 501):
            sock.sendall(data[i:i + 501])
            time.sleep(0.002)
        assert wire.read_answer(sock)[0] == 200


def test_several_chunked_uploads_at_a_time_stay_apart(server):
    bodies = [in_chunks(pictures.encode(pictures.disc(seed=s)), 300) for s in range(8)]
    socks = [wire.connect(server) for _ in bodies]
    for sock in socks:
        sock.sendall(chunked(b""))
    for i in range(0, max(map(len, bodies)), 400):
        for sock, body in zip(socks, bodies):
            if body[i:i + 400]:
                sock.sendall(body[i:i + 400])
    answers = [wire.read_answer(sock) for sock in socks]
    assert [a[0] for a in answers] == [200] * 8
    assert len({a[2] for a in answers}) == 8
    for sock in socks:
        sock.close()


def test_chunked_body_over_the_limit(server):
    refused(server, chunked(in_chunks(b"x" * (64 * 1024 + 1))), 413, "larger")


def test_chunked_body_of_just_the_limit(server):
    status, _, body = wire.send_raw(server, chunked(in_chunks(b"x" * (64 * 1024))))
    assert status == 422, body


def test_endless_chunked_body_is_refused_while_it_comes(server):
    with wire.connect(server) as sock:
        sock.sendall(chunked(b""))
        try:
            for _ in range(1000):
                sock.sendall(b"400\r\n" + b"x" * 1024 + b"\r\n")
        except (BrokenPipeError, ConnectionResetError):
            pass
        status, _, body = wire.read_answer(sock)
        assert status == 413, body


# ---- bodies ----

def test_too_long_a_body_gets_its_answer_although_it_is_never_read(server):
    """The client writes all of it before it reads: a reset must not swallow the answer."""
    with wire.connect(server) as sock:
        sock.sendall(post(b"Content-Length: 3000000\r\n"))
        for _ in range(30):
            sock.sendall(b"x" * 100000)
        status, fields, body = wire.read_answer(sock)
        assert status == 413 and json.loads(body)["status"] == "ng" and fields["connection"] == "close"


def test_expect_100_continue(server):
    picture = pictures.encode(pictures.disc())
    with wire.connect(server) as sock:
        sock.sendall(post(b"Content-Type: image/png\r\nExpect: 100-continue\r\nContent-Length: %d\r\n" % len(picture)))
        assert sock.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(picture)
        assert wire.read_answer(sock)[0] == 200


def test_expect_100_continue_is_refused_before_the_body_where_it_is_too_long(server):
    refused(server, post(b"Expect: 100-continue\r\nContent-Length: 3000000\r\n"), 413, "larger")


def test_other_expectations_fail(server):
    refused(server, post(b"Expect: the-spanish-inquisition\r\nContent-Length: 3\r\n", b"abc"), 417, "100-continue")


def test_pipelined_requests_are_answered_in_order(server):
    with wire.connect(server) as sock:
        sock.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n" * 3)
        bodies = [wire.read_answer(sock) for _ in range(6)]
        assert [b[2] for b in bodies] == [b'{"health":"ok"}', b'"Hello API Server!\\n"'] * 3


@pytest.mark.parametrize("fields,alive", [(b"", True), (b"Connection: keep-alive\r\n", True), (b"Connection: close\r\n", False),
                                          (b"Connection: close\r\nConnection: keep-alive\r\n", False),
                                          (b"Connection: x-thing\r\n", True), (b"Connection: Upgrade\r\nUpgrade: h2c\r\n", True)])
def test_connection_options_of_all_fields_count(server, fields, alive):
    with wire.connect(server) as sock:
        sock.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n" + fields + b"\r\n")
        status, answered, _ = wire.read_answer(sock)
        assert status == 200 and answered["connection"] == ("keep-alive" if alive else "close")


def test_refused_requests_are_logged_and_counted(server):
    before = server.metrics()["headerroute_http_refused_requests_total"]
    refused(server, post(b"Content-Length: 1\r\nContent-Length: 2\r\nUser-Agent: smuggler\r\n", b"ab"))
    line = server.logged(lambda x: x["user_agent"] == "smuggler")
    assert (line["response_code"], line["response_flags"], line["method"]) == (400, "DPE", "POST")
    assert server.metrics()["headerroute_http_refused_requests_total"] == before + 1


def mutate(random, data):
    data = bytearray(data)
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(data) + 1)
        kind = random.randrange(5)
        if kind == 0:
            data[at:at + 1] = bytes([random.randrange(256)])
        elif kind == 1:
            data[at:at] = random.choice([b"\r", b"\n", b"\r\n", b"\0", b" ", b":", b"\t", b"Host: y\r\n", b"\r\n\r\n", b"a" * 300])
        elif kind == 2:
            del data[at:at + random.randint(1, 30)]
        elif kind == 3:
            other = random.randrange(len(data) + 1)
            data[at:at] = data[other:other + random.randint(1, 60)]
        else:
            data[at:at] = random.choice([b"Content-Length: 7\r\n", b"Transfer-Encoding: chunked\r\n", b"Expect: 100-continue\r\n",
                                         b"Connection: close\r\n", b"0\r\n\r\n", b"ffffffff\r\n", b" folded\r\n"])
    return bytes(data)


def test_mutated_requests_do_no_harm(server):
    """Whatever comes, each connection gets whole answers or an end, and the server goes on."""
    import random as randoms
    random = randoms.Random(20261122)
    picture = pictures.encode(pictures.disc(24, 24))
    seeds = [b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n" * 2,
             post(b"Content-Type: image/png\r\nContent-Length: %d\r\n" % len(picture), picture),
             chunked(in_chunks(picture, 200, b";a=b", b"X: y\r\n")) + SMUGGLED,
             post(b"Expect: 100-continue\r\nContent-Length: 3\r\n", b"abc"),
             b"GET http://x/metadata?a=b HTTP/1.0\r\nAccept: */*;q=0.1\r\n\r\n"]
    answered = 0
    for turn in range(1500):
        data = mutate(random, random.choice(seeds))
        with wire.connect(server, 10) as sock:
            try:
                cut = random.randrange(len(data) + 1)
                sock.sendall(data[:cut])
                sock.sendall(data[cut:])
                sock.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            rest = b""
            try:
                while part := sock.recv(65536):
                    rest += part
            except ConnectionResetError:
                pass
            assert rest == b"" or rest.startswith((b"HTTP/1.1 ", b"HTTP/1.0 ")), (data, rest)
            answered += rest != b""
    assert answered > 700
    assert server.get("/health").status == 200
