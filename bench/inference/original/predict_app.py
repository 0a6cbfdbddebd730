"""The original stack's predict server: FastAPI, cv2.grabCut, one gunicorn worker.

Written anew after the document that this project implements: the same call, the same answer, the same
library underneath. It is the peer of the benchmark, not a part of the product.
"""
import base64
import os

import cv2
import numpy as np
from fastapi import FastAPI
from pydantic import BaseModel

ITERATIONS = int(os.environ.get("GRAB_CUT_ITERS", "5"))

app = FastAPI()


class Picture(BaseModel):
    image: str


@app.get("/health")
def health():
    return {"health": "ok"}


@app.post("/predict")
def predict(picture: Picture):
    data = np.frombuffer(base64.b64decode(picture.image), dtype=np.uint8)
    image = cv2.imdecode(data, cv2.IMREAD_COLOR)
    height, width = image.shape[:2]
    inset_x, inset_y = width * 5 // 100, height * 5 // 100
    rect = (inset_x, inset_y, width - 2 * inset_x, height - 2 * inset_y)
    mask = np.zeros((height, width), np.uint8)
    background, foreground = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)
    cv2.grabCut(image, mask, rect, background, foreground, ITERATIONS, cv2.GC_INIT_WITH_RECT)
    cut = image * (mask & 1)[:, :, None]
    _, png = cv2.imencode(".png", cut)
    return {"status": "ok", "img_none_bg_base64": base64.b64encode(png.tobytes()).decode("ascii")}
