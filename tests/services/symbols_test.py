"""Checks that the servers do not interpose library symbols: no symbol they export can replace a library's own."""
import subprocess

import pytest
from conftest import binary


@pytest.mark.parametrize("program", ["headerroute-gateway", "headerroute-proxy", "headerroute-predict"])
def test_no_symbol_is_defined_for_libraries(program):
    table = subprocess.run(["nm", "-D", "--defined-only", binary(program)], capture_output=True, text=True, check=True).stdout
    names = [line.split()[-1] for line in table.splitlines()]
    # A name with a version is a variable of the C library that the linker has placed in the program (a copy relocation).
    assert [name for name in names if "@" not in name] == []
