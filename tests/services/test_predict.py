"""The HTTP API of headerroute-predict: every call, every way to ask, every row of its error table."""
import base64
import json
import struct
import zlib

import numpy
import pytest

import pictures
from conftest import run_program

JPEG = {"content-type": "image/jpeg"}
PNG = {"content-type": "image/png"}
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def predict():
    from conftest import Server
    server = Server("headerroute-predict", "--name", "predict-1", "--threads", 2, "--max-body-bytes", "256K",
                    "--max-pixels", 40000, env={"GRAB_CUT_ITERS": "1"})
    yield server
    server.stop()


# ---- what answers at once ----

def test_root_greets_with_a_json_string(predict):
    answer = predict.get("/")
    assert (answer.status, answer.body) == (200, b'"Hello API Server!\\n"')
    assert answer.header("content-type") == "application/json"


def test_health(predict):
    answer = predict.get("/health")
    assert answer.status == 200 and answer.json() == {"health": "ok"}


def test_ready(predict):
    assert predict.get("/ready").status == 200


def test_head_has_the_length_and_no_body(predict):
    answer = predict.request("HEAD", "/health")
    assert (answer.status, answer.body, answer.header("content-length")) == (200, b"", "15")


def test_metadata_names_types_settings_and_limits(predict):
    about = predict.get("/metadata").json()
    assert about["iterations"] == 1 and about["rect"] == "auto" and about["engine"] in ("fast", "opencv")
    assert about["version"] and about["name"] == "predict-1"
    limits = about["limits"]
    assert limits["max_body_bytes"] == 256 << 10 and limits["max_pixels"] == 40000 and limits["max_iterations"] == 50
    for name in ("queue", "max_connections", "max_upload_bytes", "work_memory_bytes", "deadline_seconds"):
        assert limits[name] > 0


def test_metadata_sample_can_be_sent_as_it_stands(predict):
    about = predict.get("/metadata").json()
    answer = predict.post("/predict", json.dumps(about["input"]["sample"]), JSON)
    assert answer.status == 200
    expected = pictures.decode(base64.b64decode(about["output"]["sample"]["img_none_bg_base64"]))
    assert numpy.array_equal(pictures.from_answer(answer), expected)


# ---- pictures ----

@pytest.mark.parametrize("kind,options", [("PNG", {}), ("BMP", {}), ("WEBP", {"lossless": True}),
                                          ("JPEG", {"quality": 95})])
def test_json_answers_the_picture_on_black(predict, kind, options):
    data = pictures.encode(pictures.disc(), kind, **options)
    answer = predict.post("/predict?job_id=a1b2c3", pictures.json_body(data), JSON)
    assert answer.status == 200 and set(answer.json()) == {"status", "img_none_bg_base64"}
    expected, _ = pictures.reference(pictures.decode(data), 1)
    assert numpy.array_equal(pictures.from_answer(answer), expected)


@pytest.mark.parametrize("kind,mime", [("PNG", "image/png"), ("BMP", "image/bmp"), ("WEBP", "image/webp"),
                                       ("PNG", "application/octet-stream"), ("JPEG", "image/jpeg"), ("JPEG", "IMAGE/JPEG; q=1")])
def test_a_picture_as_the_body(predict, kind, mime):
    data = pictures.encode(pictures.disc(seed=3), kind)
    answer = predict.post("/predict", data, {"content-type": mime})
    assert answer.status == 200
    expected, _ = pictures.reference(pictures.decode(data), 1)
    assert numpy.array_equal(pictures.from_answer(answer), expected)


@pytest.mark.parametrize("accept,form", [
    ("image/png", "png"), ("image/*", "png"), ("image/png, */*;q=0.5", "png"), ("image/png;q=0.9, application/json;q=0.2", "png"),
    ("application/json, image/png;q=0.5", "json"), ("*/*", "json"), ("text/html", "json"), ("application/json", "json"),
    ("image/png;q=0", "json"), ("image/webp", "webp"), ("image/jpeg", "jpeg"), ("image/jpeg, image/png;q=0.5", "jpeg"),
    ("image/avif,image/webp,image/apng,image/*,*/*;q=0.8", "webp"), ("image/jpeg, image/png", "png")])
def test_accept_settles_the_kind_of_answer(predict, accept, form):
    answer = predict.post("/predict", pictures.encode(pictures.disc()), {**PNG, "accept": accept})
    assert answer.status == 200
    assert answer.header("content-type") == ("application/json" if form == "json" else f"image/{form}")
    begin = {"png": b"\x89PNG", "json": b'{"status":"ok"', "webp": b"RIFF", "jpeg": b"\xff\xd8"}[form]
    assert answer.body.startswith(begin)


@pytest.mark.parametrize("accept", ["image/webp", "image/jpeg"])
def test_a_lossy_answer_is_close_to_the_exact_one(predict, accept):
    array = pictures.disc(seed=5)
    answer = predict.post("/predict", pictures.encode(array), {**PNG, "accept": accept})
    expected, _ = pictures.reference(array, 1)
    assert abs(pictures.decode(answer.body).astype(int) - expected).mean() < 8


@pytest.mark.parametrize("accept", ["image/png", "image/webp"])
def test_alpha_and_masks_are_exact(predict, accept):
    array = pictures.disc(seed=5)
    _, mask = pictures.reference(array, 1)
    alpha = pictures.decode(predict.post("/predict?output=rgba", pictures.encode(array), {**PNG, "accept": accept}).body)
    assert numpy.array_equal(alpha[:, :, 3], mask * 255)
    answer = pictures.decode(predict.post("/predict?output=mask", pictures.encode(array), {**PNG, "accept": accept}).body)
    assert numpy.array_equal(answer if answer.ndim == 2 else answer[:, :, 0], mask * 255)


@pytest.mark.parametrize("output", ["rgba", "mask"])
def test_406_a_jpeg_can_hold_neither_alpha_nor_a_mask(predict, output):
    answer = predict.post(f"/predict?output={output}", pictures.encode(pictures.disc()), {**PNG, "accept": "image/jpeg"})
    assert "image/png" in ng(answer, 406)


def test_output_rgba_has_no_colour_where_it_is_transparent(predict):
    array = pictures.disc(seed=5)
    answer = predict.post("/predict?output=rgba", pictures.encode(array), {**PNG, "accept": "image/png"})
    out = pictures.decode(answer.body)
    _, mask = pictures.reference(array, 1)
    assert out.shape == array.shape[:2] + (4,)
    assert numpy.array_equal(out[:, :, 3], mask * 255)
    assert numpy.array_equal(out[:, :, :3], array * mask[:, :, None])


def test_output_mask_is_black_and_white(predict):
    array = pictures.disc(seed=6)
    answer = predict.post("/predict?output=mask", pictures.encode(array), {**PNG, "accept": "image/png"})
    _, mask = pictures.reference(array, 1)
    assert numpy.array_equal(pictures.decode(answer.body), mask * 255)


@pytest.mark.parametrize("rect,used", [("10,8,30,24", (10, 8, 30, 24)), ("10%2C8%2C30%2C24", (10, 8, 30, 24)),
                                       ("20,20,500,500", (20, 20, 28, 20)), ("auto", None)])
def test_rect_in_the_query_is_clamped_to_the_picture(predict, rect, used):
    array = pictures.disc()
    answer = predict.post(f"/predict?job_id=1&rect={rect}", pictures.encode(array), PNG)
    expected, _ = pictures.reference(array, 1, used)
    assert numpy.array_equal(pictures.from_answer(answer), expected)


def test_photo_with_exif_orientation_comes_out_upright(predict):
    from PIL import Image
    exif = Image.Exif()
    exif[0x0112] = 6  # turn clockwise by 90 degrees to see it upright
    data = pictures.encode(pictures.disc(60, 40), "JPEG", exif=exif.tobytes())
    assert pictures.from_answer(predict.post("/predict", data, JPEG)).shape == (60, 40, 3)


def test_json_may_have_escapes_and_whitespace(predict):
    data = pictures.encode(pictures.disc())
    text = base64.b64encode(data).decode().replace("/", "\\/")
    body = ' { "out\\u0070ut" : "cut\\u006fut" , "im\\u0061ge" : "%s" }\n' % text
    answer = predict.post("/predict", body.encode(), {"content-type": "application/json; charset=utf-8"})
    assert numpy.array_equal(pictures.from_answer(answer), pictures.reference(pictures.disc(), 1)[0])


def test_without_a_content_type_the_body_is_json(predict):
    import wire
    body = pictures.json_body(pictures.encode(pictures.disc()))
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
    status, _, answer = wire.send_raw(predict, head + body)
    assert status == 200 and json.loads(answer)["status"] == "ok"


def test_the_same_picture_gets_the_same_answer_every_time(predict):
    body = pictures.json_body(pictures.encode(pictures.disc(seed=9)))
    other = pictures.json_body(pictures.encode(pictures.disc(seed=10)))
    first = predict.post("/predict", body, JSON).body
    predict.post("/predict", other, JSON)
    assert predict.post("/predict", body, JSON).body == first


def test_iterations_and_rect_come_from_the_environment(start):
    array = pictures.disc(seed=2)
    server = start("headerroute-predict", env={"GRAB_CUT_ITERS": "3", "GRAB_CUT_RECT": "5,5,30,30"})
    about = server.get("/metadata").json()
    assert (about["iterations"], about["rect"]) == (3, "5,5,30,30")
    answer = server.post("/predict", pictures.encode(array), PNG)
    assert numpy.array_equal(pictures.from_answer(answer), pictures.reference(array, 3, (5, 5, 30, 30))[0])


def test_a_flag_beats_its_HR_variable_which_beats_GRAB_CUT_ITERS(start):
    both = {"GRAB_CUT_ITERS": "3", "HR_ITERATIONS": "4"}
    assert start("headerroute-predict", env=both).get("/metadata").json()["iterations"] == 4
    assert start("headerroute-predict", "--iterations", 6, env=both).get("/metadata").json()["iterations"] == 6


# ---- headers of every answer ----

def test_via_request_id_and_server_timing(predict):
    answer = predict.post("/predict", pictures.encode(pictures.disc()), {**PNG, "x-request-id": "abc-123"})
    assert answer.header("via") == "1.1 predict-1"
    assert answer.header("x-request-id") == "abc-123"
    timing = answer.header("server-timing")
    assert timing.startswith("predict-1;dur=")
    for phase in ("queue", "decode", "segment", "encode"):
        assert f", {phase};dur=" in timing


def test_request_id_is_made_where_it_is_missing(predict):
    ids = {predict.get("/health").header("x-request-id") for _ in range(3)}
    assert len(ids) == 3 and all(len(i) == 36 for i in ids)


# ---- the error table ----

def ng(answer, status):
    """The failure form, and nothing else."""
    body = answer.json()
    assert answer.status == status, body
    assert answer.header("content-type") == "application/json"
    assert body["status"] == "ng" and body["img_none_bg_base64"] is None and set(body) == {
        "status", "img_none_bg_base64", "detail"}
    assert body["detail"]
    return body["detail"]


def png_claiming(width, height):
    """A PNG whose header promises a size that its data does not hold."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b""))


GOOD = base64.b64encode(pictures.encode(pictures.disc())).decode()


@pytest.mark.parametrize("body,says", [
    (b"", "empty"), (b"{", "byte 1"), (b"[]", "object"), (b'"x"', "object"), (b"null", "object"),
    (b"{}", "image"), (b'{"image":1}', "string"), (b'{"image":null}', "string"), (b'{"image":["a"]}', "string"),
    (b'{"image":{}}', "string"), (b'{"image":"","image":""}', "twice"),
    (b'{"image":"QUJD"} x', "JSON"), (b'{"image":"QUJD",}', "JSON"), (b"{'image':'QUJD'}", "JSON"), (b'{"image":"QUJD","rectangle":"auto"}', 'unknown member "rectangle"'),
    (b'{"image":"QUJD","iterations":"5"}', "iterations must be a number"), (b'{"image":"QUJD","iterations":0}', "from 1 to 50"),
    (b'{"image":"QUJD","iterations":51}', "from 1 to 50"), (b'{"image":"QUJD","iterations":2.0}', "whole number"),
    (b'{"image":"QUJD","iterations":99999999999999999999}', "from 1 to 50"), (b'{"image":"QUJD","seed":-1}', "seed must be"),
    (b'{"image":"QUJD","seed":1,"seed":1}', "twice"), (b'{"image":"QUJD","rect":{}}', "rect must be"),
    (b'{"image":"QUJD","rect":[1,2,3]}', "rect must be"), (b'{"image":"QUJD","rect":[1,2,3,4,5]}', "rect must be"),
    (b'{"image":"QUJD","rect":[1,2,3,[4]]}', "rect must be"), (b'{"image":"QUJD","rect":[1,2,3,4.5]}', "rect must be"),
    (b'{"image":"QUJD","rect":[]}', "rect must be"), (b'{"image":"QUJD","rect":null}', "rect must be"),
    (b'{"image":"QUJD","output":"jpg"}', "output must be"), (b'{"image":"QUJD","output":1}', "output must be"),
    (b'{"image":"QUJD","mask":"QUJD","rect":"auto"}', "cannot be combined"), (b'{"image":"QUJD","mask":7}', "mask must be"),
    (b'{"image":"QUJD","strokes":"x"}', "strokes must be an array"), (b'{"image":"QUJD","strokes":[1]}', "array of objects"),
    (b'{"image":"\xff\xfe"}', "JSON"), (b'{"image":"a\nb"}', "JSON"), (b'{"strokes":' + b"[" * 100000, "deep"),
    (b'\xef\xbb\xbf{"image":""}', "JSON"), (b"\x00\x01", "JSON"), (b'{"image":"QUJD', "byte 14"),
    (pictures.encode(pictures.disc()), "JSON"),
])
def test_400_malformed_json(predict, body, says):
    assert says in ng(predict.post("/predict", body, JSON), 400)


@pytest.mark.parametrize("text", ["QUJ", "QUJD=", "Q===", "====", "=QUJ", "QU=D", "QUJD\\nQUJD", " QUJD", "QUJD ",
                                  "QUJDQUJ\\n", "QU-_", "QUJD%", "\\u00e9\\u00e9", GOOD[:400] + "!" + GOOD[401:],
                                  GOOD[:401] + "=" + GOOD[402:], "data:image/png;base64," + GOOD])
def test_400_malformed_base64(predict, text):
    assert "base64" in ng(predict.post("/predict", ('{"image":"%s"}' % text).encode(), JSON), 400)


@pytest.mark.parametrize("query", ["rect=1,2,3", "rect=1,2,3,4,5", "rect=a,b,c,d", "rect=", "rect=1,2,3,4x",
                                   "rect=1,2,+3,4", "rect=1.5,2,3,4", "rect=%zz",
                                   "rect=1,2,99999999999,4", "rect=1,1,9,9&rect=auto", "rect=1,2,3,4%00", "output=jpg",
                                   "output=", "output=mask&output=rgba", "output=MASK", "iterations=0", "iterations=", "iterations=51", "iterations=1.5",
                                   "iterations=5x", "iterations=+5", "seed=-1", "seed=2147483648", "seed=1&seed=1"])
def test_400_malformed_options(predict, query):
    ng(predict.post("/predict?" + query, pictures.encode(pictures.disc()), PNG), 400)


@pytest.mark.parametrize("query,name", [("iters=3", "iters"), ("RECT=auto", "RECT"), ("rect=auto&x=1", "x"),
                                        ("image=QUJD", "image"), ("rectangle", "rectangle"), ("=1", ""), ("re%63t=auto", "re%63t")])
def test_400_an_unknown_query_parameter_names_the_known_ones(predict, query, name):
    detail = ng(predict.post("/predict?" + query, pictures.encode(pictures.disc()), PNG), 400)
    assert f'unknown query parameter "{name}"' in detail and detail.endswith("allow_truncated, alpha, iterations, job_id, mode, output, rect, seed, state")


def test_400_an_unknown_member_names_the_known_ones(predict):
    detail = ng(predict.post("/predict", json.dumps({"image": GOOD, "rectangle": "auto"}), JSON), 400)
    assert detail == ('unknown member "rectangle"; the known ones are allow_truncated, alpha, bgd_model, fgd_model, '
                      'image, iterations, mask, mode, output, rect, seed, state, strokes')


def test_400_a_parameter_is_given_in_query_and_body(predict):
    assert "twice" in ng(predict.post("/predict?seed=1", json.dumps({"image": GOOD, "seed": 1}), JSON), 400)


@pytest.mark.parametrize("path", ["/nothing", "/predict/", "/Predict", "/health/../predict", "//predict", "/%70redict"])
def test_an_unknown_path_is_404(predict, path):
    ng(predict.get(path), 404)


@pytest.mark.parametrize("method,path,allow", [
    ("GET", "/predict", "POST"), ("PUT", "/predict", "POST"), ("DELETE", "/health", "GET, HEAD"), ("OPTIONS", "/predict", "POST"),
    ("POST", "/", "GET, HEAD"), ("POST", "/metadata", "GET, HEAD"), ("POST", "/metrics", "GET, HEAD"),
    ("POST", "/ready", "GET, HEAD"), ("FROBNICATE", "/", "GET, HEAD")])
def test_405_says_what_is_allowed(predict, method, path, allow):
    answer = predict.request(method, path)
    ng(answer, 405)
    assert answer.header("allow") == allow


def test_413_body_over_the_limit(predict):
    assert "body" in ng(predict.post("/predict", b"x" * (256 * 1024 + 1), JPEG), 413)


def test_a_body_of_just_the_limit_is_read(predict):
    assert predict.post("/predict", b"x" * (256 * 1024), JPEG).status == 422


@pytest.mark.parametrize("size", [(201, 200), (40001, 1), (30000, 30000), (2**31 - 1, 2**31 - 1)])
def test_413_pixel_count_from_the_header(predict, size):
    detail = ng(predict.post("/predict", png_claiming(*size), PNG), 413)
    assert "40000" in detail or "pixel" in detail


def test_a_picture_of_just_the_limit_is_cut(predict):
    array = pictures.disc(200, 200)
    assert predict.post("/predict", pictures.encode(array), PNG).status == 200


@pytest.mark.parametrize("mime", ["text/plain", "image/gif", "multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=" + "x" * 71,
                                  "application/x-www-form-urlencoded", "image/", "nonsense", "x" * 300])
def test_another_media_type_is_415(predict, mime):
    detail = ng(predict.post("/predict", b"GIF89a", {"content-type": mime}), 415)
    assert ("boundary" if mime.startswith("multipart") else "image/png") in detail


def test_422_not_a_picture(predict):
    ng(predict.post("/predict", b"GIF89a" + b"\0" * 100, PNG), 422)
    ng(predict.post("/predict", b'{"image":""}', JSON), 422)
    ng(predict.post("/predict", pictures.json_body(b"hello"), JSON), 422)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP"])
def test_422_truncated_picture(predict, kind):
    data = pictures.encode(pictures.disc(), kind)
    for part in (len(data) // 2, len(data) // 4, 12):
        ng(predict.post("/predict", data[:part], PNG), 422)
    ng(predict.post("/predict", png_claiming(100, 100), PNG), 422)


def test_422_nothing_to_cut(predict):
    data = pictures.encode(pictures.disc())
    assert "outside" in ng(predict.post("/predict?rect=48,0,10,10", data, PNG), 422)
    assert "outside" in ng(predict.post("/predict?rect=-20,-20,20,20", data, PNG), 422)
    for empty in ("0,0,0,5", "0,0,5,-5"):
        assert "empty" in ng(predict.post(f"/predict?rect={empty}", data, PNG), 422)
    assert "background" in ng(predict.post("/predict?rect=0,0,48,40", data, PNG), 422)
    assert predict.post("/predict", pictures.encode(pictures.disc(8, 8)), PNG).status == 200
    assert "background" in ng(predict.post("/predict", pictures.encode(pictures.disc(1, 1)), PNG), 422)


def test_after_all_errors_the_connection_is_still_good(predict):
    connection = predict.connect()
    for body, mime, status in ((b"{", "application/json", 400), (b"x", "image/png", 422), (b"x", "text/plain", 415),
                               (pictures.encode(pictures.disc()), "image/png", 200)):
        connection.request("POST", "/predict", body, {"content-type": mime})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == status
    connection.close()


# ---- flags of its own ----

@pytest.mark.parametrize("flags,says", [
    (("--iterations", "0"), "--iterations: 0 is out of range"), (("--rect", "1,2"), "--rect: rect must be"),
    (("--rect", "0,0,0,5"), "--rect: rect must have"),
    (("--engine", "magic"), "--engine: 'magic' is not one of"), (("--queue", "many"), "--queue: 'many' is not a whole number"),
    (("--deadline", "-1"), "--deadline: '-1' is not a number of seconds"),
    (("--max-pixels", "2000000000"), "--work-memory and --answer-memory are enough for")])
def test_bad_values_are_one_line_and_exit_2(flags, says):
    code, out, err = run_program("headerroute-predict", *flags)
    assert (code, out) == (2, "") and err.count("\n") == 1 and says in err


@pytest.mark.parametrize("name,value", [("GRAB_CUT_ITERS", "many"), ("GRAB_CUT_RECT", "1,2,3"), ("HR_QUEUE", "0")])
def test_bad_environment_is_one_line_and_exit_2(name, value):
    code, out, err = run_program("headerroute-predict", env={name: value})
    assert (code, out) == (2, "") and err.count("\n") == 1 and f"environment variable {name}" in err
