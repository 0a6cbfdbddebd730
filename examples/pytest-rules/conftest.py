"""Loads the rules once; a test asks them with `route(path, headers, random)`."""
import pathlib

import headerroute
import pytest

RULES = pathlib.Path(__file__).parent / "rules"


@pytest.fixture(scope="session")
def table():
    return headerroute.load(RULES, lint=True)


@pytest.fixture(scope="session")
def route(table):
    view = table.view(port=80)

    def decide(path, headers=(), random=0.0):
        return view.route("POST", f"http://models{path}", headers=headers, random=random)

    return decide
