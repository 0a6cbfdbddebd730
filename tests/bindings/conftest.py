import pytest
from bindings_support import ROOT


@pytest.fixture
def repository(monkeypatch):
    """The folder that the README's examples are written for."""
    monkeypatch.chdir(ROOT)
    return ROOT
