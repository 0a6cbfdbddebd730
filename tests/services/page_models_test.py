"""The page's comparison of all models, in a real headless Chromium: a column a rule, what differs, failures and cancelling."""
import numpy
import pytest
from PIL import Image
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

import pictures
from browser import (CONTRAST, OVERFLOW, SPLIT, at, browser, check_quiet, choose, find, keep, open_page, origin_of, requested,  # noqa: F401
                     sample, start_system, system, text_of, wait)
from conftest import ROOT

PIXELS = """
const canvas = arguments[0].querySelector('canvas');
return [canvas.width, canvas.height, Array.from(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data)];
"""


def exact(value, to, **more):
    return {"match": [{"headers": {"target": {"exact": value}}}], "route": to, **more}


def columns(browser):
    return browser.find_elements(By.CSS_SELECTOR, "#columns > li")


def states(browser):
    return browser.execute_script("return [...document.querySelectorAll('#columns .state')].map((e) => e.className.split(' ')[1])")


def part(column, css):
    return column.find_element(By.CSS_SELECTOR, css).get_attribute("textContent")


def run_all(browser, at_once="1"):
    Select(find(browser, "at-once")).select_by_value(at_once)
    find(browser, "run-all").click()
    wait(browser, lambda: not {"waiting", "running", "idle"} & set(states(browser)) and find(browser, "run-all").is_enabled())


def masks(name, *iterations):
    """The masks of a sample photo with the frame that the page begins with."""
    image = numpy.array(Image.open(ROOT / "photos" / name).convert("RGB"))
    return [pictures.reference(image, n)[1] for n in iterations]


def test_two_models_side_by_side_and_what_differs(system, browser):
    open_page(browser, system)
    assert len(columns(browser)) == 2 and not find(browser, "run-all").is_enabled()
    sample(browser, "dahlia")
    run_all(browser)
    one, ten = columns(browser)
    assert part(one, ".sends") == "target: condition1" and part(ten, ".sends") == "(no header)"
    assert "default/route #0" in part(one, "h3") and "mesh.yaml:" in part(one, ".place")
    assert "proxy-pod1" in part(one, ".pod") and "predict-pod1" in part(one, ".pod")
    assert "proxy-pod2" in part(ten, ".pod") and part(ten, ".state").endswith(" ms")
    mask1, mask10 = masks("dahlia.jpg", 1, 10)
    more, fewer = int((mask10 > mask1).sum()), int((mask10 < mask1).sum())
    assert fewer > 1000
    words = part(ten, "figure:nth-of-type(2) figcaption")
    assert words.startswith(f"{more + fewer} pixels (") and f"{more} more" in words and f"{fewer} fewer" in words, words
    assert "compared with it" in part(one, "figure:nth-of-type(2) figcaption")
    width, height, values = browser.execute_script(PIXELS, ten)
    drawn = numpy.array(values, numpy.uint8).reshape(height, width, 4)
    expected = numpy.zeros((height, width), numpy.int64)  # 1: a pixel more, 2: a pixel fewer; where both fall together, the later one
    scale = 360 / mask1.shape[1]
    for y, x in numpy.argwhere(mask1 != mask10):
        expected[min(height - 1, int(y * scale)), min(width - 1, int(x * scale))] = 1 if mask10[y, x] else 2
    for kind, colour in (1, (30, 136, 229)), (2, (230, 81, 0)):
        assert ((drawn[:, :, :3] == colour).all(axis=2) == (expected == kind)).all()
    keep(browser, "models-2.png")
    # 10 iterations are better: the flower stays, and of the leaves below it nothing.
    assert mask1[305:].sum() > 1000 and not mask10[305:].any() and mask10[100:250, 130:250].all()
    check_quiet(browser, origin_of(system))


def test_results_leave_with_their_photo(system, browser, tmp_path):
    open_page(browser, system)
    sample(browser, "portrait")
    run_all(browser, "2")
    assert states(browser) == ["done", "done"] and "portrait.jpg" in find(browser, "models-of").text
    find(browser, "language").click()
    assert "処理" in part(columns(browser)[0], ".pod") and find(browser, "run-all").text == "すべて実行"
    find(browser, "language").click()
    (tmp_path / "disc.png").write_bytes(pictures.encode(pictures.disc(160, 120)))
    choose(browser, tmp_path / "disc.png")
    wait(browser, lambda: states(browser) == ["idle", "idle"])
    assert find(browser, "models-of").text == "" and not columns(browser)[0].find_element(By.TAG_NAME, "figure").is_displayed()


def twelve(to):
    """Rules of every kind: with another model each, without a header, out of reach, and one that fails."""
    both = {"match": [{"headers": {"target": {"regex": "b[0-9]+"}, "x-tenant": {"prefix": "shop-"}}}], "route": to(2)}
    return [{"match": [{"uri": {"exact": "/metrics"}}], "directResponse": {"status": 404}},
            *(exact(f"model{i}", to(1 + i % 2)) for i in range(8)), both,
            {"match": [{"headers": {"cookie": {"exact": "a=b"}}}], "route": to(1)},
            {"match": [{"headers": {"target": {"exact": "gone"}}}], "directResponse": {"status": 503, "body": {"string": "this model is gone"}}},
            {"route": to(3)}]


@pytest.mark.parametrize("width", [360, 768, 1440])
def test_twelve_rules_at_every_width_and_a_failure_stays_in_its_column(start, browser, tmp_path, width):
    system = start_system(start, tmp_path, (1, 3, 10), twelve)
    at(browser, width)
    open_page(browser, system)
    assert len(columns(browser)) == 12
    assert "1 rule takes no request" in text_of(browser, "unreached-title") and "default/route #0" in text_of(browser, "unreached-rules")
    sample(browser, "dahlia")
    run_all(browser, "2")
    assert states(browser) == ["done"] * 9 + ["failed"] * 2 + ["done"]
    failed = columns(browser)[9:11]
    assert "cannot set the header cookie" in part(failed[0], ".state")
    assert "503" in part(failed[1], ".state") and "this model is gone" in part(failed[1], ".state")
    two_headers = part(columns(browser)[8], ".sends")
    assert "target: b" in two_headers and "x-tenant: shop-" in two_headers
    differs = [part(c, "figure:nth-of-type(2) figcaption") for c in columns(browser)]
    assert "same pixels" in differs[2] and "fewer" in differs[11] and differs[9] == ""
    assert text_of(browser, "models-count") == "12 of 12 have ended"
    assert browser.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    assert browser.execute_script(OVERFLOW) == [] and browser.execute_script(SPLIT) == []
    for mode in "light", "dark":
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": mode}]})
        assert browser.execute_script(CONTRAST) == [], mode
        browser.execute_script("document.getElementById('models').scrollIntoView()")
        keep(browser, f"models-{width}-{mode}.png")
    errors = [e for e in browser.get_log("browser") if "503" not in e["message"]]
    assert errors == []


@pytest.mark.parametrize("at_once", ["1", "2"])
def test_a_run_is_cancelled_and_begun_again(start, browser, tmp_path, at_once):
    picture = numpy.random.RandomState(1).randint(0, 256, (900, 1200, 3)).astype(numpy.uint8)
    (tmp_path / "large.png").write_bytes(pictures.encode(picture))
    system = start_system(start, tmp_path, (1, 1000), lambda to: [exact("slow", to(2)), exact("slower", to(2)), {"route": to(1)}])
    open_page(browser, system)
    choose(browser, tmp_path / "large.png")
    Select(find(browser, "at-once")).select_by_value(at_once)
    find(browser, "run-all").click()
    running = ["running"] * int(at_once)
    wait(browser, lambda: states(browser) == running + ["waiting"] * (3 - len(running)))
    # Requests are under way, no more than the chosen number of them.
    wait(browser, lambda: system.behind[2].metrics()["headerroute_jobs_running"] >= 1)
    assert requested(browser).count("/predict") <= int(at_once)
    find(browser, "stop-all").click()
    wait(browser, lambda: states(browser) == ["canceled"] * 3)
    assert find(browser, "run-all").is_enabled() and not find(browser, "stop-all").is_displayed()
    wait(browser, lambda: system.behind[2].metrics()["headerroute_jobs_running"] == 0)
    system.behind[2].stop()
    run_all(browser, at_once)
    assert states(browser) == ["failed", "failed", "done"]
    assert "unreachable" in part(columns(browser)[0], ".state")
    assert "no result to compare" in part(columns(browser)[2], "figure:nth-of-type(2) figcaption")


def test_rules_that_change_make_new_columns(system, browser, tmp_path):
    open_page(browser, system)
    sample(browser, "portrait")
    run_all(browser)
    rules = tmp_path / "mesh.yaml"
    rules.write_text(rules.read_text().replace("condition1", "conditionA"))
    def reloaded():
        run_all(browser)
        return part(columns(browser)[0], ".sends") == "target: conditionA"
    wait(browser, reloaded)
    assert states(browser) == ["done", "done"]
    options = browser.execute_script("return [...document.querySelectorAll('#values option')].map((o) => o.value)")
    assert options == ["conditionA"]


def test_rules_of_delegates_have_columns_of_their_own(start, browser, tmp_path):
    root = lambda to: [{"name": "first", "match": [{"headers": {"target": {"exact": "a"}}}, {"headers": {"target": {"exact": "b"}}}], "route": to(1)},
                       {"match": [{"headers": {"tenant": {"exact": "one"}}}], "delegate": {"name": "one"}}, {"delegate": {"name": "two"}}]
    leaf = lambda name, n: lambda to: [{"name": f"{name}-c", "match": [{"headers": {"target": {"exact": "c"}}}], "route": to(n)},
                                       {"name": f"{name}-rest", "route": to(n)}]
    system = start_system(start, tmp_path, (1, 2), root, {"one": leaf("one", 1), "two": leaf("two", 2)})
    open_page(browser, system)
    assert len(columns(browser)) == 5
    sample(browser, "portrait")
    run_all(browser, "2")
    assert states(browser) == ["done"] * 5
    titles = [part(c, "h3") for c in columns(browser)]
    assert [name in title for name, title in zip(("first", "one-c", "one-rest", "two-c", "two-rest"), titles)] == [True] * 5, titles
    assert len({part(c, ".place") for c in columns(browser)}) == 5
    assert ["predict-pod2" in part(c, ".pod") for c in columns(browser)] == [False] * 3 + [True] * 2


def test_a_new_photo_ends_the_run_of_the_old_one(start, browser, tmp_path):
    picture = numpy.random.RandomState(1).randint(0, 256, (900, 1200, 3)).astype(numpy.uint8)
    (tmp_path / "large.png").write_bytes(pictures.encode(picture))
    system = start_system(start, tmp_path, (1, 1000), lambda to: [{"match": [{"headers": {"size": {"exact": "small"}}}], "route": to(1)}, {"route": to(2)}])
    open_page(browser, system)
    choose(browser, tmp_path / "large.png")
    find(browser, "run-all").click()
    wait(browser, lambda: system.behind[2].metrics()["headerroute_jobs_running"] >= 1)  # the first has its result, the second runs
    assert states(browser) == ["done", "running"]
    sample(browser, "portrait")
    wait(browser, lambda: states(browser) == ["idle", "idle"] and find(browser, "run-all").is_enabled())
    wait(browser, lambda: system.behind[2].metrics()["headerroute_jobs_running"] == 0)
    assert not find(browser, "stop-all").is_displayed() and text_of(browser, "models-count") == ""
    assert not any(e.get_attribute("src") for e in browser.find_elements(By.CSS_SELECTOR, "#columns img"))


@pytest.mark.parametrize("n, words", [(30, "31 rules take requests of this page, each with the headers below. The first 24 are shown."),
                                      (1000, "The 1001 rules of the gateway are more than it looks through for this page.")])
def test_many_rules(start, browser, tmp_path, n, words):
    system = start_system(start, tmp_path, (1,), lambda to: [*(exact(f"model{i}", to(1)) for i in range(n)), {"route": to(1)}])
    open_page(browser, system)
    assert find(browser, "models-note").text == words
    assert len(columns(browser)) == (24 if n == 30 else 0)
    sample(browser, "portrait")
    assert find(browser, "run-all").is_enabled() == (n == 30)
    check_quiet(browser, origin_of(system))


def test_rules_without_a_column_say_why(start, browser, tmp_path):
    rules = lambda to: [{"match": [{"queryParams": {"model": {"exact": "a"}}}], "route": to(1)}, {"match": [{"method": {"exact": "GET"}}], "route": to(1)},
                        {"route": to(1)}]
    open_page(browser, start_system(start, tmp_path, (1,), rules))
    assert len(columns(browser)) == 1 and text_of(browser, "unreached-title") == "2 rules take no request of this page"
    query, method = [e.get_attribute("textContent") for e in browser.find_elements(By.CSS_SELECTOR, "#unreached-rules li")]
    assert "#0" in query and "needs a query" in query and "#1" in method and "no POST to /predict" in method
