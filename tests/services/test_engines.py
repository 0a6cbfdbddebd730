"""headerroute-predict needs no part of OpenCV; built with it, the reference is one flag away."""
import subprocess

import numpy

import pictures
from conftest import binary, run_program

PNG = {"content-type": "image/png", "accept": "image/png"}
PLAIN, WITH_REFERENCE = "headerroute-predict", "headerroute-predict-opencv"


def inspected(program):
    """All that the linker, the loader and the symbol table say about a program."""
    needed = subprocess.run(["ldd", binary(program)], capture_output=True, text=True, check=True).stdout
    dynamic = subprocess.run(["readelf", "-dW", binary(program)], capture_output=True, text=True, check=True).stdout
    symbols = subprocess.run(["nm", "-aC", binary(program)], capture_output=True, text=True).stdout
    assert "libc.so" in needed and "NEEDED" in dynamic and "grabcut_engine_fast" in symbols
    return needed + dynamic + symbols


def test_no_part_of_opencv_is_linked():
    found = inspected(PLAIN)
    assert "opencv" not in found and "cv::" not in found


def test_the_reference_is_seen_where_it_is_linked():
    found = inspected(WITH_REFERENCE)
    assert "libopencv_imgproc" in found and "cv::grabCut" in found and "grabcut_engine_opencv" in found


def test_without_it_the_flag_is_refused():
    code, _, err = run_program(PLAIN, "--engine", "opencv")
    assert code == 2 and "fast" in err and len(err.strip().splitlines()) == 1, err


def test_both_engines_give_the_same_mask(start):
    body = pictures.encode(pictures.disc(90, 70))
    answers = []
    for program, engine in (PLAIN, "fast"), (WITH_REFERENCE, "fast"), (WITH_REFERENCE, "opencv"):
        server = start(program, "--engine", engine, "--iterations", 2)
        assert server.get("/metadata").json()["engine"] == engine
        answer = server.post("/predict?output=mask", body, PNG)
        assert answer.status == 200
        answers.append(pictures.decode(answer.body))
    assert answers[0].any() and not answers[0].all()
    assert numpy.array_equal(answers[0], answers[1]) and numpy.array_equal(answers[0], answers[2])


def test_fast_is_the_default(start):
    assert start(WITH_REFERENCE).get("/metadata").json()["engine"] == "fast"
