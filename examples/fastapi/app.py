"""A FastAPI app that holds three models and lets a VirtualService choose one for each request.

    uvicorn app:app
"""
import pathlib
import random

import headerroute
from fastapi import FastAPI, HTTPException, Request

RULES = pathlib.Path(__file__).parent / "models.yaml"
# Each takes the body and answers; here they only say who they are.
MODELS = {
    "general": lambda body: {"model": "general", "bytes": len(body)},
    "medical": lambda body: {"model": "medical", "bytes": len(body)},
    "candidate": lambda body: {"model": "candidate", "bytes": len(body)},
}

app = FastAPI()
app.state.rules = headerroute.load(RULES).view(port=80)


def choose(request: Request):
    """The decision for a request, by the rules of the host `models`, whatever address the client used."""
    # As the client sent it: scope["path"] is decoded, and rules match the path that is not.
    path = request.scope["raw_path"].partition(b"?")[0].decode("utf-8", "surrogateescape")
    query = f"?{request.url.query}" if request.url.query else ""
    headers = [(name, value) for name, value in request.headers.items() if name != "host"]
    try:
        decision = app.state.rules.route(request.method, f"http://models{path}{query}", headers=headers, random=random.random())
    except headerroute.RouteError as e:
        raise HTTPException(400, str(e)) from e
    if decision.action != "route":
        raise HTTPException(404, "no rule matches")
    if decision.destination.subset not in MODELS:
        raise HTTPException(503, "the rules name a model that this app does not have")
    return decision


@app.post("/{path:path}")
async def predict(request: Request):
    decision = choose(request)
    answer = MODELS[decision.destination.subset](await request.body())
    return {**answer, "rule": decision.source}


@app.put("/admin/rules", status_code=204)
async def replace_rules(request: Request):
    """Replaces the rules while requests run. Rules with an error change nothing. Keep this path private."""
    try:
        app.state.rules = headerroute.load(headerroute.Yaml(await request.body(), "body")).view(port=80)
    except headerroute.ConfigError as e:
        raise HTTPException(422, [str(error) for error in e.errors]) from e
