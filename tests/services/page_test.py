"""The web page of the gateway and /docs of the servers, in a real headless Chromium: choose a photo, draw the
frame, send with two values of the header, and look at what came back."""
import base64
import json

import numpy
import pytest
from selenium.webdriver import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

import pictures
from browser import (CONTRAST, OVERFLOW, SPLIT, at, browser, browser_with, check_quiet, choose, complaint, edges, find,  # noqa: F401
                     frame_of, hops, in_view, keep, middle, open_page, origin_of, requested, result, sample, send, start_system, system, touch,
                     wait)
from conftest import ROOT, wait_until


def test_two_header_values_reach_two_models_and_their_pixels_are_shown(system, browser, tmp_path):
    picture = pictures.disc(160, 120)
    (tmp_path / "disc.png").write_bytes(pictures.encode(picture))
    open_page(browser, system)
    choose(browser, tmp_path / "disc.png")
    photo = find(browser, "photo")
    ActionChains(browser).move_to_element_with_offset(find(browser, "rect"), -60, -45).perform()
    browser.execute_script("document.getElementById('rect').style.pointerEvents = 'none'")  # draw anew rather than move
    ActionChains(browser).move_to_element_with_offset(photo, -60, -45).click_and_hold().move_by_offset(110, 88).release().perform()
    browser.execute_script("document.getElementById('rect').style.pointerEvents = ''")
    rect = frame_of(browser)
    assert 15 <= rect[0] <= 25 and 100 <= rect[2] <= 120, rect
    for value, pod, iterations in (("condition1", "1", 1), ("other", "2", 10)):
        hops = send(browser, value)
        assert f"proxy-pod{pod}" in hops and f"predict-pod{pod}" in hops and f"subset{pod}" in hops, hops
        expected, _ = pictures.reference(picture, iterations, tuple(rect))
        assert (result(browser) == expected).all()
    check_quiet(browser, origin_of(system))


def test_by_keyboard_alone(system, browser):
    open_page(browser, system)
    browser.execute_script("document.querySelector('#samples button').focus()")
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    wait(browser, lambda: find(browser, "send").is_enabled())
    before = frame_of(browser)
    find(browser, "rect").send_keys(Keys.ALT, Keys.ARROW_RIGHT)
    assert frame_of(browser) == [before[0] + 1, *before[1:]]
    find(browser, "rect").send_keys(Keys.SHIFT, Keys.ARROW_UP)
    assert frame_of(browser)[3] < before[3]
    find(browser, "header-value").send_keys(Keys.ENTER)
    wait(browser, lambda: find(browser, "route").is_displayed())
    assert "proxy-pod1" in find(browser, "hops").text
    check_quiet(browser, origin_of(system))


def test_a_broken_file_is_told_in_a_sentence(system, browser, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"no picture")
    open_page(browser, system)
    find(browser, "file").send_keys(str(tmp_path / "broken.png"))
    wait(browser, lambda: find(browser, "error").is_displayed())
    assert "damaged" in find(browser, "error").text


def test_japanese_on_a_phone_in_the_dark(system, tmp_path):
    with browser_with(tmp_path, "--lang=en-US", "--window-size=500,1400") as browser:
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True})
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark"}]})
        open_page(browser, system)
        find(browser, "language").click()
        assert find(browser, "send").text == "切り抜く"
        assert browser.execute_script("return document.documentElement.lang") == "ja"
        choose(browser, ROOT / "photos/portrait.jpg")
        send(browser, "condition1")
        wide = browser.execute_script("return [...document.querySelectorAll('body *')].filter((e) => "
                                      "e.getBoundingClientRect().right > 361).map((e) => e.tagName + '#' + e.id + '.' + e.className)")
        assert browser.execute_script("return document.documentElement.scrollWidth") <= 360, wide
        red, green, blue = browser.execute_script("return getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
        assert red + green + blue < 120
        keep(browser, "phone.png")
        check_quiet(browser, origin_of(system))


DROP = {"items": [], "dragOperationsMask": 1}
PASTE = """
const [encoded, type, name] = arguments, transfer = new DataTransfer();
transfer.items.add(new File([Uint8Array.from(atob(encoded), (c) => c.charCodeAt(0))], name, {type}));
dispatchEvent(new ClipboardEvent('paste', {clipboardData: transfer}));
"""


def test_a_photo_is_dropped_or_pasted_and_framed_by_touch(system, browser, tmp_path):
    (tmp_path / "dropped.png").write_bytes(pictures.encode(pictures.disc(200, 160)))
    open_page(browser, system)
    x, y, *_ = middle(browser, "#drop")
    for kind in "dragEnter", "dragOver", "drop":
        data = {**DROP, "files": [str(tmp_path / "dropped.png")]}
        browser.execute_cdp_cmd("Input.dispatchDragEvent", {"type": kind, "x": x, "y": y, "data": data})
    wait(browser, lambda: find(browser, "send").is_enabled())
    assert frame_of(browser) == [10, 8, 180, 144]

    pasted = pictures.encode(pictures.disc(120, 100))
    browser.execute_script(PASTE, base64.b64encode(pasted).decode(), "image/png", "pasted.png")
    wait(browser, lambda: frame_of(browser) == [6, 5, 108, 90])

    scale = middle(browser, "#photo")[2] / 120
    x, y, *_ = middle(browser, "#rect i[data-edge=se]")
    touch(browser, (x, y), (x - 10 * scale, y - 5 * scale), (x - 20 * scale, y - 10 * scale))
    left, top, width, height = frame_of(browser)
    assert (left, top) == (6, 5) and abs(width - 88) <= 1 and abs(height - 80) <= 1
    x, y, *_ = middle(browser, "#rect")
    touch(browser, (x, y), (x + 3 * scale, y + 2 * scale), (x + 6 * scale, y + 4 * scale))
    moved = frame_of(browser)
    assert moved[2:] == [width, height] and abs(moved[0] - 12) <= 1 and abs(moved[1] - 9) <= 1
    send(browser, "condition1")
    expected, _ = pictures.reference(pictures.disc(120, 100), 1, tuple(moved))
    assert (result(browser) == expected).all()

    browser.execute_script(PASTE, base64.b64encode(b"words").decode(), "text/plain", "words.txt")
    assert "not a JPEG" in complaint(browser)
    check_quiet(browser, origin_of(system))


def test_keys_move_and_resize_the_frame_within_the_photo(system, browser, tmp_path):
    (tmp_path / "disc.png").write_bytes(pictures.encode(pictures.disc(200, 160)))
    open_page(browser, system)
    choose(browser, tmp_path / "disc.png")
    box = find(browser, "rect")
    def press(*keys):
        ActionChains(browser).send_keys_to_element(box, *keys).perform()
    def together(*keys):
        chain = ActionChains(browser)
        browser.execute_script("arguments[0].focus()", box)
        for key in keys[:-1]:
            chain.key_down(key)
        chain.send_keys(keys[-1])
        for key in keys[:-1]:
            chain.key_up(key)
        chain.perform()
    assert frame_of(browser) == [10, 8, 180, 144]
    press(Keys.ARROW_RIGHT, Keys.ARROW_DOWN)
    assert frame_of(browser) == [14, 12, 180, 144]
    press(*[Keys.ARROW_LEFT] * 10)
    assert frame_of(browser) == [0, 12, 180, 144]
    together(Keys.SHIFT, Keys.ARROW_LEFT)
    assert frame_of(browser) == [0, 12, 176, 144]
    together(Keys.SHIFT, Keys.ALT, Keys.ARROW_UP)
    assert frame_of(browser) == [0, 12, 176, 143]
    assert "176" in box.get_attribute("aria-label") and box.get_attribute("aria-label").startswith("Frame around")
    check_quiet(browser, origin_of(system))


@pytest.mark.parametrize("system", [1000], indirect=True)  # longer than any test waits
def test_cancelling_and_what_goes_wrong_are_told_in_sentences(system, browser, tmp_path):
    picture = numpy.random.RandomState(1).randint(0, 256, (900, 1200, 3)).astype(numpy.uint8)
    (tmp_path / "large.png").write_bytes(pictures.encode(picture))
    (tmp_path / "disc.png").write_bytes(pictures.encode(pictures.disc(160, 120)))
    open_page(browser, system)
    choose(browser, tmp_path / "large.png")
    find(browser, "header-value").clear()  # the second model
    find(browser, "send").click()
    wait(browser, lambda: find(browser, "progress").is_displayed() and find(browser, "elapsed").text.startswith("working"))
    find(browser, "cancel").click()
    assert complaint(browser) == "Canceled."
    assert find(browser, "send").is_enabled() and not find(browser, "progress").is_displayed()
    assert not find(browser, "route").is_displayed()
    wait_until(lambda: system.behind[2].metrics()["headerroute_jobs_running"] == 0, "the work is cancelled")

    choose(browser, tmp_path / "disc.png")
    assert not find(browser, "error").is_displayed()
    find(browser, "header-name").clear()
    find(browser, "header-name").send_keys("not a name")
    find(browser, "send").click()
    assert "header name is not valid" in complaint(browser)
    assert not find(browser, "working").is_displayed()
    find(browser, "header-name").clear()
    find(browser, "header-name").send_keys("target")

    system.behind[2].stop()  # predict 2: its proxy says so
    find(browser, "send").click()
    said = complaint(browser)
    assert said.startswith("The answer was 502: the predict server ") and "unreachable" in said
    system.behind[3].stop()  # proxy 2: the gateway says so, in plain text as Envoy does
    find(browser, "send").click()
    wait(browser, lambda: complaint(browser) != said)
    assert complaint(browser).startswith("The answer was 503: ")
    system.stop()
    find(browser, "send").click()
    wait(browser, lambda: "gateway did not answer" in complaint(browser))
    find(browser, "language").click()
    find(browser, "send").click()
    wait(browser, lambda: "ゲートウェイが応答しません" in complaint(browser))




def test_nothing_is_cut_off_and_all_is_legible_at_every_width_in_both_modes_and_languages(system, browser):
    open_page(browser, system)
    browser.find_element(By.CSS_SELECTOR, "#samples img[alt*=portrait]").click()
    wait(browser, lambda: find(browser, "send").is_enabled())
    send(browser, "condition1")
    browser.execute_script("document.getElementById('rules').open = true")
    for mode in "light", "dark":
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": mode}]})
        for language in "en", "ja":
            for width in 320, 768, 1024, 1440:
                browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": width, "height": 1100, "deviceScaleFactor": 1, "mobile": width < 500})
                assert browser.execute_script(OVERFLOW) == [], (mode, language, width)
            assert browser.execute_script(CONTRAST) == [], (mode, language)
            keep(browser, f"{mode}-{language}.png")
            find(browser, "language").click()
    check_quiet(browser, origin_of(system))


def test_the_route_says_why_and_where_the_time_went(system, browser):
    open_page(browser, system)
    browser.find_element(By.CSS_SELECTOR, "#samples img[alt*=portrait]").click()
    wait(browser, lambda: find(browser, "send").is_enabled())
    send(browser, "condition1")
    keep(browser, "page.png")
    why = find(browser, "why").text
    assert "Rule 0 of" in why and "mesh.yaml:" in why and "target" in why and "condition1" in why, why
    names = [e.text for e in browser.find_elements(By.CSS_SELECTOR, "#times dt")]
    assert names == ["network and browser", "gateway", "proxy-pod1", "predict-pod1", "waiting for a worker", "reading the picture",
                     "segmentation", "writing the PNG", "in all"]
    values = [float(e.text.split()[0]) for e in browser.find_elements(By.CSS_SELECTOR, "#times dd")]
    assert abs(sum(values[:-1]) - values[-1]) < 1 and values[6] > 0, values
    send(browser, "other")
    assert "Rule 1 of" in find(browser, "why").text and "always matches" in find(browser, "why").text


def test_a_sample_photo(system, browser):
    open_page(browser, system)
    browser.find_element(By.CSS_SELECTOR, "#samples img[alt*=astronaut]").click()
    wait(browser, lambda: find(browser, "send").is_enabled())
    send(browser, "condition1")
    assert result(browser).any()
    check_quiet(browser, origin_of(system))


def test_docs_shows_every_call_and_sends_it(start, browser):
    predict = start("headerroute-predict", "--iterations", 1)
    browser.get(origin_of(predict) + "/docs")
    wait(browser, lambda: browser.find_element(By.TAG_NAME, "body").get_attribute("data-ready"))
    calls = browser.find_elements(By.CSS_SELECTOR, "#calls > details")
    assert len(calls) == len(json.loads((ROOT / "services/server/openapi.json").read_text())["paths"])
    for call in calls:
        call.find_element(By.TAG_NAME, "summary").click()
        call.find_element(By.TAG_NAME, "button").click()
        head = wait(browser, lambda: call.find_elements(By.CSS_SELECTOR, "pre.head"))[0]
        assert head.text.startswith("200"), head.text
        call.find_element(By.TAG_NAME, "summary").click()
    check_quiet(browser, origin_of(predict))


@pytest.mark.parametrize("kind, type_", [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/webp"), ("BMP", "image/bmp")])
def test_docs_sends_a_file_with_its_own_type(start, browser, tmp_path, kind, type_):
    predict = start("headerroute-predict", "--iterations", 1)
    path = tmp_path / f"disc.{kind.lower()}"
    path.write_bytes(pictures.encode(pictures.disc(48, 40), kind))
    browser.get(origin_of(predict) + "/docs")
    wait(browser, lambda: browser.find_element(By.TAG_NAME, "body").get_attribute("data-ready"))
    call = browser.find_element(By.CSS_SELECTOR, "details:has([name=file][type=file]):has(summary)")
    call.find_element(By.TAG_NAME, "summary").click()
    other = "image/png" if type_ != "image/png" else "image/jpeg"
    Select(call.find_element(By.NAME, "content-type")).select_by_value(other)
    call.find_element(By.NAME, "file").send_keys(str(path))
    assert Select(call.find_element(By.NAME, "content-type")).first_selected_option.get_attribute("value") == type_
    for chosen, sent in (type_, type_), ("multipart/form-data", "multipart/form-data; boundary="):
        Select(call.find_element(By.NAME, "content-type")).select_by_value(chosen)
        browser.get_log("performance")
        call.find_element(By.TAG_NAME, "button").click()
        wait(browser, lambda: call.find_elements(By.CSS_SELECTOR, "pre.head"))
        wait(browser, lambda: call.find_elements(By.CSS_SELECTOR, "pre.head")[0].text.startswith("200"))
        posts = [json.loads(e["message"])["message"]["params"]["request"] for e in browser.get_log("performance")
                 if '"Network.requestWillBeSent"' in e["message"]]
        (post,) = [r for r in posts if r["method"] == "POST"]
        assert {n.lower(): v for n, v in post["headers"].items()}["content-type"].startswith(sent)
        browser.execute_script("document.querySelectorAll('output').forEach((e) => e.replaceChildren())")


WIDTHS = pytest.mark.parametrize("width", [360, 768, 1440])
@WIDTHS
@pytest.mark.parametrize("system", [1000], indirect=True)
def test_progress_result_and_failure_come_into_view(system, browser, width, tmp_path):
    picture = numpy.random.RandomState(1).randint(0, 256, (900, 1200, 3)).astype(numpy.uint8)
    (tmp_path / "large.png").write_bytes(pictures.encode(picture))
    at(browser, width)
    open_page(browser, system)
    choose(browser, tmp_path / "large.png")
    find(browser, "header-value").clear()  # the second model
    browser.execute_script("scrollTo(0, 0)")
    browser.execute_script("document.getElementById('form').requestSubmit()")
    wait(browser, lambda: find(browser, "progress").is_displayed() and in_view(browser, "working"))
    find(browser, "cancel").click()
    assert complaint(browser) == "Canceled."
    wait(browser, lambda: in_view(browser, "error"))

    browser.find_element(By.CSS_SELECTOR, "#samples img[alt*=portrait]").click()
    wait(browser, lambda: not find(browser, "error").is_displayed())
    send(browser, "condition1")
    wait(browser, lambda: in_view(browser, "result") or 0 <= edges(browser, "result")[0] <= 20)
    wait(browser, lambda: in_view(browser, "after"))
    keep(browser, f"result-{width}.png")

    # The slider starts in the middle, for each result.
    cut = "return getComputedStyle(document.getElementById('after')).clipPath"
    assert "50%" in browser.execute_script(cut)
    find(browser, "slider").send_keys(Keys.HOME)
    assert "50%" not in browser.execute_script(cut)
    send(browser, "condition1")
    assert find(browser, "slider").get_property("value") == "50" and "50%" in browser.execute_script(cut)
    check_quiet(browser, origin_of(system))


@WIDTHS
def test_a_failure_replaces_the_old_route_with_its_own(system, browser, width):
    at(browser, width)
    open_page(browser, system)
    browser.find_element(By.CSS_SELECTOR, "#samples img[alt*=portrait]").click()
    wait(browser, lambda: find(browser, "send").is_enabled())
    send(browser, "condition1")
    assert "subset1" in hops(browser)
    system.behind[2].stop()
    find(browser, "header-value").clear()
    find(browser, "send").click()
    assert complaint(browser).startswith("The answer was 502: ")
    wait(browser, lambda: find(browser, "route").is_displayed())
    assert "subset2" in hops(browser) and "subset1" not in hops(browser) and hops(browser)[-1] == "502", hops(browser)
    assert "Rule 1 of" in find(browser, "why").text
    assert not find(browser, "result").is_displayed()
    wait(browser, lambda: in_view(browser, "error"))
    keep(browser, f"failure-{width}.png")
    system.stop()
    find(browser, "send").click()
    wait(browser, lambda: "gateway did not answer" in complaint(browser))
    assert not find(browser, "route").is_displayed()


@WIDTHS
def test_headers_that_a_browser_does_not_send_are_refused(system, browser, width):
    at(browser, width)
    open_page(browser, system)
    browser.find_element(By.CSS_SELECTOR, "#samples img[alt*=portrait]").click()
    wait(browser, lambda: find(browser, "send").is_enabled())
    def fill(name, value):
        for id_, text in ("header-name", name), ("header-value", value):
            browser.execute_script("arguments[0].value = arguments[1]", find(browser, id_), text)
    cases = [(name, "x", f"cannot set the header {name}") for name in (
        "cookie", "Host", "Accept-Charset", "accept-encoding", "access-control-request-method", "connection", "Content-Length", "date",
        "expect", "keep-alive", "origin", "referer", "te", "trailer", "transfer-encoding", "upgrade", "via", "Proxy-Authorization",
        "Sec-Fetch-Site", "User-Agent")]
    cases += [("X-HTTP-Method-Override", "TRACE", "cannot set the header X-HTTP-Method-Override"), ("target", "café", "printable ASCII"),
              ("target", "条件", "printable ASCII"), ("target", "a\x01b", "printable ASCII"), ("größe", "x", "header name is not valid"),
              ("a b", "x", "header name is not valid")]
    for button in "send", "ask":
        for name, value, expected in cases:
            fill(name, value)
            find(browser, button).click()
            assert expected in complaint(browser), (button, name, complaint(browser))
            assert not find(browser, "route").is_displayed() and not find(browser, "result").is_displayed()
    paths = requested(browser)
    assert "/ui/samples" in paths and "/predict" not in paths, paths
    fill("target", " condition1 ")  # as the browser sends it, without the spaces
    find(browser, "send").click()
    wait(browser, lambda: find(browser, "route").is_displayed())
    assert not find(browser, "error").is_displayed() and "subset1" in hops(browser)


@WIDTHS
def test_the_rule_is_shown_without_sending(system, browser, width):
    at(browser, width)
    open_page(browser, system)
    for value, rule, subset in ("condition1", "Rule 0 of", "subset1"), ("other", "Rule 1 of", "subset2"):
        find(browser, "header-value").clear()
        find(browser, "header-value").send_keys(value)
        find(browser, "ask").click()
        wait(browser, lambda: rule in find(browser, "why").text)
        assert hops(browser)[-1] == subset and find(browser, "route-title").text == "Route that the request would take"
        assert not find(browser, "times").is_displayed() and not find(browser, "result").is_displayed()
        wait(browser, lambda: in_view(browser, "why"))
    keep(browser, f"rule-{width}.png")
    find(browser, "language").click()
    assert find(browser, "route-title").text == "送信した場合の経路"
    paths = requested(browser)
    assert paths.count("/ui/explain") == 2 and "/predict" not in paths, paths


@WIDTHS
def test_words_stay_whole_and_the_choice_is_marked(system, browser, width, tmp_path):
    (tmp_path / "disc.png").write_bytes(pictures.encode(pictures.disc(160, 120)))
    (tmp_path / "broken.png").write_bytes(b"no picture")
    at(browser, width)
    open_page(browser, system)
    marked = lambda: [e.get_attribute("alt") for e in browser.find_elements(By.CSS_SELECTOR, "#samples [aria-pressed=true] img")]
    before = middle(browser, "#drop")[2:]
    assert marked() == []
    browser.find_element(By.CSS_SELECTOR, "#samples img[alt*=portrait]").click()
    wait(browser, lambda: find(browser, "send").is_enabled())
    assert middle(browser, "#drop")[2:] == before
    assert len(marked()) == 1 and "portrait" in marked()[0]
    send(browser, "condition1")
    assert middle(browser, "#drop")[2:] == before
    browser.execute_script("document.getElementById('rules').open = true")
    assert browser.execute_script(SPLIT) == []
    browser.execute_script("document.getElementById('rules').scrollIntoView()")
    keep(browser, f"rules-{width}.png")
    browser.execute_script("scrollTo(0, 0)")
    keep(browser, f"chosen-{width}.png")
    find(browser, "file").send_keys(str(tmp_path / "broken.png"))
    assert "damaged" in complaint(browser)
    assert marked() and browser.execute_script("return document.getElementById('photo').naturalWidth") > 0  # the old photo stays
    find(browser, "file").send_keys(str(tmp_path / "disc.png"))
    wait(browser, lambda: marked() == [])
    assert middle(browser, "#drop")[2:] == before
    check_quiet(browser, origin_of(system))


def test_the_page_is_small():
    assert sum(f.stat().st_size for f in (ROOT / "services/gateway/ui").iterdir()) < 100 << 10


SHIFTS = """
window.shifts = window.shifts ?? [];
new PerformanceObserver((list) => window.shifts.push(...list.getEntries().map((e) => e.value))).observe({type: 'layout-shift', buffered: true});
"""


@pytest.mark.parametrize("width", [360, 768, 1440])
def test_the_page_does_not_move_while_it_loads(system, browser, width):
    at(browser, width)
    browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": SHIFTS})
    open_page(browser, system)
    # Entries come with the frame after the shift.
    browser.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
    assert browser.execute_script("return PerformanceObserver.supportedEntryTypes.includes('layout-shift')")
    assert sum(browser.execute_script("return window.shifts")) == 0
    browser.execute_script("const block = document.createElement('p'); block.textContent = 'x'; document.querySelector('main').before(block)")
    wait(browser, lambda: sum(browser.execute_script("return window.shifts")) > 0)  # the test sees one


def test_names_and_values_are_suggested_from_the_loaded_rules(start, browser, tmp_path):
    def rules(to):
        header = lambda **kinds: {"match": [{"headers": {name.replace("_", "-"): kind for name, kind in kinds.items()}}], "route": to(1)}
        return [header(x_model={"exact": "cats"}), header(x_model={"exact": "dogs"}), header(X_Tier={"prefix": "gold"}),
                {"match": [{"uri": {"exact": "/metrics"}, "headers": {"x-never": {"exact": "x"}}}], "route": to(1)}, {"route": to(1)}]
    system = start_system(start, tmp_path, (1,), rules)
    open_page(browser, system)
    options = lambda id_: browser.execute_script("return [...document.getElementById(arguments[0]).options].map((o) => o.value)", id_)
    assert [n.lower() for n in options("names")] == ["x-model", "x-tier"] and options("values") == ["cats", "dogs"]
    assert find(browser, "header-name").get_property("value") == "x-model" and find(browser, "header-value").get_property("value") == "cats"
    assert find(browser, "header-name").get_property("list").get_attribute("id") == "names"
    find(browser, "header-name").clear()
    find(browser, "header-name").send_keys("X-TIER")
    (value,) = options("values")
    assert value.startswith("gold")
    find(browser, "header-name").send_keys("x")
    assert options("values") == []


@pytest.mark.parametrize("width", [360, 768, 1440])
def test_the_border_between_before_and_after_is_moved_by_touch_mouse_and_keys(system, browser, width):
    at(browser, width)
    open_page(browser, system)
    sample(browser, "portrait")
    send(browser, "condition1")
    wait(browser, lambda: in_view(browser, "after"))
    value = lambda: int(find(browser, "slider").get_property("value"))
    clip = lambda: browser.execute_script("return getComputedStyle(document.getElementById('after')).clipPath")
    assert value() == 50 and "50%" in clip()
    browser.execute_script("document.querySelector('.compare').scrollIntoView({block: 'center', behavior: 'instant'})")
    x, y, w, _ = middle(browser, ".compare")
    touch(browser, (x, y), (x + w / 8, y), (x + w / 4, y))
    assert abs(value() - 75) <= 1 and f"{value()}%" in clip()
    ActionChains(browser).move_to_element_with_offset(find(browser, "after"), -int(w / 4), 0).click_and_hold().move_by_offset(-int(w / 8), 0).release().perform()
    assert abs(value() - 12) <= 2 and f"{value()}%" in clip()
    find(browser, "slider").send_keys(Keys.END)
    assert value() == 100
    find(browser, "slider").send_keys(Keys.ARROW_LEFT)
    assert value() == 99 and "99%" in clip()


def box(browser, id_):
    return browser.execute_script("const r = document.querySelector(arguments[0]).getBoundingClientRect();"
                                  "return {left: r.left, right: r.right, top: r.top + scrollY, bottom: r.bottom + scrollY}", id_)


def test_both_halves_of_a_wide_window_are_used(system, browser):
    at(browser, 1440)
    open_page(browser, system)
    sample(browser, "portrait")
    photo, request, empty, models = (box(browser, e) for e in (".photo", ".request", ".empty", "#models"))
    assert empty["left"] == request["left"] > photo["right"] and empty["bottom"] == photo["bottom"] < models["top"]
    assert models["left"] == photo["left"] and models["right"] == request["right"]
    find(browser, "ask").click()
    wait(browser, lambda: find(browser, "route").is_displayed())
    route = box(browser, "#route")
    assert route["left"] == request["left"] and 0 < route["top"] - request["bottom"] < 30 and not find(browser, "models-of").text
    send(browser, "condition1")
    route, shown, photo = (box(browser, e) for e in ("#route", "#result", ".photo"))
    assert shown["left"] == request["left"] and 0 < shown["top"] - request["bottom"] < 30
    assert route["left"] == photo["left"] and route["right"] == request["right"] and route["top"] > max(photo["bottom"], shown["bottom"])


def test_the_rules_are_listed_in_the_order_in_which_they_are_tried(start, browser, tmp_path):
    rules = lambda to: [{"name": "metrics", "match": [{"uri": {"exact": "/metrics"}}, {"uri": {"prefix": "/docs/"}}], "route": to(1)},
                        {"match": [{"uri": {"prefix": "/pre"}, "headers": {"target": {"exact": "one"}}}], "route": to(1)},
                        {"name": "rest", "route": to(1)}, {"match": [{"uri": {"prefix": "/"}}], "route": to(1)}]
    system = start_system(start, tmp_path, (1,), rules)
    open_page(browser, system)
    find(browser, "header-value").clear()
    find(browser, "header-value").send_keys("two")
    find(browser, "ask").click()
    wait(browser, lambda: find(browser, "tried").is_displayed())
    tried = [e.text for e in browser.find_elements(By.CSS_SELECTOR, "#tried > li")]
    assert tried[0] == f"The host * takes 127.0.0.1:{system.address[1]}."
    assert [t.split("default/route ")[0].strip() for t in tried[1:]] == ["Does not match"] * 3 + ["Takes the request"]
    assert ["#0.0 (metrics)" in tried[1], "#0.1 (metrics)" in tried[2], "#1.0" in tried[3], "#2 (rest)" in tried[4]] == [True] * 4
    assert all("mesh.yaml:" in t for t in tried[1:])
    assert "Fails uri: expected exact: /metrics, the request has /predict" in tried[1]
    assert "Holds uri: expected prefix: /pre, the request has /predict" in tried[3]
    assert "Fails headers[target]: expected exact: one, the request has two" in tried[3]
    assert "no condition: always matches" in tried[4]
    assert "rules after it are not tried" in find(browser, "notes").text
    paths = requested(browser)
    assert "/predict" not in paths
    check_quiet(browser, origin_of(system))


def test_labels_and_the_order_of_the_focus(system, browser):
    open_page(browser, system)
    sample(browser, "portrait")
    send(browser, "condition1")
    unnamed = browser.execute_script("""
      const name = (e) => e.getAttribute('aria-label') || e.closest('label')?.textContent.trim() || e.textContent.trim() || e.querySelector('img')?.alt;
      return [...document.querySelectorAll('button, input, select, a, progress, summary, [tabindex="0"]')].filter((e) => !name(e)).map((e) => e.outerHTML);""")
    assert unnamed == []
    browser.execute_script("document.activeElement.blur(); scrollTo(0, 0); document.getElementById('language').focus()")
    reached = []
    for _ in range(40):
        ActionChains(browser).send_keys(Keys.TAB).perform()
        reached.append(browser.execute_script("const e = document.activeElement; return e.id || e.value || e.tagName.toLowerCase()"))
        if reached[-1] == "at-once":
            break
    assert reached == ["file", *["button"] * 5, "frame", "radius", "zoom-in", "rect", "header-name", "header-value", "output", "send", "ask",
                       "slider", "download", "summary", "at-once"], reached
