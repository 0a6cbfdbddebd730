"""lowlevel.pyi says what SWIG made: the same names, the same arguments."""
import ast
import importlib
import inspect
import os

import pytest
from bindings_support import ROOT


def stub_of(package):
    with open(os.path.join(ROOT, "bindings", "python", package, "lowlevel.pyi"), encoding="utf-8") as f:
        return ast.parse(f.read()).body


@pytest.mark.parametrize("package, prefixes", [("headerroute", ("hr_", "HR_")), ("grabcut", ("grabcut_", "GRABCUT_"))])
def test_stub_has_all_names_of_the_header(package, prefixes):
    module = importlib.import_module(f"{package}.lowlevel")
    made = {n for n in dir(module) if n.startswith(prefixes) and not n.endswith("_swigregister")}
    stubbed = {n.name if hasattr(n, "name") else n.target.id for n in stub_of(package)
               if isinstance(n, (ast.FunctionDef, ast.ClassDef, ast.AnnAssign))}
    assert made <= stubbed
    assert all(hasattr(module, n) for n in stubbed)


@pytest.mark.parametrize("package", ["headerroute", "grabcut"])
def test_functions_take_what_the_stub_says(package):
    module = importlib.import_module(f"{package}.lowlevel")
    functions = [n for n in stub_of(package) if isinstance(n, ast.FunctionDef)]
    for f in functions:
        assert [a.arg for a in f.args.args] == list(inspect.signature(getattr(module, f.name)).parameters), f.name
    assert functions


@pytest.mark.parametrize("package", ["headerroute", "grabcut"])
def test_classes_have_the_members_of_the_stub(package):
    module = importlib.import_module(f"{package}.lowlevel")
    for c in stub_of(package):
        if isinstance(c, ast.ClassDef):
            members = {n.name for n in c.body if isinstance(n, ast.FunctionDef)}
            made = {n for n in vars(getattr(module, c.name)) if not n.startswith("_") and n != "thisown"}
            assert members == made, c.name
