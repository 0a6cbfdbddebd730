"""headerroute-request against a server whose answers the test chooses."""
import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import pytest
from client_support import BUILD, ROOT
from fake_server import png_of
from PIL import Image

NAMES = ["a.jpg", "b.PNG", "c.webp", "d.bmp"]


def busy(seconds):
    """An on_post that sends the first request away for a while."""
    def on_post(handler, number, body):
        if number == 0:
            handler.answer(503, {"status": "ng", "detail": "queue full"}, {"Retry-After": str(seconds)})
            return True
        return False
    return on_post


# ---- what is sent and saved ----

def test_version_is_that_of_the_other_commands(client, tmp_path):
    done = client("--version")
    program = subprocess.run([f"{BUILD}/bin/headerroute", "--version"], check=True, capture_output=True, text=True)
    assert (done.returncode, done.stderr_text) == (0, "")
    assert done.stdout_text == program.stdout.replace("headerroute ", "headerroute-request ")
    # Outside of a checkout, and installed there.
    shutil.copytree(f"{ROOT}/services/request/headerroute_request", tmp_path / "headerroute_request")
    (tmp_path / "headerroute-9.8.7.dist-info").mkdir()
    (tmp_path / "headerroute-9.8.7.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: headerroute\nVersion: 9.8.7\n")
    installed = subprocess.run([sys.executable, "-m", "headerroute_request", "--version"], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert installed.stdout == "headerroute-request 9.8.7\n"


def test_every_picture_is_posted_with_the_header(server, client, photos):
    done = client("--headers_target_value", "condition1")
    assert (done.returncode, done.stdout_text.splitlines()[-1]) == (0, "4 ok, 0 failed")
    assert [path for path, _, _ in server.posted] == ["/predict"] * 4
    assert all(headers["target"] == "condition1" for _, headers, _ in server.posted)
    sent = [base64.b64decode(json.loads(body)["image"]) for _, _, body in server.posted]
    assert sent == [(photos / name).read_bytes() for name in NAMES]


def test_results_keep_name_and_format(client, photos):
    assert client().returncode == 0
    assert sorted(os.listdir(client.out)) == NAMES
    for name, kind in zip(NAMES, ("JPEG", "PNG", "WEBP", "BMP")):
        with Image.open(client.out / name) as saved, Image.open(photos / name) as original:
            assert (saved.format, saved.size) == (kind, original.size)


def test_png_is_saved_as_the_server_sent_it(client, photos):
    client()
    assert (client.out / "b.PNG").read_bytes() == png_of((photos / "b.PNG").read_bytes())


def test_saved_files_follow_the_umask(client):
    client()
    mask = os.umask(0)
    os.umask(mask)
    assert (client.out / "a.jpg").stat().st_mode & 0o777 == 0o666 & ~mask


def test_without_the_flag_no_header_is_sent(server, client):
    client()
    assert not any("target" in headers for _, headers, _ in server.posted)


def test_header_name_can_be_chosen_and_value_is_utf8(server, client):
    client("--header-name", "x-domain", "--headers_target_value", "日本")
    raw = server.posted[0][1]["x-domain"]  # the server's parser reads latin-1
    assert raw.encode("latin-1").decode("utf-8") == "日本"


def test_health_and_metadata_are_asked_first_with_the_same_header(server, client):
    client("--headers_target_value", "condition1")
    assert [path for path, _ in server.asked] == ["/health", "/metadata"]
    assert all(headers["target"] == "condition1" for _, headers in server.asked)


def test_raw_sends_and_receives_pictures(server, client, photos):
    assert client("--raw").returncode == 0
    _, headers, body = server.posted[0]
    assert (headers["Content-Type"], headers["Accept"]) == ("image/jpeg", "image/png")
    assert body == (photos / "a.jpg").read_bytes()


def test_rect_goes_into_the_query(server, client):
    client("--rect", "1,2,3,4")
    assert server.posted[0][0] == "/predict?rect=1%2C2%2C3%2C4"


def test_report_has_a_line_a_picture(server, client, tmp_path):
    client("--report", str(tmp_path / "report"))
    lines = [json.loads(line) for line in (tmp_path / "report").read_text().splitlines()]
    assert [line["file"] for line in lines] == NAMES
    assert all(line["ok"] and line["status"] == 200 and line["milliseconds"] > 0 for line in lines)
    assert lines[0]["via"] == ["predict-pod1", "proxy-pod1", "gateway"]


@pytest.mark.parametrize("flags", [(), ("--debug",), ("--no-progress", "--concurrency", "3")])
def test_report_to_standard_output_is_json_lines_and_nothing_else(client, flags):
    done = client("--report", "-", *flags)
    assert done.returncode == 0
    assert sorted(json.loads(line)["file"] for line in done.stdout_text.splitlines()) == NAMES
    assert done.stderr_text.rstrip().endswith("4 ok, 0 failed")


def test_report_to_standard_output_stays_json_when_the_server_is_missing(server, client):
    server.gets["/health"] = (500, {})
    done = client("--report", "-")
    assert (done.returncode, done.stdout_text) == (1, "")
    assert "0 ok, 4 failed" in done.stderr_text


@pytest.mark.parametrize("flags, closed", [(("--report", "-"), "stdout"), ((), "stdout"), (("--debug",), "stderr")])
def test_closed_pipe_ends_the_run_without_a_traceback(client, flags, closed):
    process = client.start(*flags)
    getattr(process, closed).close()
    rest = process.stderr if closed == "stdout" else process.stdout
    text = rest.read()
    assert process.wait(60) == 1
    assert "Traceback" not in text and "Exception ignored" not in text
    if closed == "stdout":
        assert "the output was closed" in text


def test_progress_bar_counts_to_the_end(client):
    assert "4/4" in client().stderr_text
    assert "4/4" not in client("--no-progress").stderr_text


def test_debug_shows_answers(client):
    text = client("--debug", "--no-progress").stderr_text
    assert '/metadata: {"iterations": 1}' in text
    assert "a.jpg: status 200" in text and "proxy-pod1" in text


# ---- connections ----

def test_one_connection_serves_a_run(server, client):
    client()
    assert server.connections == 2  # one for the checks, one for the pictures


def test_concurrent_requests_keep_their_pictures_apart(server, client, photos):
    for i in range(24):
        Image.new("RGB", (40 + i, 8), (10 * i, 5, 255 - 10 * i)).save(photos / f"n{i:02}.png")
    assert client("--concurrency", "6").stdout_text == "28 ok, 0 failed\n"
    for i in range(24):
        with Image.open(client.out / f"n{i:02}.png") as saved:
            assert (saved.size, saved.getpixel((0, 0))) == ((40 + i, 8), (10 * i, 5, 255 - 10 * i))
    assert server.connections == 7


def test_kept_connection_closed_by_the_server_is_no_failure(server, client):
    def on_post(handler, number, body):
        handler.close_connection = True  # after the answer, without saying so in it
        return False
    server.on_post = on_post
    assert client().stdout_text == "4 ok, 0 failed\n"


def test_busy_server_is_asked_again_when_it_says(server, client):
    server.on_post = busy(0)
    assert client().stdout_text == "4 ok, 0 failed\n"
    assert len(server.posted) == 5


@pytest.mark.parametrize("flags, seconds", [(("--retries", "0"), 0), ((), 3600)])
def test_busy_server_is_not_asked_for_ever(server, client, flags, seconds):
    server.on_post = busy(seconds)
    done = client(*flags)
    assert (done.returncode, done.stdout_text) == (1, "3 ok, 1 failed\n")
    assert "a.jpg: answered 503: queue full" in done.stderr_text


# ---- failures of one picture ----

@pytest.mark.parametrize("status, body, sentence", [
    (422, {"status": "ng", "img_none_bg_base64": None, "detail": "not decodable"}, "answered 422: not decodable"),
    (504, b"upstream request timeout", "answered 504: upstream request timeout"),
    (200, b"<html>", "the answer is not the JSON that a predict server gives"),
    (200, {"status": "ng", "detail": "odd"}, "answered 200 with status 'ng': odd"),
    (200, {"status": "ok", "img_none_bg_base64": "!!"}, "the answer is not the JSON that a predict server gives"),
    (200, {"status": "ok", "img_none_bg_base64": base64.b64encode(b"GIF89a").decode()}, "is not a PNG image"),
    (200, {"status": "ok", "img_none_bg_base64": base64.b64encode(b"\x89PNG\r\n\x1a\nrest").decode()},
     "cannot be saved as JPEG"),
])
def test_bad_answer_fails_one_picture_alone(server, client, status, body, sentence):
    def on_post(handler, number, _):
        return number == 0 and (handler.answer(status, body), True)[1]
    server.on_post = on_post
    done = client()
    assert (done.returncode, done.stdout_text) == (1, "3 ok, 1 failed\n")
    assert "a.jpg: " in done.stderr_text and sentence in done.stderr_text
    assert sorted(os.listdir(client.out)) == NAMES[1:]


@pytest.mark.parametrize("answer", [b"Content-Length: 1000\r\n\r\n{", b"Transfer-Encoding: chunked\r\n\r\n9\r\n{",
                                    b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n", b"Content-Len"],
                         ids=["length", "in a chunk", "between chunks", "headers"])
def test_answer_that_breaks_off_fails_one_picture(server, client, answer):
    def on_post(handler, number, _):
        if number == 0:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\n" + answer)
            # Only this side is closed: what the client sends next is not read, but is not refused immediately either.
            handler.connection.shutdown(socket.SHUT_WR)
            handler.connection.settimeout(5)
            while handler.connection.recv(65536):
                pass
            handler.close_connection = True
        return number == 0
    server.on_post = on_post
    done = client()
    assert done.stdout_text == "3 ok, 1 failed\n", done.stderr_text
    assert "a.jpg: " in done.stderr_text


def test_silent_server_fails_after_the_timeout(server, client):
    def on_post(handler, number, _):
        if number == 0:
            handler.connection.recv(1)  # until the client has gone
            handler.close_connection = True
        return number == 0
    server.on_post = on_post
    done = client("--timeout", "0.3")
    assert done.stdout_text == "3 ok, 1 failed\n" and "a.jpg: no answer in time" in done.stderr_text


def test_result_that_cannot_be_written_fails_one_picture(client):
    (client.out / "a.jpg").mkdir(parents=True)
    done = client()
    assert done.stdout_text == "3 ok, 1 failed\n" and "a.jpg: cannot be saved" in done.stderr_text
    assert [n for n in os.listdir(client.out) if n.endswith(".part")] == []


# ---- nothing can be sent at all ----

NONE_SENT = "0 ok, 4 failed\n"


def refused(done, sentence, summary=""):
    assert done.returncode == 1
    assert done.stdout_text == summary
    assert done.stderr_text.strip().splitlines()[-1] == f"headerroute-request: {sentence}"


def test_no_server(client):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    refused(client("--port", str(port)), f"no server answers at 127.0.0.1:{port}: Connection refused", NONE_SENT)


def test_missing_folder(client, tmp_path):
    missing = tmp_path / "none"
    refused(client("--in_images_dir", str(missing)), f"input folder '{missing}' does not exist")


def test_folder_that_is_a_file(client, photos):
    path = photos / "a.jpg"
    refused(client("--in_images_dir", str(path)), f"input folder '{path}' is not a folder")


def test_empty_folder(client, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    refused(client("--in_images_dir", str(empty)),
            f"input folder '{empty}' has no image (jpg, jpeg, png, webp, bmp)")


def test_output_in_the_way(client, photos):
    path = photos / "notes.txt"
    refused(client("--out_images_dir", str(path)), f"output folder '{path}' is a file")


def test_output_that_cannot_be_made(client, photos):
    path = photos / "notes.txt" / "out"
    refused(client("--out_images_dir", str(path)), f"output folder '{path}' cannot be written: Not a directory")


def test_output_over_the_input_is_refused(client, photos):
    refused(client("--out_images_dir", str(photos)),
            f"output folder '{photos}' is the input folder: the images would be overwritten")


def test_unhealthy_predict_server(server, client):
    server.gets["/health"] = (200, {"proxy_server": {"health": "ok"}, "predict_server": {"health": "ng"}})
    done = client()
    refused(done, f"127.0.0.1:{server.port} is up, but not healthy: predict_server", NONE_SENT)
    assert server.posted == []


def test_failing_metadata(server, client):
    server.gets["/metadata"] = (502, {"status": "ng", "detail": "predict server unreachable"})
    refused(client(), f"127.0.0.1:{server.port}/metadata answered 502: predict server unreachable", NONE_SENT)


def test_metadata_that_is_not_routed_from_outside(server, client):
    server.gets["/metadata"] = (404, {"detail": "no such path"})
    done = client("--debug")
    assert done.returncode == 0 and "/metadata: not served from here" in done.stderr_text


def test_another_kind_of_server(server, client):
    server.gets["/health"] = (200, b"<html>hello")
    refused(client(), f"127.0.0.1:{server.port}/health did not answer JSON: is this the right server?", NONE_SENT)


def test_missing_pillow_is_told_before_anything_is_sent(server, client, tmp_path):
    (tmp_path / "hide" / "PIL").mkdir(parents=True)
    (tmp_path / "hide" / "PIL" / "__init__.py").write_text("raise ImportError('hidden')")
    done = client(PYTHONPATH=str(tmp_path / "hide"))
    refused(done, "Python's Pillow is needed to save 'a.jpg' in the format of its name (Debian: python3-pil)")
    assert server.asked == []


@pytest.mark.parametrize("flags", [("--port", "0"), ("--port", "x"), ("--concurrency", "0"), ("--timeout", "0"),
                                   ("--rect", "1,2,3"), ("--header-name", "a b"), ("--no-such-flag",),
                                   ("--headers_target_value", "a\r\nb: c")])
def test_wrong_flags_exit_2(server, client, flags):
    done = client(*flags)
    assert done.returncode == 2 and flags[0] in done.stderr_text
    assert server.asked == []


def test_interrupt_ends_with_the_summary(server, client):
    def on_post(handler, number, _):
        if number == 1:
            handler.connection.recv(1)
            handler.close_connection = True
        return number == 1
    server.on_post = on_post
    process = client.start()
    deadline = time.monotonic() + 30
    while len(server.posted) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "1 ok, 0 failed\n")
    assert "interrupted" in err and "Traceback" not in err
