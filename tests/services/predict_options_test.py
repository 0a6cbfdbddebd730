"""What a request to /predict may ask for: iterations, seed, rect, a mask and strokes to start from, in JSON, query and forms."""
import base64
import io
import json

import numpy
import pytest
from PIL import Image, ImageCms

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


# ---- what the file has besides colours ----

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def with_profile(kind="PNG"):
    return pictures.encode(ARRAY, kind, icc_profile=SRGB)


def profile_of(data):
    return Image.open(io.BytesIO(data)).info.get("icc_profile")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("accept", ["image/png", "image/webp", "image/jpeg"])
def test_the_answer_has_the_profile_of_the_file(predict, kind, accept):
    headers = {"content-type": f"image/{kind.lower()}", "accept": accept}
    answer = predict.post("/predict", with_profile(kind), headers)
    assert answer.status == 200 and profile_of(answer.body) == SRGB
    assert profile_of(predict.post("/predict", pictures.encode(ARRAY, kind), headers).body) is None


def test_a_profile_changes_no_pixel_and_masks_have_none(predict):
    plain, profiled = (predict.post("/predict", json.dumps({"image": text(data)}), JSON) for data in (FILE, with_profile()))
    assert numpy.array_equal(mask_of(plain), mask_of(profiled))
    assert profile_of(base64.b64decode(profiled.json()["img_none_bg_base64"])) == SRGB
    for output, profile in (("mask", None), ("rgba", SRGB)):
        answer = predict.post(f"/predict?output={output}", with_profile(), {**PNG, "accept": "image/png"})
        assert profile_of(answer.body) == profile


def test_a_damaged_profile_is_left_out(predict):
    answer = predict.post("/predict", pictures.encode(ARRAY, "JPEG", icc_profile=SRGB[:-1]), {"content-type": "image/jpeg", "accept": "image/png"})
    assert answer.status == 200 and profile_of(answer.body) is None


RGBA = numpy.dstack([ARRAY, numpy.tile(numpy.clip((numpy.arange(60) - 16) * 25, 0, 255), (50, 1))]).astype(numpy.uint8)


@pytest.mark.parametrize("send", ["query", "json", "form"])
def test_transparent_pixels_are_background_on_request(predict, send):
    file, rect = pictures.encode(RGBA), (5, 6, 50, 40)
    start = numpy.zeros(ARRAY.shape[:2], numpy.uint8)
    start[6:46, 5:55] = 3
    start[RGBA[:, :, 3] == 0] = 0
    _, mask = pictures.reference(ARRAY, 1, mask=start)

    def ask(**options):
        options = {"rect": "5,6,50,40", **options}
        if send == "query":
            return mask_of(predict.post("/predict?" + "&".join(f"{k}={v}" for k, v in options.items()), file, PNG))
        if send == "json":
            return mask_of(predict.post("/predict", json.dumps({"image": text(file), **options}), JSON))
        return mask_of(post_form(predict, form([*options.items(), ("image", file)])))

    assert mask[RGBA[:, :, 3] == 255].any() and not mask[RGBA[:, :, 3] == 0].any()
    assert numpy.array_equal(ask(alpha="respect", output="mask"), mask * 255)
    rgba = ask(alpha="respect", output="rgba")
    assert numpy.array_equal(rgba[:, :, 3], numpy.where(mask == 1, RGBA[:, :, 3], 0))
    assert not rgba[rgba[:, :, 3] == 0].any() and ((rgba[:, :, 3] > 0) & (rgba[:, :, 3] < 255)).any()
    assert numpy.array_equal(ask(alpha="respect"), ARRAY * mask[:, :, None])
    _, plain = pictures.reference(ARRAY, 1, rect)
    assert numpy.array_equal(ask(alpha="ignore", output="mask"), plain * 255)
    assert numpy.array_equal(ask(output="rgba")[:, :, 3], plain * 255)


def test_alpha_is_respected_with_masks_and_strokes_and_in_files_without(predict):
    stroke = {"label": "foreground", "points": [[20, 25], [58, 25]], "radius": 3}
    image = text(pictures.encode(RGBA))
    answer = predict.post("/predict", json.dumps({"image": image, "alpha": "respect", "output": "mask", "strokes": [stroke],
                                                  "mask": text(pictures.encode(start()))}), JSON)
    mask = mask_of(answer)
    assert mask[25, 22:38].all() and not mask[RGBA[:, :, 3] == 0].any()
    assert numpy.array_equal(mask_of(post(predict, alpha="respect", output="mask")), mask_of(post(predict, output="mask")))
    empty = pictures.encode(numpy.dstack([ARRAY, numpy.zeros(ARRAY.shape[:2], numpy.uint8)]))
    answer = predict.post("/predict?alpha=respect", empty, PNG)
    assert answer.status == 422 and "foreground" in answer.json()["detail"]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP"])
def test_a_truncated_file_is_cut_on_request(predict, kind):
    file, headers = pictures.encode(ARRAY, kind), {"content-type": f"image/{kind.lower()}"}
    file = file[:len(file) * 3 // 4]
    assert predict.post("/predict", file, headers).status == 422
    assert predict.post("/predict?allow_truncated=false", file, headers).status == 422
    assert mask_of(predict.post("/predict?allow_truncated=true", file, headers)).shape == ARRAY.shape
    answer = predict.post("/predict", json.dumps({"image": text(file), "allow_truncated": True}), JSON)
    assert mask_of(answer).shape == ARRAY.shape
    assert mask_of(post_form(predict, form([("allow_truncated", "true"), ("image", file)]))).shape == ARRAY.shape


# ---- continued runs ----

def cv2_run(mask, bgd, fgd, iterations, mode, rect=None):
    import cv2
    mask, bgd, fgd = mask.copy(), bgd.copy(), fgd.copy()
    cv2.setRNGSeed(0)
    cv2.grabCut(ARRAY[:, :, ::-1].copy(), mask, rect, bgd, fgd, iterations, mode)
    return mask, bgd, fgd


def state_of(answer):
    assert answer.status == 200, answer.body
    body = answer.json()
    models = [numpy.frombuffer(base64.b64decode(body[name]), "<f8").reshape(1, 65) for name in ("bgd_model", "fgd_model")]
    return pictures.decode(base64.b64decode(body["mask"])), *models


def assert_same(state, expected):
    assert all(numpy.array_equal(ours, theirs) for ours, theirs in zip(state, expected))


def test_a_run_is_continued_as_cv2_continues_it(predict):
    """The answer's members are the request's of the next round, with a stroke drawn in between."""
    import cv2
    first = post(predict, state=True, rect="5,6,50,40")
    expected = cv2_run(numpy.zeros((50, 60), numpy.uint8), numpy.zeros((1, 65)), numpy.zeros((1, 65)), 1, cv2.GC_INIT_WITH_RECT, (5, 6, 50, 40))
    assert_same(state_of(first), expected)
    carried = {name: first.json()[name] for name in ("mask", "bgd_model", "fgd_model")}
    stroke = {"label": "foreground", "points": [[30, 47]], "radius": 1}
    drawn = expected[0].copy()
    drawn[47, 30] = drawn[46, 30] = drawn[48, 30] = drawn[47, 29] = drawn[47, 31] = 1
    second = post(predict, state=True, mode="eval", iterations=2, strokes=[stroke], **carried)
    expected = cv2_run(drawn, *expected[1:], 2, cv2.GC_EVAL)
    assert_same(state_of(second), expected)
    assert numpy.array_equal(pictures.from_answer(second), ARRAY * (expected[0] & 1)[:, :, None])
    carried = {name: second.json()[name] for name in ("mask", "bgd_model", "fgd_model")}
    third = post(predict, state=True, mode="freeze", **carried)
    expected = cv2_run(*expected, 1, cv2.GC_EVAL_FREEZE_MODEL)
    assert_same(state_of(third), expected)
    assert third.json()["bgd_model"] == carried["bgd_model"] and third.json()["fgd_model"] == carried["fgd_model"]


def test_a_form_and_the_query_continue_a_run_too(predict):
    first = post(predict, state=True)
    mask, bgd, fgd = state_of(first)
    expected = post(predict, mode="eval", output="mask", state=True, **{name: first.json()[name] for name in ("mask", "bgd_model", "fgd_model")})
    parts = [("mask", pictures.encode(mask)), ("bgd_model", bgd.astype("<f8").tobytes()), ("fgd_model", fgd.astype("<f8").tobytes()),
             ("image", FILE)]
    answers = [post_form(predict, form([("mode", "eval"), ("output", "mask"), ("state", "true"), *parts])),
               post_form(predict, form(parts), query="?mode=eval&output=mask&state=true")]
    for answer in answers:
        assert answer.json() == expected.json()
    file = post_form(predict, form(parts), query="?mode=eval&output=mask", accept="image/png")
    assert numpy.array_equal(pictures.decode(file.body), pictures.from_answer(expected))


def test_the_state_is_in_the_answer_only_on_request(predict):
    assert set(post(predict).json()) == {"status", "img_none_bg_base64"}
    assert set(post(predict, state=False).json()) == {"status", "img_none_bg_base64"}
    assert set(post(predict, state=True).json()) == {"status", "img_none_bg_base64", "mask", "bgd_model", "fgd_model"}
    answer = predict.post("/predict?state=true", FILE, {**PNG, "accept": "image/png"})
    assert answer.status == 406 and "state=true needs an answer in JSON" in answer.json()["detail"]


def model(**changes):
    """A model of one component in use."""
    values = numpy.zeros(65)
    values[0], values[5:8], values[20:29] = 1, 100, numpy.eye(3).ravel() * 50
    for index, value in changes.items():
        values[int(index[1:])] = value
    return text(values.astype("<f8").tobytes())


@pytest.mark.parametrize("members,says", [
    ({"mode": "continue"}, "mode must be init, eval or freeze"), ({"state": "yes"}, "state must be true or false"),
    ({"state": 1}, "state must be true or false"), ({"allow_truncated": None}, "allow_truncated must be true or false"),
    ({"alpha": "premultiplied"}, "alpha must be ignore or respect"), ({"alpha": True}, "alpha must be a string"),
    ({"bgd_model": model(), "fgd_model": model()}, "need mode=eval or mode=freeze"),
    ({"mode": "init", "fgd_model": model()}, "need mode=eval or mode=freeze"),
    ({"mode": "eval"}, "mode=eval needs mask, bgd_model and fgd_model"),
    ({"mode": "freeze", "bgd_model": model(), "fgd_model": model()}, "mode=freeze needs mask"),
    ({"mode": "eval", "mask": 1, "bgd_model": model()}, "mode=eval needs mask"),
    ({"mode": "eval", "mask": 1, "bgd_model": model(), "fgd_model": text(bytes(519))}, "fgd_model must be 65 doubles, 520 bytes, not 519"),
    ({"mode": "eval", "mask": 1, "bgd_model": model(), "fgd_model": ""}, "fgd_model must be 65 doubles"),
    ({"mode": "eval", "mask": 1, "bgd_model": "%", "fgd_model": model()}, "bgd_model is not base64"),
    ({"mode": "eval", "mask": 1, "bgd_model": [1], "fgd_model": model()}, "bgd_model must be a string"),
    *(({"mode": "eval", "mask": 1, "bgd_model": model(), "fgd_model": model(**{index: value})}, says)
      for index, value, says in [("i0", float("nan"), "is not within"), ("i1", -0.5, "is not within"), ("i0", 1.5, "is not within"),
                                 ("i5", float("inf"), "is not within"), ("i6", 256, "is not within"), ("i20", 1e300, "is not within"),
                                 ("i24", -1e300, "is not within"), ("i20", 0, "an earlier run has learned"), ("i0", 0, None)])])
def test_400_what_cannot_be_continued(predict, members, says):
    if members.get("mask") == 1:
        members = {**members, "mask": text(pictures.encode(start()))}
    answer = post(predict, **members)
    if says is None:  # a model without a component in use is what a run leaves that took all foreground away
        assert answer.status == 200
        return
    assert answer.status == 400 and says in answer.json()["detail"], answer.body


def test_an_image_as_the_body_cannot_be_continued(predict):
    answer = predict.post("/predict?mode=eval", FILE, PNG)
    assert answer.status == 400 and "needs mask, bgd_model and fgd_model in the body" in answer.json()["detail"]
