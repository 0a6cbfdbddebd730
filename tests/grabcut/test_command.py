"""The command `grabcut` as a user runs it: files, folders and streams in, PNG files and messages out."""
import io
import os
import pathlib
import pty
import re
import signal
import subprocess
import threading
import time

import cv2
import numpy
import pytest
from PIL import Image, ImageCms

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ["HR_BUILD_DIR"]) / "bin" / "grabcut"
PHOTOS = ROOT / "photos"
PHOTO_FILES = sorted(path for path in pathlib.Path(PHOTOS).iterdir() if path.suffix in (".jpg", ".png"))
PORTRAIT = PHOTOS / "portrait.jpg"


def grabcut(*arguments, status=0, **options):
    done = subprocess.run([PROGRAM, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120,
                          **{"stdin": subprocess.DEVNULL, **options})
    done.err = os.fsdecode(done.stderr)
    assert done.returncode == status, done.err
    return done


def pixels(png):
    return numpy.asarray(Image.open(io.BytesIO(png) if isinstance(png, bytes) else png))


def reference(path, rect, iterations, seed):
    """Foreground of cv2.grabCut: HxW of 0 and 1."""
    image = cv2.imread(str(path))
    mask = numpy.zeros(image.shape[:2], numpy.uint8)
    cv2.setRNGSeed(seed)
    cv2.grabCut(image, mask, rect, numpy.zeros((1, 65)), numpy.zeros((1, 65)), iterations, cv2.GC_INIT_WITH_RECT)
    return mask & 1


def photo(path):
    return cv2.imread(str(path))[:, :, ::-1]


# ---- results ----

@pytest.mark.parametrize("flags, rect, iterations, seed", [
    ([], (9, 12, 174, 232), 5, 0),
    (["--rect", "20,30,140,200", "--iterations", "2", "--seed", "7"], (20, 30, 140, 200), 2, 7)])
def test_the_mask_is_that_of_opencv(flags, rect, iterations, seed):
    out = grabcut(*flags, "--output", "mask", PORTRAIT).stdout
    assert (pixels(out) == 255 * reference(PORTRAIT, rect, iterations, seed)).all()


def test_three_outputs_of_one_mask():
    flags = ("--iterations", "1", PORTRAIT)
    mask, cutout, rgba = (pixels(grabcut("--output", kind, *flags).stdout) for kind in ("mask", "cutout", "rgba"))
    assert set(numpy.unique(mask)) == {0, 255}
    inside = mask == 255
    assert (cutout[inside] == photo(PORTRAIT)[inside]).all() and (cutout[~inside] == 0).all()
    assert (rgba[inside][:, :3] == photo(PORTRAIT)[inside]).all() and (rgba[..., 3] == mask).all()
    assert (rgba[~inside] == 0).all()  # what is transparent does not carry the photo


def test_neither_threads_nor_jobs_change_a_result(tmp_path):
    grabcut("--threads", 1, "--jobs", 1, "--iterations", 1, "-o", tmp_path / "a", PHOTOS)
    grabcut("--threads", 3, "--jobs", 4, "--iterations", 1, "-o", tmp_path / "b", PHOTOS)
    names = sorted(os.listdir(tmp_path / "a"))
    assert names == [f"{photo.stem}.png" for photo in PHOTO_FILES] == sorted(os.listdir(tmp_path / "b"))
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_mask_says_what_is_foreground(tmp_path):
    height, width = photo(PORTRAIT).shape[:2]
    grey = numpy.full((height, width), 100, numpy.uint8)
    grey[60:200, 40:150] = 200
    grey[:10], grey[100:110, 80:90] = 0, 255
    Image.fromarray(grey).save(tmp_path / "mask.png")
    values = numpy.choose(numpy.searchsorted([0, 127, 254], grey), [cv2.GC_BGD, cv2.GC_PR_BGD, cv2.GC_PR_FGD, cv2.GC_FGD])
    expected = values.astype(numpy.uint8)
    cv2.setRNGSeed(3)
    cv2.grabCut(cv2.imread(str(PORTRAIT)), expected, None, numpy.zeros((1, 65)), numpy.zeros((1, 65)), 2, cv2.GC_INIT_WITH_MASK)
    out = pixels(grabcut("--mask", tmp_path / "mask.png", "--iterations", 2, "--seed", 3, "--output", "mask", PORTRAIT).stdout)
    assert (out == 255 * (expected & 1)).all()
    assert (out[:10] == 0).all() and (out[100:110, 80:90] == 255).all()


def test_a_mask_has_the_size_of_the_image_and_no_colours(tmp_path):
    Image.new("L", (10, 20), 200).save(tmp_path / "small.png")
    done = grabcut("--mask", tmp_path / "small.png", PORTRAIT, status=1)
    assert done.err == f"grabcut: {PORTRAIT}: the mask has 10x20 pixels, the image has 192x256\n"
    done = grabcut("--mask", PORTRAIT, PORTRAIT, status=1)
    assert done.err == f"grabcut: --mask {PORTRAIT}: expected a grey image, found colours\n"
    done = grabcut("--mask", tmp_path / "none.png", PORTRAIT, status=1)
    assert done.err == f"grabcut: --mask {tmp_path / 'none.png'}: No such file or directory\n"


# ---- files and streams ----

def test_standard_input_and_output():
    expected = grabcut("--iterations", 1, PORTRAIT).stdout
    assert expected.startswith(b"\x89PNG")
    with open(PORTRAIT, "rb") as photo_file:
        assert grabcut("--iterations", 1, "-", stdin=photo_file).stdout == expected
    with open(PORTRAIT, "rb") as photo_file:
        assert grabcut("--iterations", 1, "-o", "-", "-", stdin=photo_file).stdout == expected


def test_a_result_is_a_file_or_goes_to_a_folder(tmp_path):
    flags = ("--iterations", "1")
    grabcut(*flags, "-o", tmp_path / "one.png", PORTRAIT)
    grabcut(*flags, "-o", tmp_path, PORTRAIT)
    grabcut(*flags, "-o", f"{tmp_path}/new/er/", PORTRAIT)
    for name in ("portrait.png", "new/er/portrait.png"):
        assert (tmp_path / name).read_bytes() == (tmp_path / "one.png").read_bytes()
    assert not [name for name in os.listdir(tmp_path) if "grabcut" in name]


def test_a_result_has_the_mode_of_a_new_file_and_links_stay(tmp_path):
    (tmp_path / "target").write_bytes(b"old")
    (tmp_path / "link.png").symlink_to("target")
    grabcut("--iterations", 1, "-o", tmp_path / "link.png", PORTRAIT, umask=0o027)
    grabcut("--iterations", 1, "-o", tmp_path / "new.png", PORTRAIT, umask=0o027)
    assert (tmp_path / "link.png").is_symlink() and (tmp_path / "target").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "new.png").stat().st_mode & 0o777 == 0o640


def test_names_are_bytes_and_terminals_are_protected(tmp_path):
    source = tmp_path / "\u732b \u00fc"
    source.mkdir()
    names = ["\u732b.jpg", "a b.JPG", ".hidden.jpg", "notes.txt", "x" * 251 + ".jpg", "archive.tar.jpeg"]
    for name in names:
        (source / name).write_bytes(PORTRAIT.read_bytes() if name != "notes.txt" else b"text")
    with open(os.fsencode(source) + b"/\xff\x1b.jpg", "wb") as out:  # no UTF-8, and a control character
        out.write(b"no image")
    done = grabcut("--iterations", 1, "-o", tmp_path / "out", source, status=1)
    assert sorted(os.listdir(tmp_path / "out")) == sorted(["\u732b.png", "a b.png", "x" * 251 + ".png", "archive.tar.png"])
    assert b"\x1b" not in done.stderr and b"/\xff?.jpg: the file is not a JPEG, PNG, WebP or BMP image" in done.stderr
    assert done.stderr.endswith(b"4 ok, 1 failed\n")


def test_each_error_is_reported_and_the_others_are_cut(tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    (source / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n but no more")
    (source / "empty.jpg").write_bytes(b"")
    (source / "ok.jpg").write_bytes(PORTRAIT.read_bytes())
    Image.new("RGB", (8, 8)).save(source / "tiny.bmp")
    (tmp_path / "nothing").mkdir()
    done = grabcut("--iterations", 1, "--rect", "20,30,100,100", "-o", tmp_path / "out", source, tmp_path / "missing.jpg",
                   tmp_path / "nothing", status=1)
    messages = dict(re.match(r"grabcut: (.+?): (.+)", line).groups() for line in done.err.splitlines()[:-1])
    assert set(messages) == {str(source / "broken.png"), str(source / "empty.jpg"), str(source / "tiny.bmp"),
                             str(tmp_path / "missing.jpg"), str(tmp_path / "nothing")}
    assert messages[str(source / "tiny.bmp")] == "the rectangle 20,30,100,100 is outside of the image of 8x8"
    assert messages[str(tmp_path / "missing.jpg")] == "No such file or directory"
    assert messages[str(tmp_path / "nothing")] == "the folder has no JPEG, PNG, WebP or BMP file"
    assert done.err.splitlines()[-1] == "1 ok, 5 failed"
    assert os.listdir(tmp_path / "out") == ["ok.png"]


def test_results_do_not_overwrite_each_other_or_an_input(tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    (source / "a.jpg").write_bytes(PORTRAIT.read_bytes())
    Image.open(PORTRAIT).save(source / "a.png")
    before = (source / "a.png").read_bytes()
    done = grabcut("--iterations", 1, "-o", tmp_path / "out", source, status=1)
    assert f"grabcut: {source}/a.png: {tmp_path}/out/a.png is the result of {source}/a.jpg already\n" in done.err
    done = grabcut("--iterations", 1, "-o", source, source, status=1)
    assert f"grabcut: {source}/a.jpg: the result would overwrite the input {source}/a.png\n" in done.err
    assert (source / "a.png").read_bytes() == before
    assert sorted(os.listdir(source)) == ["a.jpg", "a.png"]


def test_a_result_that_cannot_be_written_is_an_error(tmp_path):
    missing = tmp_path / "no" / "folder.png"
    assert grabcut("--iterations", 1, "-o", missing, PORTRAIT, status=1).err == (
        f"grabcut: {PORTRAIT}: cannot write {missing}: No such file or directory\n")
    done = grabcut("--iterations", 1, "-o", f"{PORTRAIT}/x/", PORTRAIT, status=1)
    assert done.err == f"grabcut: {PORTRAIT}/x/: Not a directory\n"
    with open("/dev/full", "wb") as full:
        done = subprocess.run([PROGRAM, "--iterations", "1", PORTRAIT], stdout=full, stderr=subprocess.PIPE, timeout=60)
    assert (done.returncode, done.stderr.decode()) == (
        1, f"grabcut: {PORTRAIT}: cannot write standard output: No space left on device\n")


# ---- the command line ----

@pytest.mark.parametrize("arguments, message", [
    ([], "no image and no folder given"),
    (["--rect", "1,2,3", "x"], "--rect: expected X,Y,WIDTH,HEIGHT in pixels or 'auto', not '1,2,3'"),
    (["--rect", "1,2,3,4x", "x"], "--rect: expected X,Y,WIDTH,HEIGHT in pixels or 'auto', not '1,2,3,4x'"),
    (["--rect", "1,2,0,4", "x"], "--rect: expected X,Y,WIDTH,HEIGHT in pixels or 'auto', not '1,2,0,4'"),
    (["--iterations", "0", "x"], "--iterations: expected a number from 1 to 1000, not '0'"),
    (["--seed", "-1", "x"], "--seed: expected a number from 0 to 9223372036854775807, not '-1'"),
    (["--jobs=many", "x"], "--jobs: expected a number from 1 to 1024, not 'many'"),
    (["--output", "jpeg", "x"], "--output: expected cutout, rgba or mask, not 'jpeg'"),
    (["--alpha", "keep", "x"], "--alpha: expected ignore or respect, not 'keep'"),
    (["--what", "x"], "unknown flag '--what'"),
    (["x", "-x"], "unknown flag '-x'"),
    (["x", "-o"], "the flag '-o' expects a value"),
    (["x", "--seed"], "the flag '--seed' expects a value"),
    (["-o", "a.jpg", "x"], "-o: results are PNG files, but 'a.jpg' ends in .jpg"),
    (["-o", "out", "-", "x"], "'-' must be the only input"),
    (["--mask", "m", "--rect", "1,1,2,2", "x"], "--mask and --rect cannot be combined"),
    (["x", "y"], "-o DIR is required for more than one image"),
    ([str(PHOTOS)], "-o DIR is required for more than one image"),
    (["-o", str(PHOTOS), "-"], f"'-' needs a file for its result, '{PHOTOS}' is a folder"),
    ([""], "an input is empty"),
])
def test_a_wrong_command_line_is_one_line_and_exit_2(arguments, message):
    done = grabcut(*arguments, status=2)
    assert done.err == f"grabcut: {message} (see: grabcut --help)\n" and done.stdout == b""


def test_version_and_help():
    assert re.fullmatch(rb"grabcut \d+\.\d+\.\d+\n", grabcut("--version").stdout)
    assert grabcut("--help").stdout.startswith(b"usage: grabcut ")


# ---- what files have besides colours ----

def test_a_result_has_the_profile_of_its_image(tmp_path):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.open(PORTRAIT).save(tmp_path / "in.jpg", quality=95, icc_profile=profile)
    for output, expected in (("cutout", profile), ("rgba", profile), ("mask", None)):
        png = grabcut("--iterations", 1, "--output", output, tmp_path / "in.jpg").stdout
        assert Image.open(io.BytesIO(png)).info.get("icc_profile") == expected
    plain = grabcut("--iterations", 1, PORTRAIT).stdout
    assert "icc_profile" not in Image.open(io.BytesIO(plain)).info


def test_alpha_is_respected_on_request(tmp_path):
    image = Image.open(PORTRAIT).convert("RGBA")
    alpha = numpy.tile(numpy.clip((numpy.arange(image.width) - 60) * 20, 0, 255).astype(numpy.uint8), (image.height, 1))
    image.putalpha(Image.fromarray(alpha))
    image.save(tmp_path / "in.png")

    def cut(*flags):
        return numpy.asarray(Image.open(io.BytesIO(grabcut("--iterations", 1, *flags, tmp_path / "in.png").stdout)))

    mask = cut("--alpha", "respect", "--output", "mask")
    assert mask.any() and not mask[alpha == 0].any() and cut("--alpha", "ignore", "--output", "mask")[alpha == 0].any()
    rgba = cut("--alpha", "respect", "--output", "rgba")
    assert numpy.array_equal(rgba[:, :, 3], numpy.where(mask, alpha, 0)) and not rgba[rgba[:, :, 3] == 0].any()
    assert set(numpy.unique(cut("--output", "rgba")[:, :, 3])) == {0, 255}
    Image.fromarray(numpy.full(alpha.shape, 200, numpy.uint8)).save(tmp_path / "start.png")
    assert not cut("--mask", tmp_path / "start.png", "--alpha", "respect", "--output", "mask")[alpha == 0].any()


def test_a_truncated_file_is_cut_on_request(tmp_path):
    (tmp_path / "in.jpg").write_bytes(PORTRAIT.read_bytes()[:-500])
    assert "truncated" in grabcut(tmp_path / "in.jpg", status=1).err
    png = grabcut("--allow-truncated", "--iterations", 1, tmp_path / "in.jpg").stdout
    assert Image.open(io.BytesIO(png)).size == Image.open(PORTRAIT).size


# ---- terminals and signals ----

def on_a_terminal(*arguments, stdout=subprocess.DEVNULL):
    """What the program shows with a terminal as standard error, and its exit code. None: that terminal for stdout too."""
    ours, theirs = pty.openpty()
    shown = []

    def drain():
        try:
            while part := os.read(ours, 4096):
                shown.append(part)
        except OSError:
            pass  # the other end is closed

    process = subprocess.Popen([PROGRAM, *map(str, arguments)], stdin=subprocess.DEVNULL, stderr=theirs,
                               stdout=theirs if stdout is None else stdout)
    os.close(theirs)
    reader = threading.Thread(target=drain)
    reader.start()
    process.wait(timeout=120)
    reader.join()
    os.close(ours)
    return b"".join(shown).decode(), process.returncode


def test_a_bar_is_drawn_on_a_terminal_and_removed(tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"")
    shown, code = on_a_terminal("--iterations", 1, "--jobs", 1, "-o", tmp_path / "out", PHOTOS, tmp_path / "broken.jpg")
    assert code == 1
    n = len(PHOTO_FILES)
    assert "  0 % [" in shown or f" of {n + 1}" in shown
    assert re.search(rf"100 % \[#{{30}}\] {n + 1} of {n + 1}\r\x1b\[K{n} ok, 1 failed\r\n$", shown)
    assert re.search(r"\r\x1b\[Kgrabcut: [^\r]*broken\.jpg: [^\r]*\r\n", shown)
    shown, code = on_a_terminal("--no-progress", "--iterations", 1, "-o", tmp_path / "out", PHOTOS)
    assert (shown, code) == (f"{n} ok, 0 failed\r\n", 0)


def test_no_image_is_written_to_a_terminal():
    shown, code = on_a_terminal(PORTRAIT, stdout=None)
    assert code == 2 and "standard output is a terminal" in shown and "PNG" not in shown


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_work_and_leaves_no_half_file(tmp_path, number):
    Image.effect_noise((1500, 1500), 80).convert("RGB").save(tmp_path / "noise.png")
    out = tmp_path / "out"
    process = subprocess.Popen([PROGRAM, "--iterations", "1000", "-o", out, PORTRAIT, tmp_path / "noise.png"],
                               stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while not out.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == -number
    assert set(os.listdir(out)) <= {"portrait.png"}
