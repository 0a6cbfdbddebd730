"""The web page of the gateway and /docs of the servers, in a real headless Chromium: choose a photo, draw the
frame, send with two values of the header, and look at what came back."""
import base64
import contextlib
import json
import os
import signal
import subprocess
from urllib.parse import urlsplit

import numpy
import pytest
import yaml
from selenium import webdriver
from selenium.webdriver import ActionChains
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.common.utils import is_connectable
from selenium.webdriver.support.ui import WebDriverWait

import pictures
from conftest import PATIENCE, ROOT, wait_until

FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--no-proxy-server")
RESULT = """
const image = document.getElementById('after');
const canvas = Object.assign(document.createElement('canvas'), {width: image.naturalWidth, height: image.naturalHeight});
const context = canvas.getContext('2d', {willReadFrequently: true});
context.drawImage(image, 0, 0);
return [canvas.width, canvas.height, Array.from(context.getImageData(0, 0, canvas.width, canvas.height).data)];
"""


@pytest.fixture
def system(start, tmp_path, request):
    """Gateway, two proxies and two predict servers, as the demo has them, on free ports; the parameter is how many
    iterations the second model takes."""
    endpoints, behind = [], []
    for n, iterations in (1, 1), (2, getattr(request, "param", 10)):
        predict = start("headerroute-predict", "--name", f"predict-pod{n}", "--iterations", iterations)
        proxy = start("headerroute-proxy", "--name", f"proxy-pod{n}",
                      env={"PREDICT_SERVER_URL": "http://%s:%d" % predict.address})
        behind += [predict, proxy]
        endpoints.append({"address": proxy.address[0], "ports": {"http": proxy.address[1]}, "labels": {"version": f"v{n}"}})
    def resource(kind, name, **spec):
        return {"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}
    to = lambda n: [{"destination": {"host": "proxy.test", "subset": f"subset{n}"}}]
    (tmp_path / "mesh.yaml").write_text(yaml.safe_dump_all([
        resource("Gateway", "gw", selector={"istio": "ingressgateway"},
                 servers=[{"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}]),
        resource("ServiceEntry", "proxy", hosts=["proxy.test"], location="MESH_INTERNAL", resolution="STATIC",
                 ports=[{"number": 80, "name": "http", "protocol": "HTTP"}], endpoints=endpoints),
        resource("DestinationRule", "proxy", host="proxy.test",
                 subsets=[{"name": f"subset{n}", "labels": {"version": f"v{n}"}} for n in (1, 2)]),
        resource("VirtualService", "route", hosts=["*"], gateways=["gw"], http=[
            {"match": [{"headers": {"target": {"exact": "condition1"}}}], "route": to(1)}, {"route": to(2)}])]))
    gateway = start("headerroute-gateway", "--name", "gateway", "-f", tmp_path / "mesh.yaml", "--ui", "/ui",
                    "--ui-samples", ROOT / "photos")
    gateway.behind = behind
    return gateway


class Driver(Service):
    """Selenium calls its driver at localhost, a name that a bare root without /etc/hosts does not know."""

    @property
    def service_url(self):
        return f"http://127.0.0.1:{self.port}"

    def is_connectable(self):
        return is_connectable(self.port, "127.0.0.1")


@contextlib.contextmanager
def browser_with(tmp_path, *more):
    """A Chromium that this test starts itself: the driver would reach one of its own at localhost only."""
    profile = tmp_path / "profile"
    chromium = subprocess.Popen(["/usr/bin/chromium", *FLAGS, *more, "--remote-debugging-port=0", f"--user-data-dir={profile}",
                                 "about:blank"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        port_file = profile / "DevToolsActivePort"
        wait_until(lambda: port_file.exists() and port_file.read_text().count("\n") == 1, "Chromium listens")
        options = Options()
        options.debugger_address = f"127.0.0.1:{port_file.read_text().splitlines()[0]}"
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        driver = webdriver.Chrome(service=Driver("/usr/bin/chromedriver"), options=options)
        try:
            yield driver
        finally:
            driver.quit()
    finally:
        os.killpg(chromium.pid, signal.SIGKILL)
        chromium.wait()


@pytest.fixture
def browser(tmp_path):
    with browser_with(tmp_path, "--lang=en-US", "--window-size=1200,1400") as driver:
        yield driver


def wait(browser, condition):
    return WebDriverWait(browser, PATIENCE).until(lambda _: condition())


def find(browser, id_):
    return browser.find_element(By.ID, id_)


def check_quiet(browser, origin):
    """No error on the console, no request to anywhere but the origin."""
    assert [e for e in browser.get_log("browser") if e["level"] in ("SEVERE", "WARNING")] == []
    for entry in browser.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        # The browser's own start page is not checked; all requests of our pages are.
        if message["method"] == "Network.requestWillBeSent" and not message["params"]["documentURL"].startswith("chrome:"):
            url = message["params"]["request"]["url"]
            assert url.startswith((origin + "/", "blob:" + origin + "/", "data:")), url


def origin_of(server):
    return "http://%s:%d" % server.address


def open_page(browser, system):
    browser.get(origin_of(system) + "/ui/")
    wait(browser, lambda: len(browser.find_elements(By.CSS_SELECTOR, "#samples img")) == 4)


def choose(browser, path):
    find(browser, "file").send_keys(str(path))
    wait(browser, lambda: find(browser, "send").is_enabled())


def send(browser, value):
    field = find(browser, "header-value")
    field.clear()
    field.send_keys(value)
    hops = find(browser, "hops").get_attribute("innerHTML")
    find(browser, "send").click()
    wait(browser, lambda: not find(browser, "cancel").is_displayed()
         and (find(browser, "error").is_displayed() or find(browser, "hops").get_attribute("innerHTML") != hops))
    assert not find(browser, "error").is_displayed(), find(browser, "error").text
    wait(browser, lambda: browser.execute_script("const i = document.getElementById('after'); return i.complete && i.naturalWidth > 0"))
    return find(browser, "hops").text


def frame_of(browser):
    """x, y, width, height as the page shows them."""
    return browser.execute_script("return document.getElementById('rect-text').textContent.match(/\\d+/g).map(Number)")


def result(browser):
    width, height, values = browser.execute_script(RESULT)
    return numpy.array(values, numpy.uint8).reshape(height, width, 4)[:, :, :3]


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


def text_of(browser, id_):
    """Also of what is hidden."""
    return find(browser, id_).get_attribute("textContent")


def complaint(browser):
    wait(browser, lambda: find(browser, "error").is_displayed() and text_of(browser, "error"))
    return text_of(browser, "error")


DROP = {"items": [], "dragOperationsMask": 1}
PASTE = """
const [encoded, type, name] = arguments, transfer = new DataTransfer();
transfer.items.add(new File([Uint8Array.from(atob(encoded), (c) => c.charCodeAt(0))], name, {type}));
dispatchEvent(new ClipboardEvent('paste', {clipboardData: transfer}));
"""


def touch(browser, *points):
    """One finger along these points of the viewport."""
    for kind, point in [("touchStart", points[0]), *(("touchMove", p) for p in points[1:]), ("touchEnd", None)]:
        at = [] if point is None else [{"x": round(point[0]), "y": round(point[1])}]
        browser.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})


def middle(browser, css):
    return browser.execute_script("const r = document.querySelector(arguments[0]).getBoundingClientRect();"
                                  "return [r.left + r.width / 2, r.top + r.height / 2, r.width, r.height]", css)


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


OVERFLOW = """
const wide = [...document.querySelectorAll('main, main *, header *')].filter((e) => e.getBoundingClientRect().right > innerWidth + 1);
const pen = document.createElement('canvas').getContext('2d');
const clipped = [...document.querySelectorAll('select, input:not([type]), button')].filter((e) => {
  const style = getComputedStyle(e);
  pen.font = style.font;
  const texts = e instanceof HTMLSelectElement ? [...e.options].map((o) => o.text) : [e.value || e.textContent];
  const room = e.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight) - (e instanceof HTMLSelectElement ? 18 : 0);
  return e.offsetParent && Math.max(...texts.map((x) => pen.measureText(x).width)) > room + 1;
});
return [...wide, ...clipped].map((e) => e.tagName + '#' + e.id);
"""
CONTRAST = """
const luminance = (text) => {
  const [r, g, b] = text.match(/[\\d.]+/g).map(Number).map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const ground = (e) => { const c = getComputedStyle(e).backgroundColor; return c === 'rgba(0, 0, 0, 0)' ? ground(e.parentElement) : c; };
return [...document.querySelectorAll('h1, h2, p, label span, button, summary, td, dt, dd, b, small')].filter((e) => e.offsetParent && !e.disabled && e.textContent.trim()).map((e) => {
  const [a, b] = [luminance(getComputedStyle(e).color), luminance(ground(e))].sort((x, y) => y - x);
  return [e.textContent.slice(0, 20), (a + 0.05) / (b + 0.05)];
}).filter(([, ratio]) => ratio < 4.5);
"""


def test_nothing_is_cut_off_and_all_is_legible_at_every_width_in_both_modes_and_languages(system, browser):
    open_page(browser, system)
    browser.find_element(By.CSS_SELECTOR, "#samples img[alt*=portrait]").click()
    wait(browser, lambda: find(browser, "send").is_enabled())
    send(browser, "condition1")
    browser.execute_script("document.querySelector('details').open = true")
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


def keep(browser, name):
    """Saves screenshots in the folder HR_SCREENSHOTS, if that is set."""
    folder = os.environ.get("HR_SCREENSHOTS")
    if folder:
        browser.save_screenshot(os.path.join(folder, name))


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


def at(browser, width):
    height = 740 if width < 500 else 900
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500})


def edges(browser, id_):
    """The upper and the lower edge in the window, and the height of the window."""
    return browser.execute_script("const r = document.getElementById(arguments[0]).getBoundingClientRect();"
                                  "return [r.top, r.bottom, innerHeight]", id_)


def in_view(browser, id_):
    top, bottom, height = edges(browser, id_)
    return top >= -1 and bottom <= height + 1


def hops(browser):
    return [e.text for e in browser.find_elements(By.CSS_SELECTOR, "#hops li b")]


def requested(browser):
    """The paths of the requests since the last call."""
    sent = [json.loads(e["message"])["message"] for e in browser.get_log("performance")]
    return [urlsplit(m["params"]["request"]["url"]).path for m in sent if m["method"] == "Network.requestWillBeSent"]


WIDTHS = pytest.mark.parametrize("width", [360, 1440])
# Words that a line break splits: their characters are on more than one line.
SPLIT = """
const split = [], range = document.createRange();
const texts = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT);
for (let node = texts.nextNode(); node; node = texts.nextNode()) {
  if (!node.parentElement.offsetParent || node.parentElement.closest('select, datalist')) continue;
  for (const word of node.data.matchAll(/[A-Za-z0-9]+/g)) {
    range.setStart(node, word.index);
    range.setEnd(node, word.index + word[0].length);
    if (new Set([...range.getClientRects()].map((r) => Math.round(r.top))).size > 1) split.push(word[0]);
  }
}
return split;
"""


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
    browser.execute_script("document.querySelector('details').open = true")
    assert browser.execute_script(SPLIT) == []
    browser.execute_script("document.querySelector('details').scrollIntoView()")
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
    assert sum(f.stat().st_size for f in (ROOT / "services/gateway/ui").iterdir()) < 60 << 10
