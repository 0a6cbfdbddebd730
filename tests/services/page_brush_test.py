"""The brushes of the page, in a real headless Chromium: strokes by mouse, touch and keys, previews, undo and zoom."""
import base64
import json

import numpy
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

import pictures
from browser import (CONTRAST, OVERFLOW, SPLIT, at, browser, check_quiet, choose, complaint, find, frame_of, keep, middle,  # noqa: F401
                     open_page, origin_of, result, send, system, text_of, touch, wait)

STROKES = """
return [...document.querySelectorAll('#strokes polyline')].map((line) => [line.getAttribute('class'), Number(line.getAttribute('stroke-width')),
  line.getAttribute('points').split(' ').map((point) => point.split(',').map(Number))]);
"""


def strokes(browser):
    return browser.execute_script(STROKES)


def tool(browser, value):
    browser.execute_script("document.querySelector(`#tools [value=${arguments[0]}]`).click()", value)


def previewed(browser):
    """Waits for the end of the preview under way, and returns its words."""
    return wait(browser, lambda: "working" not in text_of(browser, "preview-note") and text_of(browser, "preview-note"))


def sent(browser):
    """The bodies of the requests to /predict since the last call, as JSON; None for a file."""
    found = []
    for entry in browser.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        request = message["params"].get("request", {})
        if message["method"] == "Network.requestWillBeSent" and "/predict?" in request["url"] and request["method"] == "POST":
            types = {name.lower(): value for name, value in request["headers"].items()}
            post = types["content-type"] == "application/json" and browser.execute_cdp_cmd(
                "Network.getRequestPostData", {"requestId": message["params"]["requestId"]})["postData"]
            found.append((request["url"], json.loads(post) if post else None))
    return found


def drag(browser, *points):
    """The mouse along points of the photo, in its pixels."""
    area = browser.execute_script("const r = document.getElementById('photo').getBoundingClientRect();"
                                  "return [r.left, r.top, r.width / document.getElementById('photo').naturalWidth]")
    place = lambda p: {"x": area[0] + p[0] * area[2], "y": area[1] + p[1] * area[2], "button": "left", "buttons": 1, "clickCount": 1}
    for i, point in enumerate(points):
        browser.execute_cdp_cmd("Input.dispatchMouseEvent", {"type": "mouseMoved" if i else "mousePressed", **place(point)})
    browser.execute_cdp_cmd("Input.dispatchMouseEvent", {"type": "mouseReleased", **place(points[-1]), "buttons": 0})


@pytest.fixture
def disc(system, browser, tmp_path):
    (tmp_path / "disc.png").write_bytes(pictures.encode(pictures.disc(160, 120)))
    open_page(browser, system)
    browser.execute_cdp_cmd("Network.enable", {})
    choose(browser, tmp_path / "disc.png")
    return system


def test_strokes_decide_what_stays(disc, browser):
    tool(browser, "background")
    drag(browser, (80, 40), (80, 60), (80, 80))   # through the middle of the disc
    assert "Preview by the model" in previewed(browser)
    tool(browser, "foreground")
    drag(browser, (20, 20), (40, 20))             # the dark ground
    assert "Preview by the model" in previewed(browser)
    drawn = strokes(browser)
    assert [d[0] for d in drawn] == ["background", "foreground"]
    assert text_of(browser, "stroke-count") == "2 strokes."
    keep(browser, "brush.png")
    requests = sent(browser)
    assert [len(body["strokes"]) for _, body in requests] == [1, 2]
    assert all("output=rgba" in url and "rect=8,6,144,108" in url for url, _ in requests)
    body = requests[1][1]
    assert base64.b64decode(body["image"]) == pictures.encode(pictures.disc(160, 120))
    for stroke, (label, width, points) in zip(body["strokes"], drawn):
        assert stroke["label"] == label and width == 2 * stroke["radius"] == 6
        assert [[x + 0.5, y + 0.5] for x, y in stroke["points"]] == points
    ends = body["strokes"][0]["points"]
    assert numpy.abs(numpy.array([ends[0], ends[-1]]) - [[79.5, 39.5], [79.5, 79.5]]).max() < 1

    preview = browser.execute_script("""
      const image = document.getElementById('preview'), canvas = document.createElement('canvas');
      Object.assign(canvas, {width: image.naturalWidth, height: image.naturalHeight});
      const pen = canvas.getContext('2d', {willReadFrequently: true});
      pen.drawImage(image, 0, 0);
      return Array.from(pen.getImageData(0, 0, canvas.width, canvas.height).data);""")
    stays = numpy.array(preview, numpy.uint8).reshape(120, 160, 4)[:, :, 3] > 127
    start = numpy.zeros((120, 160), numpy.uint8)  # outside of the frame is background
    start[6:114, 8:152] = 3
    y, x = numpy.mgrid[0:120, 0:160]
    for stroke in body["strokes"]:
        for (ax, ay), (bx, by) in zip(stroke["points"], stroke["points"][1:]):
            t = numpy.clip(((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / ((bx - ax) ** 2 + (by - ay) ** 2), 0, 1)
            start[(x - ax - t * (bx - ax)) ** 2 + (y - ay - t * (by - ay)) ** 2 <= stroke["radius"] ** 2] = stroke["label"] == "foreground"
    expected, mask = pictures.reference(pictures.disc(160, 120), 1, mask=start)
    assert (stays == (mask == 1)).all() and stays[start == 1].all() and not stays[45:75, 78:82].any()

    # "Cut out" sends the strokes, too.
    send(browser, "condition1")
    assert (result(browser) == expected).all()
    send(browser, "other")
    ten, _ = pictures.reference(pictures.disc(160, 120), 10, mask=start)
    assert (result(browser) == ten).all()
    check_quiet(browser, origin_of(disc))


def test_undo_and_clear_take_strokes_and_preview_back(disc, browser):
    tool(browser, "foreground")
    assert not find(browser, "undo").is_enabled()
    drag(browser, (60, 60), (90, 60))
    previewed(browser)
    drag(browser, (60, 70), (90, 70))
    previewed(browser)
    assert len(strokes(browser)) == 2 and find(browser, "preview").is_displayed()
    find(browser, "pen").send_keys(Keys.CONTROL, "z")
    wait(browser, lambda: len(strokes(browser)) == 1)
    previewed(browser)
    assert [len(body["strokes"]) for _, body in sent(browser)] == [1, 2, 1]
    find(browser, "undo").click()
    wait(browser, lambda: strokes(browser) == [])
    assert not find(browser, "preview").is_displayed() and text_of(browser, "preview-note") == "" and not find(browser, "undo").is_enabled()
    drag(browser, (60, 60), (90, 60))
    drag(browser, (60, 70), (90, 70))
    previewed(browser)
    find(browser, "clear").click()
    assert strokes(browser) == [] and not find(browser, "preview").is_displayed() and not find(browser, "clear").is_enabled()
    # Without strokes the file itself is sent.
    sent(browser)
    send(browser, "condition1")
    assert [body for _, body in sent(browser)] == [None]
    expected, _ = pictures.reference(pictures.disc(160, 120), 1)
    assert (result(browser) == expected).all()


def test_keys_draw(disc, browser):
    tool(browser, "background")
    pen = find(browser, "pen")
    assert text_of(browser, "rect-text") == "Brush: x 80, y 60, radius 3 pixels"
    pen.send_keys(Keys.ALT, Keys.ARROW_LEFT)
    assert "x 79, y 60" in text_of(browser, "rect-text")
    pen.send_keys(Keys.SPACE)
    assert "drawing" in text_of(browser, "rect-text") and "drawing" in pen.get_attribute("aria-label")
    pen.send_keys(Keys.ARROW_DOWN, Keys.ARROW_DOWN)
    pen.send_keys(Keys.SPACE)
    assert "Preview by" in previewed(browser)
    assert strokes(browser) == [["background", 6, [[79.5, 60.5], [79.5, 63.5], [79.5, 66.5]]]]
    pen.send_keys(Keys.SPACE)
    pen.send_keys(Keys.ARROW_DOWN)
    assert len(strokes(browser)) == 2
    pen.send_keys(Keys.ESCAPE)
    assert len(strokes(browser)) == 1
    # With another tool the frame has the keys and the pointer again.
    tool(browser, "frame")
    before = frame_of(browser)
    assert not pen.is_displayed()
    drag(browser, (80, 60), (84, 62))
    assert len(strokes(browser)) == 1 and frame_of(browser) == [before[0] + 4, before[1] + 2, *before[2:]]


@pytest.mark.parametrize("width", [360, 768, 1440])
def test_touch_draws_into_the_enlarged_photo(disc, browser, width):
    at(browser, width)
    tool(browser, "foreground")
    heights = [middle(browser, "#viewport")[3]]
    for _ in range(2):
        find(browser, "zoom-in").click()
    assert text_of(browser, "zoom-text") == "200 %"
    heights.append(middle(browser, "#viewport")[3])
    assert abs(heights[0] - heights[1]) < 2  # what is below the photo stays in its place
    browser.execute_script("document.getElementById('viewport').scrollIntoView({block: 'center'})")
    browser.execute_script("document.getElementById('viewport').scrollTo(20, 10)")
    left, top, scale = browser.execute_script("const r = document.getElementById('photo').getBoundingClientRect(); return [r.left, r.top, r.width / 160]")
    assert browser.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    x, y, w, h = middle(browser, "#viewport")
    from_, to = (x - 10, y), (x + 20, y + 10)
    touch(browser, from_, to)
    assert "Preview by" in previewed(browser)
    (label, _, points), = strokes(browser)
    assert label == "foreground"
    want = [[(px - left) / scale, (py - top) / scale] for px, py in (from_, to)]
    assert numpy.abs(numpy.array([points[0], points[-1]]) - want).max() < 1.5, (points, want)
    keep(browser, f"zoom-{width}.png")
    for _ in range(2):
        find(browser, "zoom-out").click()
    assert not find(browser, "zoom-out").is_enabled() and text_of(browser, "zoom-text") == "100 %"
    for mode in "light", "dark":
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": mode}]})
        assert browser.execute_script(OVERFLOW) == [] and browser.execute_script(CONTRAST) == [] and browser.execute_script(SPLIT) == []


def test_a_preview_that_fails_says_why_and_keeps_the_strokes(disc, browser):
    disc.behind[0].stop()
    tool(browser, "background")
    drag(browser, (80, 40), (80, 80))
    words = previewed(browser)
    assert words.startswith("No preview: The answer was 502: ") and "unreachable" in words
    assert len(strokes(browser)) == 1 and not find(browser, "preview").is_displayed()
    find(browser, "header-value").clear()
    find(browser, "header-value").send_keys("other")
    drag(browser, (90, 40), (90, 80))
    wait(browser, lambda: "Preview by" in previewed(browser))
    find(browser, "header-name").clear()
    find(browser, "header-name").send_keys("cookie")
    drag(browser, (70, 40), (70, 80))
    wait(browser, lambda: "cannot set the header cookie" in previewed(browser))


def test_the_number_of_strokes_is_limited_as_by_the_api(disc, browser):
    tool(browser, "background")
    dots = """
    const stage = document.getElementById('stage'), area = stage.getBoundingClientRect();
    stage.setPointerCapture = () => {};
    for (let i = 0; i < arguments[0]; i++)
      for (const type of ['pointerdown', 'pointerup'])
        stage.dispatchEvent(new PointerEvent(type, {pointerId: 1, button: 0, bubbles: true, clientX: area.left + 5, clientY: area.top + 5}));
    """
    browser.execute_script(dots, 1001)
    assert len(strokes(browser)) == 1000
    wait(browser, lambda: "Preview by" in previewed(browser))
    browser.execute_script(dots, 1)
    assert len(strokes(browser)) == 1000 and "as many strokes as" in text_of(browser, "preview-note")
    assert browser.execute_script("return document.getElementById('preview').naturalWidth") == 160


def test_all_models_are_compared_with_the_strokes(disc, browser):
    tool(browser, "background")
    drag(browser, (80, 40), (80, 80))
    previewed(browser)
    sent(browser)
    find(browser, "run-all").click()
    wait(browser, lambda: len(browser.find_elements(By.CSS_SELECTOR, "#columns .state.done")) == 2)
    (stroke,) = strokes(browser)
    requests = sent(browser)
    assert len(requests) == 2
    for url, body in requests:
        assert "output=rgba" in url and [[x + 0.5, y + 0.5] for x, y in body["strokes"][0]["points"]] == stroke[2]
    check_quiet(browser, origin_of(disc))
