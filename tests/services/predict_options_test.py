"""What a request to /predict may ask for: iterations, seed, rect, a mask and strokes to start from, in JSON, query and forms."""
import base64
import json

import numpy
import pytest

import pictures

JSON = {"content-type": "application/json"}
PNG = {"content-type": "image/png"}
ARRAY = pictures.disc(60, 50, seed=4)
FILE = pictures.encode(ARRAY)


@pytest.fixture(scope="module")
def predict():
    from conftest import Server
    server = Server("headerroute-predict", "--threads", 2, "--max-body-bytes", "1M", "--max-iterations", 12, env={"GRAB_CUT_ITERS": "1"})
    yield server
    server.stop()


def text(data):
    return base64.b64encode(data).decode()


def post(predict, query="", **members):
    return predict.post("/predict" + query, json.dumps({"image": text(FILE), **members}), JSON)


def mask_of(answer):
    assert answer.status == 200, answer.body
    return pictures.from_answer(answer)


def form(fields, boundary="XyZ", preamble=b"", end=b"--\r\n"):
    body = preamble
    for name, value in fields:
        body += (f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"'.encode()
                 + (b'; filename="a.png"\r\nContent-Type: image/png' if isinstance(value, bytes) else b"") + b"\r\n\r\n"
                 + (value if isinstance(value, bytes) else str(value).encode()) + b"\r\n")
    return body + f"--{boundary}".encode() + end


def post_form(predict, body, boundary="XyZ", query="", **headers):
    return predict.post("/predict" + query, body, {"content-type": f"multipart/form-data; boundary={boundary}", **headers})


# ---- iterations, seed, rect, output ----

@pytest.mark.parametrize("iterations,seed,rect", [(1, 0, None), (3, 7, (5, 6, 40, 35)), (12, 2147483647, (1, 1, 55, 45))])
def test_query_json_and_form_mean_the_same(predict, iterations, seed, rect):
    _, mask = pictures.reference(ARRAY, iterations, rect, seed=seed)
    in_query = f"?output=mask&iterations={iterations}&seed={seed}"
    members = {"output": "mask", "iterations": iterations, "seed": seed}
    if rect:
        in_query += "&rect=" + ",".join(map(str, rect))
        members["rect"] = ",".join(map(str, rect))
    answers = [predict.post("/predict" + in_query, FILE, PNG), post(predict, **members),
               post(predict, **{**members, **({"rect": list(rect)} if rect else {})}),
               post_form(predict, form([*members.items(), ("image", FILE)]))]
    for answer in answers:
        assert numpy.array_equal(mask_of(answer), mask * 255)


# ---- masks ----

def start():
    mask = numpy.zeros(ARRAY.shape[:2], numpy.uint8)
    mask[8:42, 10:50] = 3
    mask[20:30, 25:35] = 1
    mask[8:12, 10:20] = 2
    return mask


GREYS = numpy.array([0, 255, 64, 192], numpy.uint8)


@pytest.mark.parametrize("encode", [lambda mask: mask, lambda mask: GREYS[mask]], ids=["values", "greys"])
def test_a_mask_is_a_start(predict, encode):
    file = pictures.encode(encode(start()))
    _, expected = pictures.reference(ARRAY, 2, mask=start())
    for answer in (post(predict, mask=text(file), iterations=2, output="mask"),
                   post_form(predict, form([("mask", file), ("image", FILE), ("iterations", 2), ("output", "mask")]))):
        assert numpy.array_equal(mask_of(answer), expected * 255)


def refused(answer, status, *says):
    detail = answer.json()["detail"]
    assert answer.status == status, detail
    for words in says:
        assert words in detail
    return detail


def test_a_mask_must_be_a_grey_png_of_the_same_size(predict):
    refused(post(predict, mask=text(pictures.encode(start()[1:]))), 422, "60 x 49", "60 x 50")
    refused(post(predict, mask=text(pictures.encode(start(), "BMP"))), 422, "PNG")
    refused(post(predict, mask=text(FILE)), 422, "grey")
    refused(post(predict, mask=text(b"nothing")), 422, "mask:")
    refused(post(predict, mask=text(pictures.encode(start())[:-30])), 422, "mask:")
    refused(post(predict, mask=text(pictures.encode(start() * 0))), 422, "foreground")
    refused(post(predict, mask="?"), 400, "mask is not base64")
    refused(post(predict, "?rect=auto", mask=text(pictures.encode(start()))), 400, "cannot be combined")


# ---- strokes ----

def draw(mask, label, points, radius=5):
    """Every pixel against every segment."""
    y, x = numpy.mgrid[:mask.shape[0], :mask.shape[1]].astype(float)
    for (ax, ay), (bx, by) in zip(points, points[1:] or points):
        dx, dy = bx - ax, by - ay
        t = numpy.clip(((x - ax) * dx + (y - ay) * dy) / ((dx * dx + dy * dy) or 1), 0, 1)
        near = numpy.hypot(x - ax - t * dx, y - ay - t * dy) <= radius
        mask[near] = 1 if label == "foreground" else 0


def with_rect(rect):
    mask = numpy.zeros(ARRAY.shape[:2], numpy.uint8)
    mask[rect[1]:rect[1] + rect[3], rect[0]:rect[0] + rect[2]] = 3
    return mask


STROKES = [
    [{"label": "foreground", "points": [[30, 25]]}],
    [{"label": "foreground", "points": [[20, 20], [40, 30.5], [33, 18]], "radius": 2},
     {"label": "background", "points": [[0, 0], [59, 3]], "radius": 6.5}],
    [{"radius": 3, "points": [[-30, -20], [90, 70]], "label": "background"},
     {"label": "foreground", "points": [[25, 25], [25, 25], [35, 25]], "radius": 1}],
    [{"label": "foreground", "points": [[30, 20], [30, 30]]}, {"label": "background", "points": []}],
]


@pytest.mark.parametrize("strokes", STROKES)
def test_strokes_are_drawn_over_the_rect_or_the_mask(predict, strokes):
    rect = (6, 5, 48, 40)
    for begin, members in ((with_rect(rect), {"rect": list(rect)}), (start(), {"mask": text(pictures.encode(start()))})):
        for stroke in strokes:
            if stroke["points"]:
                draw(begin, **stroke)
        _, expected = pictures.reference(ARRAY, 2, mask=begin)
        assert numpy.array_equal(mask_of(post(predict, strokes=strokes, iterations=2, output="mask", **members)), expected * 255)
    answer = post_form(predict, form([("strokes", json.dumps(strokes)), ("image", FILE), ("output", "mask"), ("rect", "6,5,48,40"),
                                      ("iterations", 2)]))
    begin = with_rect(rect)
    for stroke in strokes:
        if stroke["points"]:
            draw(begin, **stroke)
    assert numpy.array_equal(mask_of(answer), pictures.reference(ARRAY, 2, mask=begin)[1] * 255)


def test_strokes_survive_an_image_with_escapes(predict):
    body = '{"image":"%s","output":"mask","strokes":%s}' % (text(FILE).replace("/", "\\/"), json.dumps(STROKES[1]))
    assert numpy.array_equal(mask_of(predict.post("/predict", body, JSON)), mask_of(post(predict, strokes=STROKES[1], output="mask")))


GOOD = {"label": "foreground", "points": [[1, 2]]}


@pytest.mark.parametrize("strokes,says", [
    ([{**GOOD, "colour": 1}], ("strokes[0]", 'unknown member "colour"', "label, points, radius")),
    ([GOOD, {"label": "foreground"}], ("strokes[1]", "points is missing")), ([{"points": [[1, 2]]}], ("label is missing",)),
    ([{**GOOD, "label": "sky"}], ("foreground or background",)), ([{**GOOD, "label": 1}], ("foreground or background",)),
    ([{**GOOD, "radius": 0}], ("radius", "1 to 500")), ([{**GOOD, "radius": 501}], ("radius",)), ([{**GOOD, "radius": "2"}], ("radius",)),
    ([{**GOOD, "points": [1, 2]}], ("[x, y]",)), ([{**GOOD, "points": [[1]]}], ("[x, y]",)), ([{**GOOD, "points": [[1, 2, 3]]}], ("[x, y]",)),
    ([{**GOOD, "points": [[1, "2"]]}], ("[x, y]",)), ([{**GOOD, "points": [[1, 1e7]]}], ("out of range",)),
    ([{**GOOD, "points": [[[1, 2]]]}], ("[x, y]",)), ([GOOD] * 1001, ("1000",)), ([{**GOOD, "points": [[1, 2]] * 20001}], ("20000",)),
    ([[GOOD]], ("array of objects",)), ([None], ("array of objects",)), ({"label": "foreground"}, ("strokes must be an array",))])
def test_400_malformed_strokes(predict, strokes, says):
    refused(post(predict, strokes=strokes), 400, *says)


# ---- forms ----

def test_a_form_may_have_a_preamble_and_what_browsers_send(predict):
    expected = mask_of(predict.post("/predict", FILE, PNG))
    long = "-" * 20 + "WebKitFormBoundary7MA4YWxkTrZu0gW"
    for body, boundary in ((form([("image", FILE)], preamble=b"hello\r\n"), "XyZ"), (form([("image", FILE)]), '"XyZ"'),
                           (form([("image", FILE)], boundary=long), long), (form([("image", FILE)], end=b"--\r\nepilogue"), "XyZ"),
                           (form([("image", FILE)], end=b"--"), "XyZ")):
        assert numpy.array_equal(mask_of(post_form(predict, body, boundary)), expected)


@pytest.mark.parametrize("body,says", [
    (b"nothing", "boundary does not occur"), (b"--XyZ\r\n\r\n\r\n--XyZ--", "Content-Disposition"), (b"--XyZ--\r\n", "member image"),
    (b'--XyZ\r\nContent-Disposition: form-data; name="image"\r\n\r\nabc', "last boundary"),
    (b'--XyZ\r\nContent-Disposition: form-data; name="image"', "does not end"), (b"--XyZ\r\nfoo\r\n\r\n", "colon"),
    (b'--XyZ\r\nContent-Disposition: attachment; name="image"\r\n\r\n\r\n--XyZ--', "form-data"),
    (b"--XyZ\r\nContent-Disposition: form-data\r\n\r\n\r\n--XyZ--", "no name"), (b"--XyZabc\r\n", "end of its line"),
    (b"--XyZ\r\nA: " + b"x" * 5000 + b"\r\n\r\n", "does not end"), (form([("image", FILE), ("image", FILE)]), "twice"),
    (form([("picture", FILE)]), 'unknown member "picture"'), (form([("image", FILE), ("iterations", "many")]), "whole number"),
    (form([("image", FILE), ("iterations", "1" * 100)]), "too long"), (form([("iterations", 1)]), "member image"),
    (form([("image", FILE), ("strokes", "[")]), "strokes is not JSON")])
def test_400_malformed_forms(predict, body, says):
    refused(post_form(predict, body), 400, says)


def test_a_form_of_another_site_is_refused(predict):
    """A browser sends forms to any site without asking it first, and names the page's origin."""
    body = form([("image", FILE)])
    for origin in ("https://example.com", "null", "http://127.0.0.1.example.com", f"http://x127.0.0.1:{predict.address[1]}"):
        refused(post_form(predict, body, origin=origin), 415, "another origin")
    assert post_form(predict, body, origin=f"http://127.0.0.1:{predict.address[1]}").status == 200


def test_requests_of_the_python_client_library_work(predict):
    import requests
    url = f"http://127.0.0.1:{predict.address[1]}/predict"
    answer = requests.post(url, files={"image": ("photo.png", FILE)}, data={"rect": "6,5,48,40", "seed": "3"})
    assert answer.status_code == 200, answer.text
    expected, _ = pictures.reference(ARRAY, 1, (6, 5, 48, 40), seed=3)
    assert numpy.array_equal(pictures.decode(base64.b64decode(answer.json()["img_none_bg_base64"])), expected)
