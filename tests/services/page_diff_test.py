"""The panel of the gateway's page that compares pasted rules with what is loaded, in a real headless Chromium."""
import subprocess

import pytest
import yaml
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from page_test import SPLIT, WIDTHS, at, browser, check_quiet, find, keep, origin_of, wait  # noqa: F401 (browser is a fixture)


def resource(kind, name, **spec):
    return {"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def rules(match):
    to = lambda n: [{"destination": {"host": f"s{n}.test"}}]
    return resource("VirtualService", "route", hosts=["*"], gateways=["gw"], http=[
        {"match": [{"uri": {"exact": "/ready"}}], "directResponse": {"status": 200}},
        {"match": [{"headers": {"target": match}}], "route": to(1), "timeout": "3s"}, {"route": to(2)}])


@pytest.fixture
def gateway(start, tmp_path):
    servers = [resource("ServiceEntry", f"s{n}", hosts=[f"s{n}.test"], location="MESH_INTERNAL", resolution="STATIC",
                        ports=[{"number": 80, "name": "http", "protocol": "HTTP"}], endpoints=[{"address": f"127.0.0.{n}", "ports": {"http": 9}}])
               for n in (1, 2)]
    (tmp_path / "mesh.yaml").write_text(yaml.safe_dump_all([
        resource("Gateway", "gw", selector={"istio": "ingressgateway"},
                 servers=[{"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}]), *servers, rules({"exact": "condition1"})]))
    return start("headerroute-gateway", "-f", tmp_path / "mesh.yaml", "--ui", "/ui")


def compare(browser, text):
    browser.execute_script("document.getElementById('diff-text').value = arguments[0]", text)
    find(browser, "diff-send").click()
    wait(browser, lambda: find(browser, "diff-send").is_enabled() and not find(browser, "diff-cancel").is_displayed())


def open_panel(browser, gateway):
    browser.get(origin_of(gateway) + "/ui/")
    wait(browser, lambda: find(browser, "diff-title").text == "What would a change do?")


@WIDTHS
def test_a_candidate_is_compared_with_what_is_loaded(gateway, browser, width):
    at(browser, width)
    open_panel(browser, gateway)
    compare(browser, yaml.safe_dump_all([rules({"regex": "condition[12]"}), resource("VirtualService", "new", hosts=["new.test"],
                                        gateways=["gw"], http=[{"match": [{"headers": {"note": {"exact": "it's \u00e9"}}}],
                                                                "directResponse": {"status": 418}}])]))
    assert find(browser, "diff-summary").text.startswith("7 of 13 regions of requests change (gateway default/gw port 80).")
    assert "Replaced: VirtualService default/route." in find(browser, "diff-summary").text
    assert "Added: VirtualService default/new." in find(browser, "diff-summary").text
    region = next(e.text for e in browser.find_elements(By.CSS_SELECTOR, "#diff-regions > li") if "regex condition[12]" in e.text)
    assert "default/route http[2] -> s2.test" in region and "mesh.yaml:" in region
    assert "default/route http[1].match[0] -> s1.test, timeout none -> 3s" in region and "<pasted>:" in region
    lines = [e.text for e in browser.find_elements(By.CSS_SELECTOR, "#diff-regions code")]
    for line in lines:  # a shell reads it whole, as it stands
        subprocess.run(["bash", "-c", "curl() { :; }\n" + line], check=True, timeout=60)
    assert "curl -H 'target: condition2' http://example.com/" in lines
    assert browser.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    browser.execute_script("document.getElementById('diff').scrollIntoView()")
    keep(browser, f"diff-{width}.png")
    on_top = "const r = document.getElementById(arguments[0]).getBoundingClientRect();" \
             "return document.elementFromPoint(r.left + 5, r.top + r.height / 2)?.id"
    assert browser.execute_script(on_top, "diff-title") == "diff-title"  # nothing of the page covers it
    find(browser, "language").click()
    wait(browser, lambda: "変わります" in find(browser, "diff-summary").text and find(browser, "diff-title").text.startswith("変更すると"))
    find(browser, "language").click()
    compare(browser, yaml.safe_dump(rules({"regex": "condition1"})))
    assert find(browser, "diff-summary").text.startswith("No request changes (gateway default/gw port 80). That is proven for all requests.")
    assert browser.find_elements(By.CSS_SELECTOR, "#diff-regions > li") == []
    assert browser.execute_script(SPLIT.replace("'main'", "'.below'")) == []
    check_quiet(browser, origin_of(gateway))


def test_errors_and_what_is_undecided_have_their_places(gateway, browser):
    open_panel(browser, gateway)
    compare(browser, "kind: [\n")
    assert find(browser, "diff-error").text == "The answer was 400: the YAML has errors"
    assert find(browser, "diff-rest").text.startswith("<pasted>:2:1: not valid YAML")
    compare(browser, yaml.safe_dump(rules({"regex": "\\bcondition1"})))
    assert not find(browser, "diff-error").is_displayed()
    assert "not decided: a word boundary" in find(browser, "diff-rest").text and "<pasted>:" in find(browser, "diff-rest").text
    keep(browser, "diff-undecided.png")


def test_markup_in_rules_is_text(gateway, browser):
    open_panel(browser, gateway)
    compare(browser, yaml.safe_dump(rules({"exact": "<img src=x onerror=document.title='run'>"})))
    assert "<img src=x" in find(browser, "diff-regions").text and browser.title == "headerroute"
    assert browser.find_elements(By.CSS_SELECTOR, "#diff-regions img") == []


def test_by_keyboard_and_without_a_gateway(gateway, browser):
    open_panel(browser, gateway)
    find(browser, "diff-text").send_keys("x: 1", Keys.TAB, Keys.ENTER)
    wait(browser, lambda: "no Kubernetes resource" in find(browser, "diff-error").text)
    gateway.ended_on_purpose = True
    gateway.process.kill()
    gateway.process.wait()
    find(browser, "diff-send").click()
    wait(browser, lambda: "did not answer" in find(browser, "diff-error").text)
