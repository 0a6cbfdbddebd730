"""Requests that try to cost a server far more CPU time than their bytes are worth: each costs less than twenty times
what a plain request of the same size does. Bounds are ratios of CPU time, never wall time."""
import pytest
from harness import Server
from hostile import (HEAD, Peers, cost, cpu_seconds, frame, head_frames, hpack_head, http2_cost, large_head, request,
                     start_gateway)
from mesh import gateway, routes, service, to
from peers import Peer, answer

MOST = 20
PATH = "/echo"

EXACT = [{"match": [{"uri": {"exact": f"/rule{i}"}}]} for i in range(2000)]
QUERY = [{"match": [{"queryParams": {f"k{i}": {"exact": "v"}}}]} for i in range(2000)]
TEXTS = [{"match": [{"headers": {"x-many": {"regex": f".*x{i}[a-w].*"}}}]} for i in range(1000, 3000)]
REGEX = [{"match": [{"headers": {"x-many": {"regex": f"a.*b{i}"}}}]} for i in range(100)]


def lines(name, n):
    value = "v" * (HEAD // n - len(name) - 4)
    return "".join(f"{name}: {value}\r\n" for _ in range(n))


def plain_of(fields):
    return request(PATH, fields=f"x-large: {'v' * len(fields)}\r\n")


def chunked(body):
    return request(PATH, "POST", "Transfer-Encoding: chunked\r\n", body + b"0\r\n\r\n")


def of_length(n):
    return request(PATH, "POST", f"Content-Length: {n}\r\n", b"x" * n)


SMALL = "".join(f"h{i}: 1\r\n" for i in range(90))
PARAMETERS = "&".join(f"p{i}=v" for i in range(10000))[:HEAD]

ALL_TEXTS = "".join(f"x{i}" for i in range(1000, 3000)) * (HEAD // 10000)
# Each regex is run on the one line that has its text.
SHORT_LINES = "".join("x-many: " + "".join(f"x{i}" for i in range(n, min(n + 199, 3000))).ljust(1000, "-") + "\r\n"
                      for n in range(1000, 3000, 199))
SOME_TEXTS = "".join(f"x{i}" for i in range(1000, 1002)).ljust(HEAD, "-")

# name: (rules, the request, a plain one of its size)
ROWS = {
    "64 commas in Connection": ((), request(PATH, fields=f"Connection: {(',' + ' ' * (HEAD // 64 - 1)) * 64}\r\n{SMALL}"),
                                large_head(PATH)),
    "an empty list in Connection": ((), request(PATH, fields=f"Connection: {',' * HEAD}\r\n{SMALL}"), large_head(PATH)),
    "nine long names in Connection": ((), request(PATH, fields=f"Connection: {','.join(['t' * (HEAD // 9 - 1)] * 9)}\r\n{SMALL}"),
                                      large_head(PATH)),
    "repeats against regex rules": (REGEX, request(PATH, fields=lines("x-many", 90)), large_head(PATH)),
    "the texts of all regex rules": (TEXTS, request(PATH, fields=f"x-many: {ALL_TEXTS}\r\n"), large_head(PATH)),
    "the texts of as many regex rules as are run": (TEXTS, request(PATH, fields=f"x-many: {SOME_TEXTS}\r\n"), large_head(PATH)),
    "the texts of all regex rules in lines of 1 KiB": (TEXTS, request(PATH, fields=SHORT_LINES), plain_of(SHORT_LINES)),
    "the same lines five times": (TEXTS, request(PATH, fields=SHORT_LINES * 5), plain_of(SHORT_LINES * 5)),
    "repeats of a joined header": ((), request(PATH, fields=lines("accept", 90)), large_head(PATH)),
    "query against rules": (QUERY, request(f"{PATH}?{PARAMETERS}"), large_head(PATH)),
    "query of one parameter": (QUERY, request(f"{PATH}?{'&' * HEAD}"), large_head(PATH)),
    "path against rules": (EXACT, request("/rule" + "1" * HEAD), large_head(PATH)),
    "path of dots": ((), request("/" + "./a/../" * (HEAD // 7)), large_head(PATH)),
    "many headers": ((), request(PATH, fields=SMALL), plain_of(SMALL)),
    "many large headers": ((), request(PATH, fields="".join(f"h{i}: {'v' * 600}\r\n" for i in range(90))), large_head(PATH)),
    "one-byte chunks": ((), chunked(b"1\r\nx\r\n" * 10000), of_length(60000)),
    "chunk extensions": ((), chunked((b"1;" + b"e" * 1000 + b"\r\nx\r\n") * 60), of_length(60000)),
}


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if not row[0]])
def test_requests_to_the_proxy(peers, name):
    _, hostile, plain = ROWS[name]
    with Server("headerroute-proxy", "--predict-server-url", peers.echo.url, "--threads", "1") as proxy:
        # Of its paths, a proxy relays those below /v2.
        costs, ordinary = (cost(proxy, data.replace(b" /", b" /v2/", 1))[1] for data in (hostile, plain))
        print(f"{costs * 1e6:.0f} us, {costs / ordinary:.1f} times a plain one", end=" ")
        assert costs < MOST * ordinary


LITERALS = hpack_head(*[(f"x-{i}", "v" * 600) for i in range(90)])
# A field of 4 KB in the table, and one byte for each time that it is meant.
IN_THE_TABLE = b"\x40\x03x-a\x7f\xa1\x1e" + b"v" * 4000
UPLOAD = hpack_head(method="POST")
BYTES = [b'"'] + [b"a"] * 9998 + [b'"']
FRAMES = {
    "a head that unfolds": ((), head_frames(hpack_head() + IN_THE_TABLE + b"\xbe" * 50000), head_frames(LITERALS)),
    "a head that unfolds behind one that is refused": (
        (), head_frames(hpack_head(("connection", "a")) + IN_THE_TABLE + b"\xbe" * 50000), head_frames(LITERALS)),
    "content in frames of a byte": (
        (), head_frames(UPLOAD, False) + b"".join(frame(0, i == 9999, 1, b) for i, b in enumerate(BYTES)),
        head_frames(UPLOAD, False) + b"".join(frame(0, i == 9, 1, b"a" * 10000) for i in range(10))),
    "JSON in frames of a byte": (
        ("--body-header", "x-model=$.model"),
        head_frames(UPLOAD, False) + b"".join(frame(0, i == 9999, 1, b) for i, b in enumerate(BYTES)),
        head_frames(UPLOAD, False) + b"".join(frame(0, i == 9, 1, b"a" * 10000) for i in range(10))),
}


@pytest.fixture(scope="module")
def peers():
    with Peers() as peers:
        yield peers


@pytest.mark.parametrize("name", ROWS)
def test_requests(tmp_path, peers, name):
    rules, hostile, plain = ROWS[name]
    with start_gateway(tmp_path, peers, "--threads", "1", rules=rules) as gw:
        status, costs = cost(gw, hostile)
        ordinary = cost(gw, plain)[1]
        print(f"{status}: {costs * 1e6:.0f} us, {costs / ordinary:.1f} times a plain one", end=" ")
        assert costs < MOST * ordinary


@pytest.mark.parametrize("name", FRAMES)
def test_frames(tmp_path, peers, name):
    args, hostile, plain = FRAMES[name]
    with start_gateway(tmp_path, peers, "--threads", "1", *args) as gw:
        costs, ordinary = http2_cost(gw, hostile), http2_cost(gw, plain)
        print(f"{costs * 1e6:.0f} us, {costs / ordinary:.1f} times a plain one", end=" ")
        assert costs < MOST * ordinary


def predict_request(path, fields, body=b""):
    head = f"POST {path} HTTP/1.1\r\nHost: test\r\nContent-Type: image/png\r\nContent-Length: {len(body)}\r\n".encode()
    return head + fields + b"\r\n" + body


@pytest.mark.parametrize("hostile", [b"Accept: " + b"," * HEAD, b"Accept: " + b"a/b," * (HEAD // 4), b"User-Agent: " + b"\xff" * HEAD],
                         ids=["commas in Accept", "types in Accept", "bytes that are not UTF-8, logged"])
def test_requests_to_predict(hostile):
    with Server("headerroute-predict", "--threads", "1") as server:
        costs = cost(server, predict_request("/predict", hostile + b"\r\n", b"x" * 100))[1]
        ordinary = cost(server, predict_request("/predict", b"X-A: " + b"v" * HEAD + b"\r\n", b"x" * 100))[1]
        print(f"{costs * 1e6:.0f} us, {costs / ordinary:.1f} times a plain one", end=" ")
        assert costs < MOST * ordinary


def test_pipelined_requests(tmp_path, peers):
    one, n = request(PATH), 1000  # 38 KB of them
    with start_gateway(tmp_path, peers, "--threads", "1") as gw, gw.client() as client:
        ordinary = cost(gw, one)[1]
        began = cpu_seconds(gw.process.pid)
        for _ in range(3):
            client.send(one * n)
            for _ in range(n):
                assert client.answer().status == 200
        ratio = (cpu_seconds(gw.process.pid) - began) / (3 * n) / ordinary
        print(f"{ratio:.1f} times a plain one", end=" ")
        assert ratio < MOST


@pytest.mark.parametrize("fields", [[("Via", "v" * 500)] * 110, [(f"h{i}", "v" * 500) for i in range(110)],
                                    [("Set-Cookie", "v" * 500)] * 110, [("Connection", ",".join(["t" * 6000] * 9))]],
                         ids=["Via", "many", "Set-Cookie", "Connection"])
def test_answers(tmp_path, fields):
    """Upstream servers are not trusted either."""

    def behave(connection, got):
        connection.send(answer(headers=fields if got.target == "/hostile" else [("x-large", "v" * 56000)]))
        return True
    with Peer(behave) as peer, gateway(tmp_path, service("a.test", peer), routes({"route": [to("a.test")]}),
                                       args=["--threads", "1"]) as gw:
        status, costs = cost(gw, request("/hostile"))
        ordinary = cost(gw, request("/plain"))[1]
        print(f"{status}: {costs * 1e6:.0f} us, {costs / ordinary:.1f} times a plain one", end=" ")
        assert status == 200 and costs < MOST * ordinary
