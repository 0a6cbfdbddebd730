"""What every server has in common: flags, listening, limits of connections and of patience, drain, access log,
metrics. Shown with headerroute-predict."""
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

import pictures
import wire
from conftest import PATIENCE, Server, run_program, wait_until

PNG = {"content-type": "image/png"}
PROGRAM = "headerroute-predict"


# ---- flags ----

def test_help_names_every_flag_with_its_variable():
    code, out, err = run_program(PROGRAM, "--help")
    assert (code, err) == (0, "")
    for flag in ("listen", "name", "threads", "drain-seconds", "log-level", "max-connections", "max-body-bytes",
                 "iterations", "rect", "engine", "queue", "deadline", "max-pixels"):
        assert f"--{flag}" in out and "HR_" + flag.upper().replace("-", "_") in out
    assert "GRAB_CUT_ITERS" in out and "POD_NAME" in out and "--version" in out and "--help" in out


def test_help_even_beside_nonsense():
    assert run_program(PROGRAM, "--nonsense", "--help")[0] == 0


def test_version():
    code, out, _ = run_program(PROGRAM, "--version")
    assert code == 0 and re.fullmatch(r"headerroute-predict \d+\.\d+\.\d+\n", out)


@pytest.mark.parametrize("flags,says", [
    (("--nonsense",), "unknown flag '--nonsense'"), (("-q",), "unknown flag '-q'"), (("file",), "unexpected argument 'file'"),
    (("--listen",), "--listen needs a value: ADDR:PORT"), (("--threads", "0"), "--threads: 0 is out of range"),
    (("--threads", "two"), "'two' is not a whole number"), (("--threads=9999",), "out of range"),
    (("--max-body-bytes", "1X"), "'1X' is not a number of bytes"), (("--drain-seconds", "soon"), "'soon' is not a number of seconds"),
    (("--log-level", "loud"), "'loud' is not one of debug, info, warn, error"), (("--name", "a b"), "'a b' is not a name"),
    (("--name", ""), "is not a name")])
def test_bad_flags_are_one_line_and_exit_2(flags, says):
    code, out, err = run_program(PROGRAM, *flags)
    assert (code, out) == (2, "") and err.count("\n") == 1
    assert err.startswith(PROGRAM + ": ") and says in err


@pytest.mark.parametrize("address", ["5010", "localhost:5010", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:70000",
                                     "1.2.3:80", "[::1]", "::1:80", "127.0.0.1:-1", "127.0.0.1:80x", ":80"])
def test_bad_addresses_are_one_line_and_exit_2(address):
    code, out, err = run_program(PROGRAM, "--listen", address)
    assert (code, out) == (2, "") and err.count("\n") == 1 and "is not an address and port" in err


def test_environment_twins(start):
    server = start(PROGRAM, env={"HR_NAME": "from-twin", "POD_NAME": "from-pod", "HR_QUEUE": "7"})
    about = server.get("/metadata").json()
    assert about["name"] == "from-twin" and about["limits"]["queue"] == 7


def test_name_is_the_pods_else_the_hosts(start):
    assert start(PROGRAM, env={"POD_NAME": "pod-7"}).get("/").header("via") == "1.1 pod-7"
    assert start(PROGRAM).get("/").header("via") == "1.1 " + socket.gethostname()


def test_listen_of_the_environment_is_replaced_by_the_flag():
    server = Server(PROGRAM, env={"HR_LISTEN": "127.0.0.1:1,127.0.0.1:2"})
    assert len(server.addresses) == 1 and server.address[1] > 2
    server.stop()


def test_threads_follow_the_affinity_mask(start):
    server = start(PROGRAM, command=("taskset", "-c", str(min(os.sched_getaffinity(0)))))
    assert any("with 1 threads" in line for line in server.err)
    assert server.get("/metadata").json()["limits"]["workers"] == 1


# ---- listening ----

def test_several_addresses(start):
    server = start(PROGRAM, listen=("127.0.0.1:0", "127.0.0.2:0", "[::1]:0") if os.path.exists("/proc/net/if_inet6")
                   and "00000000000000000000000000000001" in open("/proc/net/if_inet6").read() else ("127.0.0.1:0", "127.0.0.2:0"))
    for address in server.addresses:
        with socket.create_connection(address, timeout=PATIENCE) as sock:
            sock.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            assert wire.read_answer(sock)[0] == 200


def test_port_in_use_by_a_second_copy_is_one_line_and_exit_1(start):
    server = start(PROGRAM)
    address = "%s:%d" % server.address
    code, out, err = run_program(PROGRAM, "--listen", address)
    assert (code, out) == (1, "")
    assert err == f"{PROGRAM}: cannot listen on {address}: Address already in use\n"
    assert server.get("/health").status == 200


def test_port_in_use_by_another_program_is_one_line_and_exit_1():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        code, _, err = run_program(PROGRAM, "--listen", "127.0.0.1:%d" % other.getsockname()[1])
        assert code == 1 and err.count("\n") == 1 and "Address already in use" in err


def test_address_that_is_not_ours_is_exit_1():
    code, _, err = run_program(PROGRAM, "--listen", "192.0.2.1:5010")
    assert code == 1 and err.count("\n") == 1 and "cannot listen on 192.0.2.1:5010" in err


def test_restart_on_the_same_port_at_once(start):
    first = start(PROGRAM)
    address = "%s:%d" % first.address
    first.post("/predict", pictures.encode(pictures.disc()), PNG)
    first.stop()
    again = start(PROGRAM, listen=(address,))
    assert again.get("/health").status == 200


def test_check_asks_the_running_server(start):
    server = start(PROGRAM)
    address = "%s:%d" % server.address
    assert run_program(PROGRAM, "--check", "--listen", address) == (0, "", "")
    server.stop()
    code, out, err = run_program(PROGRAM, "--check", "--listen", address)
    assert (code, out) == (1, "") and err.count("\n") == 1 and "is not ready" in err


# ---- connections ----

def test_connections_beyond_the_limit_wait_for_their_turn(start):
    server = start(PROGRAM, "--threads", 1, "--max-connections", 4)
    wait_until(lambda: server.metrics()["headerroute_http_connections"] == 1, "earlier connections are gone")
    holders = [wire.connect(server) for _ in range(4)]
    for sock in holders:
        sock.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert wire.read_answer(sock)[0] == 200
    late = wire.connect(server)
    late.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
    late.settimeout(0.5)
    with pytest.raises(TimeoutError):
        late.recv(1)
    holders[0].close()
    late.settimeout(PATIENCE)
    assert wire.read_answer(late)[0] == 200
    for sock in holders + [late]:
        sock.close()


def test_idle_connection_is_closed(start):
    server = start(PROGRAM, "--idle-timeout", 0.5)
    with wire.connect(server, PATIENCE) as silent, wire.connect(server, PATIENCE) as used:
        used.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert wire.read_answer(used)[0] == 200
        assert wire.is_closed(silent, PATIENCE) and wire.is_closed(used, PATIENCE)


def test_idle_connections_outlast_the_time_of_a_request(start):
    """Balancers of clouds keep theirs for minutes; --idle-timeout is 1 h unless it is given."""
    server = start(PROGRAM, "--request-timeout", 0.2)
    with wire.connect(server, PATIENCE) as used, wire.connect(server, PATIENCE) as cut:
        used.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert wire.read_answer(used)[0] == 200
        cut.sendall(b"GET")
        assert wire.is_closed(cut, PATIENCE), "a request that was begun is not idle"
        used.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert wire.read_answer(used)[0] == 200


def test_slow_head_is_cut_off_although_it_goes_on_dripping(start):
    server = start(PROGRAM, "--request-timeout", 0.5)
    with wire.connect(server) as sock:
        sock.sendall(b"GET /health HTTP/1.1\r\n")

        def dripped_to_the_end():
            try:
                sock.sendall(b"X-A: b\r\n")
            except (BrokenPipeError, ConnectionResetError):
                return True
            sock.settimeout(0.1)
            try:
                return sock.recv(1) == b""
            except TimeoutError:
                return False
            except ConnectionResetError:
                return True
        wait_until(dripped_to_the_end, "the slow sender is disconnected")


def test_slow_body_is_cut_off_although_it_goes_on_dripping(start):
    server = start(PROGRAM, "--request-timeout", 1)
    with wire.connect(server) as sock:
        sock.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nUser-Agent: drip\r\nContent-Length: 100000\r\n\r\n")

        def dripped_to_the_end():
            try:
                sock.sendall(b"x")
                time.sleep(0.1)
                return False
            except (BrokenPipeError, ConnectionResetError):
                return True
        wait_until(dripped_to_the_end, "the slow sender is disconnected")
    line = server.logged(lambda x: x["user_agent"] == "drip")
    assert (line["response_code"], line["response_flags"]) == (0, "DC")


def ask_and_do_not_read(server, body, agent):
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(server.address)
    sock.sendall(b"POST /predict?output=rgba HTTP/1.1\r\nHost: x\r\nAccept: image/png\r\nContent-Type: image/png\r\n"
                 b"User-Agent: %s\r\nContent-Length: %d\r\n\r\n" % (agent, len(body)) + body)
    return sock


def noise(side=400):
    import numpy
    return pictures.encode(numpy.random.RandomState(1).randint(0, 256, (side, side, 3)).astype(numpy.uint8))


@pytest.fixture(scope="module")
def noisy_picture():
    """A picture whose answer is too large for the kernel's buffers."""
    return noise(400)


def test_stalled_reader_is_cut_off(start, noisy_picture):
    server = start(PROGRAM, "--stall-timeout", 1, "--iterations", 1, "--png-level", 0)
    sock = ask_and_do_not_read(server, noisy_picture, b"stalled")
    line = server.logged(lambda x: x["user_agent"] == "stalled")
    assert line["response_flags"] == "DC"
    wait_until(lambda: server.metrics()["headerroute_http_connections"] == 1, "the stalled connection is gone")
    sock.close()


def test_answers_that_nobody_takes_have_a_budget(start, noisy_picture):
    server = start(PROGRAM, "--stall-timeout", 30, "--iterations", 1, "--png-level", 0,
                   "--answer-memory", "1M")
    sock = ask_and_do_not_read(server, noisy_picture, b"holder")
    wait_until(lambda: server.metrics()["headerroute_answer_memory_bytes"] > 500000, "an answer is being held")
    answer = server.post("/predict?output=rgba", noisy_picture, {**PNG, "accept": "image/png"})
    assert answer.status == 503 and int(answer.header("retry-after")) >= 1
    assert "slow" in answer.json()["detail"]
    sock.close()
    wait_until(lambda: server.metrics()["headerroute_answer_memory_bytes"] == 0, "the answer is let go")
    assert server.post("/predict?output=rgba", noisy_picture, {**PNG, "accept": "image/png"}).status == 200


def test_uploads_have_a_budget(start):
    server = start(PROGRAM, "--max-body-bytes", "1M", "--max-upload-bytes", "2M")
    holders = [wire.connect(server) for _ in range(2)]
    for sock in holders:
        sock.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 999999)
    wait_until(lambda: server.metrics()["headerroute_upload_memory_bytes"] >= 2000000, "both uploads are under way")
    answer = server.post("/predict", b"x" * 200000, PNG)
    assert answer.status == 503 and answer.header("retry-after") == "1" and "uploaded" in answer.json()["detail"]
    assert server.post("/predict", b"x" * 20000, PNG).status == 422
    status, fields, _ = wire.send_raw(server, b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                                      + b"10000\r\n" + b"x" * 65536 + b"\r\n" + b"10000\r\n" + b"x" * 65536 + b"\r\n0\r\n\r\n")
    assert (status, fields["retry-after"]) == (503, "1")
    for sock in holders:
        sock.close()
    wait_until(lambda: server.metrics()["headerroute_upload_memory_bytes"] == 0, "the uploads are let go")
    assert server.post("/predict", b"x" * 200000, PNG).status == 422


# ---- drain ----

def slow_server(start, *flags):
    """One worker, and a picture that keeps it busy until its client leaves."""
    return start(PROGRAM, "--workers", 1, "--iterations", 1000, "--deadline", 600, *flags)


def begin(server, path="/predict", size=480):
    body = pictures.encode(pictures.disc(size, size))
    connection = server.connect(timeout=PATIENCE * 3)
    connection.request("POST", path, body, PNG)
    return connection


def running(server):
    return server.metrics()["headerroute_jobs_running"]


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_drain_of_an_idle_server_closes_its_connections_after_the_grace(start, sig):
    server = start(PROGRAM, "--drain-seconds", 300, "--idle-timeout", 300)
    with wire.connect(server) as idle:
        idle.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert wire.read_answer(idle)[0] == 200
        server.terminate(sig)
        assert server.wait() == 0
        assert wire.is_closed(idle)


def test_drain_finishes_what_runs_and_refuses_what_comes(start):
    server = start(PROGRAM, "--workers", 1, "--iterations", 60, "--drain-seconds", 120)
    busy, other = begin(server), server.connect()
    wait_until(lambda: running(server) == 1, "the picture is being worked on")
    other.request("GET", "/ready")
    assert other.getresponse().read() == b'{"ready":"ok"}'
    held = wire.connect(server)  # a request under way when the signal comes
    held.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 3\r\n\r\n")
    half = wire.connect(server)
    half.sendall(b"GET /ready HTTP/1.1\r\nHost: x\r\n")
    wait_until(lambda: server.metrics()["headerroute_http_connections"] == 5, "all are connected")
    server.terminate()
    wait_until(lambda: any("draining" in line for line in server.err), "the drain begins")

    def refuses():
        try:
            socket.create_connection(server.address, timeout=1).close()
        except ConnectionRefusedError:
            return True
    wait_until(refuses, "new connections are refused")
    held.sendall(b"abc")
    status, fields, body = wire.read_answer(held)
    assert status == 503 and int(fields["retry-after"]) >= 1 and fields["connection"] == "close"
    assert "shutting down" in json.loads(body)["detail"]
    half.sendall(b"\r\n")
    assert wire.read_answer(half)[0] == 503  # not ready any more
    answer = busy.getresponse()
    assert answer.status == 200 and answer.getheader("connection") == "close"
    answer.read()
    assert server.wait(PATIENCE * 3) == 0


def test_drain_gives_up_after_its_time_and_still_answers(start):
    server = slow_server(start, "--drain-seconds", 0.5)
    busy, queued = begin(server), begin(server)
    wait_until(lambda: running(server) == 1 and server.metrics()["headerroute_jobs_queued"] == 1, "one runs, one waits")
    server.terminate()
    for connection in (busy, queued):
        answer = connection.getresponse()
        assert answer.status == 503 and int(answer.getheader("retry-after")) >= 1
        assert "shutting down" in json.loads(answer.read())["detail"]
    assert server.wait() == 0


def test_second_signal_changes_nothing(start):
    server = start(PROGRAM, "--workers", 1, "--iterations", 60, "--drain-seconds", 3600, "--deadline", 3600)
    busy = begin(server)
    wait_until(lambda: running(server) == 1, "the picture is being worked on")
    server.terminate()
    server.terminate(signal.SIGINT)
    assert busy.getresponse().status == 200
    assert server.wait() == 0


# ---- access log ----

def test_access_log_line(start):
    server = start(PROGRAM, "--name", "logger")
    body = pictures.encode(pictures.disc())
    server.post("/predict?job_id=0a1b2c&seed=%31", body, {
        **PNG, "x-request-id": "id-1", "user-agent": "tester \"quoted\"", "host": "predict.example:80", "x-forwarded-for": "192.0.2.9",
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"})
    line = server.logged(lambda x: x["request_id"] == "id-1")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["start_time"])
    expected = {"method": "POST", "path": "/predict?job_id=0a1b2c&seed=%31", "protocol": "HTTP/1.1", "response_code": 200,
                "response_flags": "-", "bytes_received": len(body), "authority": "predict.example:80", "job_id": "0a1b2c",
                "user_agent": 'tester "quoted"', "x_forwarded_for": "192.0.2.9", "name": "logger",
                "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "span_id": "00f067aa0ba902b7", "upstream_host": None}
    assert {k: line[k] for k in expected} == expected
    assert line["bytes_sent"] > 100 and line["duration"] > 0 and line["downstream_remote_address"].startswith("127.0.0.1:")


def test_access_log_is_json_whatever_is_sent(start):
    server = start(PROGRAM)
    wire.send_raw(server, b"GET /\"\\ HTTP/1.1\r\nHost: x\r\nUser-Agent: \xe3\x81\x82\xc3\x28\xf0\x9f\x98\x80\x1b\x7f\r\n\r\n")
    wire.send_raw(server, b"GET /\"\\ HTTP/1.1\r\nHost: x\r\nUser-Agent: \xe3\x81\x82\xc3\x28\xf0\x9f\x98\x80\r\n\r\n")
    line = server.logged(lambda x: (x["user_agent"] or "").startswith("\u3042"))
    assert line["user_agent"] == "\u3042\ufffd(\U0001F600" and line["path"] == "/\"\\"


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def test_log_level_warn_leaves_access_log_and_news_out(start):
    port = free_port()
    server = start(PROGRAM, "--log-level", "warn", listen=(f"127.0.0.1:{port}",), ready=False)
    server.addresses = [("127.0.0.1", port)]

    def answers():
        try:
            return server.get("/ready").status == 200
        except ConnectionRefusedError:
            return False
    wait_until(answers, "the server is ready")
    server.stop()
    assert server.out == [] and server.err == []


def test_nobody_reading_the_log_does_not_stop_the_server():
    """The reader of stdout stops reading: the pipe fills up, lines are dropped and counted, requests are served."""
    read_end, write_end = os.pipe()
    from conftest import SANITIZER_ENV, binary
    process = subprocess.Popen([binary(PROGRAM), "--listen", "127.0.0.1:0"], stdout=write_end, stderr=subprocess.PIPE,
                               env={**os.environ, **SANITIZER_ENV})
    os.close(write_end)
    try:
        line = process.stderr.readline().decode()
        host, port = re.search(r"listens on (\S+):(\d+) ", line).groups()

        def dropped():
            with socket.create_connection((host, int(port)), timeout=PATIENCE) as sock:
                for _ in range(50):
                    sock.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nUser-Agent: %s\r\n\r\n" % (b"a" * 8000))
                    assert wire.read_answer(sock)[0] == 200
                sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
                text = wire.read_answer(sock)[2].decode()
            return int(re.search(r"^headerroute_log_lines_dropped_total (\d+)$", text, re.M)[1]) > 0
        wait_until(dropped, "lines are dropped")
    finally:
        drain = threading.Thread(target=lambda: [None for _ in iter(lambda: os.read(read_end, 65536), b"")])
        drain.start()
        process.terminate()
        assert process.wait(PATIENCE) == 0
        drain.join()
        os.close(read_end)
        process.stderr.close()


# ---- metrics ----

def test_metrics_count(start):
    server = start(PROGRAM, "--iterations", 1)
    body = pictures.encode(pictures.disc())
    for _ in range(3):
        assert server.post("/predict", body, PNG).status == 200
    server.post("/predict", b"x", PNG)
    m = wait_until(lambda: (lambda m: m if m.get('headerroute_http_requests_total{code="422",method="POST"}') == 1
                    and m.get('headerroute_http_requests_total{code="200",method="POST"}') == 3 else None)(server.metrics()),
                   "all are counted")
    assert m["headerroute_http_request_body_bytes_total"] == 3 * len(body) + 1
    assert m["headerroute_jobs_done_total"] == 4
    assert m['headerroute_predict_phase_seconds_count{phase="segment"}'] == 3
    assert m['headerroute_predict_phase_seconds_bucket{phase="segment",le="+Inf"}'] == 3
    assert m["headerroute_predict_picture_pixels_count"] == 3
    assert m["headerroute_jobs_queued"] == m["headerroute_jobs_running"] == m["headerroute_work_memory_bytes"] == 0


def test_metrics_are_well_formed(start):
    """What Prometheus' conventions ask for: HELP and TYPE before the samples, base units, _total for counters."""
    server = start(PROGRAM)
    server.get("/nothing")
    answer = server.get("/metrics")
    assert answer.header("content-type") == "text/plain; version=0.0.4; charset=utf-8"
    kinds, seen = {}, set()
    for line in answer.body.decode().splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in kinds
            kinds[name] = kind
        elif not line.startswith("#"):
            sample = re.match(r'([a-z_]+)(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? (\S+)$', line)
            assert sample, line
            float(sample[4])
            name = sample[1] if sample[1] in kinds else re.sub(r"_(bucket|sum|count)$", "", sample[1])
            assert name in kinds and name.startswith("headerroute_")
            assert line.rpartition(" ")[0] not in seen, line
            seen.add(line.rpartition(" ")[0])
            assert kinds[name] != "counter" or name.endswith("_total")
            assert kinds[name] == "counter" or not name.endswith("_total")
    assert "headerroute_build_info" in kinds


def test_promtool_finds_nothing_to_improve(start):
    """Debian's prometheus package brings the linter of the conventions."""
    promtool = "/usr/bin/promtool"
    if not os.path.exists(promtool):
        if os.environ.get("CI") == "true":
            pytest.fail("promtool is missing: install Debian's prometheus package")
        pytest.skip("promtool is not installed (Debian's prometheus package)")
    text = start(PROGRAM).get("/metrics").body
    done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, timeout=60)
    assert done.returncode == 0 and not done.stderr, done.stderr.decode()
