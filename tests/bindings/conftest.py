import pytest
from bindings_support import ROOT


@pytest.fixture
def repository(monkeypatch):
    """The folder that the contract's examples are written for."""
    monkeypatch.chdir(ROOT)
    return ROOT
