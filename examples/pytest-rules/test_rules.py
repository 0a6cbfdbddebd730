"""What a team promises about its rules, as tests that run without a cluster."""
import pytest


def test_the_linter_finds_nothing(table):
    assert table.warnings == ()


@pytest.mark.parametrize("domain, subset", [
    ("medical", "medical"), ("radiology", "medical"), ("medical-x", "stable"), ("Medical", "stable"), ("", "stable")])
def test_the_domain_chooses_the_model(route, domain, subset):
    assert route("/v1/predict", {"domain": domain}).destination.subset == subset


def test_without_a_domain_five_percent_reach_the_canary(route):
    subsets = [route("/v1/predict", random=i / 100).destination.subset for i in range(100)]
    assert subsets.count("canary") == 5 and subsets.count("stable") == 95


def test_medical_images_are_never_sent_to_the_canary(route):
    for i in range(100):
        assert route("/v1/predict", {"domain": "medical"}, random=i / 100).destination.subset == "medical"


def test_the_old_path_is_redirected(route):
    d = route("/predict")
    assert d.action == "redirect"
    assert d.redirect.location.endswith("/v1/predict")


def test_an_unknown_path_has_no_route(route):
    assert route("/v2/predict").action == "no_route"


def test_large_images_have_time(route):
    assert route("/v1/predict", {"domain": "medical"}).timeout_ms == 30_000
    assert route("/v1/predict").retries.attempts == 2
