"""A real headless Chromium, the system that its pages belong to, and what tests of pages ask of it."""
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
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.utils import is_connectable
from selenium.webdriver.support.ui import WebDriverWait

from conftest import PATIENCE, ROOT, wait_until

PHOTOS = [p for p in (ROOT / "photos").iterdir() if p.suffix in (".jpg", ".png")]
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--no-proxy-server")
RESULT = """
const image = document.getElementById('after');
const canvas = Object.assign(document.createElement('canvas'), {width: image.naturalWidth, height: image.naturalHeight});
const context = canvas.getContext('2d', {willReadFrequently: true});
context.drawImage(image, 0, 0);
return [canvas.width, canvas.height, Array.from(context.getImageData(0, 0, canvas.width, canvas.height).data)];
"""


def start_system(start, tmp_path, iterations=(1, 10), rules=None, more=()):
    """A gateway, and a proxy with its predict server for each number of iterations, on free ports. `rules` returns the
    VirtualService's http for a function that makes the route to the n-th of them, from 1; default: those of the demo.
    `more` are further VirtualServices, by name, made in the same way."""
    endpoints, behind = [], []
    for n, count in enumerate(iterations, 1):
        predict = start("headerroute-predict", "--name", f"predict-pod{n}", "--iterations", count)
        proxy = start("headerroute-proxy", "--name", f"proxy-pod{n}",
                      env={"PREDICT_SERVER_URL": "http://%s:%d" % predict.address})
        behind += [predict, proxy]
        endpoints.append({"address": proxy.address[0], "ports": {"http": proxy.address[1]}, "labels": {"version": f"v{n}"}})
    def resource(kind, name, **spec):
        return {"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}
    to = lambda n: [{"destination": {"host": "proxy.test", "subset": f"subset{n}"}}]
    http = rules(to) if rules else [{"match": [{"headers": {"target": {"exact": "condition1"}}}], "route": to(1)}, {"route": to(2)}]
    (tmp_path / "mesh.yaml").write_text(yaml.safe_dump_all([
        resource("Gateway", "gw", selector={"istio": "ingressgateway"},
                 servers=[{"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}]),
        resource("ServiceEntry", "proxy", hosts=["proxy.test"], location="MESH_INTERNAL", resolution="STATIC",
                 ports=[{"number": 80, "name": "http", "protocol": "HTTP"}], endpoints=endpoints),
        resource("DestinationRule", "proxy", host="proxy.test",
                 subsets=[{"name": f"subset{n}", "labels": {"version": f"v{n}"}} for n in range(1, len(iterations) + 1)]),
        resource("VirtualService", "route", hosts=["*"], gateways=["gw"], http=http),
        *(resource("VirtualService", name, http=delegated(to)) for name, delegated in dict(more).items())]))
    gateway = start("headerroute-gateway", "--name", "gateway", "-f", tmp_path / "mesh.yaml", "--ui", "/ui",
                    "--ui-samples", ROOT / "photos")
    gateway.behind = behind
    return gateway


@pytest.fixture
def system(start, tmp_path, request):
    """As the demo has it; the parameter is how many iterations the second model takes."""
    return start_system(start, tmp_path, (1, getattr(request, "param", 10)))


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
    problems = [e for e in browser.get_log("browser") if e["level"] in ("SEVERE", "WARNING")]
    assert problems == [], problems
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
    wait(browser, lambda: browser.find_element(By.TAG_NAME, "body").get_attribute("data-ready"))
    assert len(browser.find_elements(By.CSS_SELECTOR, "#samples img")) == len(PHOTOS)


def sample(browser, name):
    browser.find_element(By.CSS_SELECTOR, f"#samples img[alt*={name}]").click()
    wait(browser, lambda: find(browser, "send").is_enabled()
         and browser.execute_script("return document.querySelector('#samples [aria-pressed=true] img')?.alt.includes(arguments[0])", name))


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


def text_of(browser, id_):
    """Also of what is hidden."""
    return find(browser, id_).get_attribute("textContent")


def complaint(browser):
    wait(browser, lambda: find(browser, "error").is_displayed() and text_of(browser, "error"))
    return text_of(browser, "error")


def touch(browser, *points):
    """One finger along these points of the viewport."""
    for kind, point in [("touchStart", points[0]), *(("touchMove", p) for p in points[1:]), ("touchEnd", None)]:
        at = [] if point is None else [{"x": round(point[0]), "y": round(point[1])}]
        browser.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})


def middle(browser, css):
    return browser.execute_script("const r = document.querySelector(arguments[0]).getBoundingClientRect();"
                                  "return [r.left + r.width / 2, r.top + r.height / 2, r.width, r.height]", css)


def keep(browser, name):
    """Saves screenshots in the folder HR_SCREENSHOTS, if that is set."""
    folder = os.environ.get("HR_SCREENSHOTS")
    if folder:
        browser.save_screenshot(os.path.join(folder, name))


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
return [...document.querySelectorAll('h1, h2, h3, p, label span, legend, button, summary, dt, dd, b, strong, small, li span, code, figcaption, output')].filter((e) => e.offsetParent && !e.disabled && e.textContent.trim()).map((e) => {
  const [a, b] = [luminance(getComputedStyle(e).color), luminance(ground(e))].sort((x, y) => y - x);
  return [e.textContent.slice(0, 20), (a + 0.05) / (b + 0.05)];
}).filter(([, ratio]) => ratio < 4.5);
"""
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
