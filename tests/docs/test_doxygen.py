"""The public headers as Doxygen reads them: no warning, and no public function without a word about it."""
import os
import pathlib
import subprocess
import xml.etree.ElementTree as ET

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEADERS = ["headerroute.h", "diff.h", "grabcut.h", "opencv.h"]


@pytest.fixture(scope="session")
def output(tmp_path_factory):
    folder = tmp_path_factory.mktemp("doxygen")
    environment = {**os.environ, "HR_DOXYGEN_OUTPUT": str(folder),
                   "HR_DOXYGEN_INCLUDE": str(pathlib.Path(os.environ["HR_BUILD_DIR"]) / "include")}
    done = subprocess.run(["doxygen", "docs/Doxyfile"], cwd=ROOT, env=environment, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0 and done.stdout == "", done.stdout
    return folder


def functions(output, header):
    """(name, line, whether it has words of its own) in the order of the header."""
    for path in (output / "xml").glob("*_8h.xml"):
        root = ET.parse(path).getroot()
        if root.find("compounddef/compoundname").text != header:
            continue
        for member in root.iter("memberdef"):
            if member.get("kind") == "function":
                words = "".join("".join(member.find(part).itertext())
                                for part in ("briefdescription", "detaileddescription"))
                yield member.find("name").text, int(member.find("location").get("line")), words.strip() != ""


@pytest.mark.parametrize("header", HEADERS)
def test_every_public_function_is_described(output, header):
    found = sorted(functions(output, header), key=lambda f: f[1])
    assert found
    missing, previous = [], None
    for name, line, described in found:
        # Functions that stand right below a described one share its words.
        if not described and (previous is None or line - previous > 2):
            missing.append(name)
            continue
        previous = line
    assert not missing


@pytest.mark.parametrize("header", HEADERS)
def test_pages_are_written(output, header):
    page = output / "html" / (header.replace(".", "_8") + ".html")
    assert page.stat().st_size > 1000
