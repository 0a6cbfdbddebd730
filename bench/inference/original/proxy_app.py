"""The original stack's proxy server: FastAPI that forwards with `requests`, one gunicorn worker."""
import os
import uuid

import requests
from fastapi import FastAPI
from pydantic import BaseModel

UPSTREAM = os.environ.get("PREDICT_SERVER_URL", "http://127.0.0.1:5010")

app = FastAPI()


class Picture(BaseModel):
    image: str


@app.get("/health")
def health():
    return {"proxy_server": {"health": "ok"}, "predict_server": requests.get(UPSTREAM + "/health").json()}


@app.post("/predict")
def predict(picture: Picture):
    job_id = uuid.uuid4().hex[:6]
    answer = requests.post(UPSTREAM + "/predict", params={"job_id": job_id}, json=picture.dict())
    return answer.json()
