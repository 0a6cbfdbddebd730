"""Pictures for the tests, made here: a bright disc on a dark ground, in any size and format."""
import base64
import io
import json
import pathlib

import numpy
from PIL import Image

PHOTOS = pathlib.Path(__file__).resolve().parents[2] / "photos"


def disc(width=48, height=40, seed=0):
    """An RGB array with some noise; the disc's colour and place depend on the seed."""
    random = numpy.random.RandomState(seed)
    y, x = numpy.mgrid[0:height, 0:width]
    cx, cy = width / 2 + seed % 5 - 2, height / 2
    inside = (x - cx) ** 2 / (width / 4) ** 2 + (y - cy) ** 2 / (height / 4) ** 2 < 1
    ground = numpy.array([20, 40, 90 + seed % 50])
    figure = numpy.array([200, 160 + seed % 60, 60])
    image = numpy.where(inside[:, :, None], figure, ground).astype(numpy.int32)
    image += random.randint(-8, 9, image.shape)
    return numpy.clip(image, 0, 255).astype(numpy.uint8)


def encode(array, kind="PNG", **options):
    out = io.BytesIO()
    Image.fromarray(array).save(out, kind, **options)
    return out.getvalue()


def decode(data):
    return numpy.array(Image.open(io.BytesIO(data)))


def json_body(data):
    return json.dumps({"image": base64.b64encode(data).decode()}).encode()


def from_answer(answer):
    """The picture within a JSON answer."""
    body = answer.json()
    assert body["status"] == "ok", body
    return decode(base64.b64decode(body["img_none_bg_base64"], validate=True))


def reference(array, iterations, rect=None, seed=0, mask=None):
    """What the service should answer, by cv2: the picture on black. Starts from `mask` if there is one."""
    import cv2
    height, width = array.shape[:2]
    if rect is None:
        left, top = width * 5 // 100, height * 5 // 100
        rect = (left, top, width - 2 * left, height - 2 * top)
    mode = cv2.GC_INIT_WITH_RECT if mask is None else cv2.GC_INIT_WITH_MASK
    mask = numpy.zeros((height, width), numpy.uint8) if mask is None else mask.copy()
    bgd, fgd = numpy.zeros((1, 65)), numpy.zeros((1, 65))
    cv2.setRNGSeed(seed)
    cv2.grabCut(array[:, :, ::-1].copy(), mask, rect, bgd, fgd, iterations, mode)
    return array * (mask & 1)[:, :, None], mask & 1
