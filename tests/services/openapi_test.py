"""openapi.json is true: every call it describes is sent to predict and through a proxy, every status code
it promises is brought about, and each answer is checked against the schema given for it."""
import base64
import copy
import http.client
import json
import re
import socket

import jsonschema
import pytest

import pictures
import wire
from conftest import ROOT, Answer, wait_until

PNG = {"content-type": "image/png"}
JSON = {"content-type": "application/json"}
INFERS = ["/v2/models/grabcut/infer", "/v2/models/grabcut/versions/{version}/infer"]
DOCUMENT = json.loads((ROOT / "services/server/openapi.json").read_text())
METHODS = {"get", "post"}
seen = set()  # (path, method, status) that some test has checked


def resolve(value):
    while "$ref" in value:
        at = DOCUMENT
        for key in value["$ref"].removeprefix("#/").split("/"):
            at = at[key]
        value = at
    return value


def check(answer, method, path, status):
    """The answer has this status and is one that the document allows for the call."""
    assert answer.status == status, (answer.status, answer.body[:300])
    operation = DOCUMENT["paths"][path][method.lower()]
    described = resolve(operation["responses"][str(status)])
    for name, header in described["headers"].items():
        header, value = resolve(header), answer.header(name.lower())
        assert value is not None or not header.get("required"), f"{name} is missing"
        if value is not None and header["schema"]["type"] == "integer":
            jsonschema.validate(int(value), header["schema"])
    kind = answer.header("content-type").split(";")[0]
    schema = described["content"][kind]["schema"]
    if kind == "application/json":
        whole = {**copy.deepcopy(schema), "components": DOCUMENT["components"]}
        jsonschema.Draft202012Validator(whole).validate(answer.json())
    seen.add((path, method.lower(), status))


def concrete(path):
    """With the examples of its parameters in their places."""
    for name, parameter in DOCUMENT["components"]["parameters"].items():
        assert parameter["in"] == "path"
        path = path.replace("{%s}" % parameter["name"], parameter["example"])
    return path


def form_of(path):
    """The schema of every failure at this path."""
    name = "InferError" if path.startswith("/v2") else "Failure"
    return {**DOCUMENT["components"]["schemas"][name], "components": DOCUMENT["components"]}


def infer_body(picture=None, **changes):
    data = base64.b64encode(picture or pictures.encode(pictures.disc())).decode()
    return json.dumps({"inputs": [{"name": "image", "datatype": "BYTES", "shape": [1], "data": [data]}], **changes})


def posts():
    """Path and body of every call that cuts out."""
    return [("/predict", pictures.encode(pictures.disc()), PNG), *((path, infer_body(), JSON) for path in INFERS)]


def promised():
    return {(path, method, int(status)) for path, item in DOCUMENT["paths"].items() for method, operation in item.items()
            for status in operation["responses"]}


@pytest.fixture
def pair(start):
    """Predict, and a proxy before it."""
    predict = start("headerroute-predict", "--iterations", 1)
    return predict, proxy_of(start, predict)


def proxy_of(start, predict, *flags):
    host, port = predict.address
    return start("headerroute-proxy", *flags, env={"PREDICT_SERVER_URL": f"http://{host}:{port}"})


# ---- the document itself ----

def test_every_schema_is_a_json_schema_of_draft_2020_12():
    def walk(value):
        if isinstance(value, dict):
            for key, child in value.items():
                if key == "schema":
                    jsonschema.Draft202012Validator.check_schema(child)
                walk(child)
        elif isinstance(value, list):
            for child in value:
                walk(child)
    walk(DOCUMENT["paths"])
    assert DOCUMENT["components"]["schemas"]
    for schema in DOCUMENT["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_references_lead_somewhere_and_operations_are_named_once():
    for reference in re.findall(r'"\$ref": "([^"]+)"', json.dumps(DOCUMENT)):
        resolve({"$ref": reference})
    names = [operation["operationId"] for item in DOCUMENT["paths"].values() for operation in item.values()]
    assert len(names) == len(set(names))
    assert all(set(item) <= METHODS for item in DOCUMENT["paths"].values())


def test_the_version_is_that_of_the_build():
    cmake = (ROOT / "CMakeLists.txt").read_text()
    assert DOCUMENT["openapi"].startswith("3.1.")
    assert DOCUMENT["info"]["version"] == re.search(r"project\(headerroute VERSION ([\d.]+)", cmake)[1]


# ---- the calls ----

@pytest.mark.parametrize("which", [0, 1], ids=["predict", "proxy"])
def test_every_get_answers_as_described(pair, which):
    for path, item in DOCUMENT["paths"].items():
        if "get" in item:
            check(pair[which].get(concrete(path)), "get", path, 200)


def test_what_is_served_is_the_document(pair):
    for server in pair:
        assert server.get("/openapi.json").json() == DOCUMENT


@pytest.mark.parametrize("which", [0, 1], ids=["predict", "proxy"])
def test_other_methods_and_paths_fail_in_the_form_of_failure(pair, which):
    for path, item in DOCUMENT["paths"].items():
        for method in ("DELETE", "GET", "POST"):
            if method.lower() in item:
                continue
            answer = pair[which].request(method, concrete(path), b"" if method == "POST" else None)
            assert answer.status == 405, (method, path)
            assert answer.header("allow") == ("POST" if "post" in item else "GET, HEAD")
            jsonschema.validate(answer.json(), form_of(path))
    for path in "/docs/none", "/v2/none":
        answer = pair[which].get(path)
        assert answer.status == 404
        jsonschema.validate(answer.json(), form_of(path))


@pytest.mark.parametrize("which", [0, 1], ids=["predict", "proxy"])
def test_predict_succeeds_in_every_documented_form(pair, which):
    server, operation = pair[which], DOCUMENT["paths"]["/predict"]["post"]
    example = operation["requestBody"]["content"]["application/json"]["example"]
    answer = server.post("/predict", json.dumps(example), {"content-type": "application/json"})
    check(answer, "post", "/predict", 200)
    assert pictures.from_answer(answer).any()
    parameters = {p["name"]: p for p in operation["parameters"]}
    kinds = [t for t in operation["requestBody"]["content"] if t.startswith("image/")]
    assert len(kinds) == 4
    for kind in kinds:
        picture = pictures.encode(pictures.disc(), kind.removeprefix("image/").upper())
        for output in parameters["output"]["schema"]["enum"]:
            answer = server.post(f"/predict?rect=3,3,40,34&output={output}", picture, {"content-type": kind, "accept": "image/png"})
            check(answer, "post", "/predict", 200)
            assert pictures.decode(answer.body).shape[:2] == (40, 48)


@pytest.mark.parametrize("path", INFERS, ids=["infer", "version"])
@pytest.mark.parametrize("which", [0, 1], ids=["predict", "proxy"])
def test_an_inference_succeeds_in_every_documented_form(pair, which, path):
    operation = DOCUMENT["paths"][path]["post"]
    example = resolve(operation["requestBody"])["content"]["application/json"]["example"]
    jsonschema.validate(example, {**DOCUMENT["components"]["schemas"]["InferRequest"], "components": DOCUMENT["components"]})
    answer = pair[which].post(concrete(path), json.dumps(example), JSON)
    check(answer, "post", path, 200)
    assert answer.json()["id"] == example["id"] and [o["name"] for o in answer.json()["outputs"]] == ["mask", "png"]
    picture = pictures.disc()
    head = json.dumps({"inputs": [{"name": "image", "datatype": "UINT8", "shape": list(picture.shape),
                                   "parameters": {"binary_data_size": picture.size}}],
                       "parameters": {"binary_data_output": True}}).encode()
    answer = pair[which].post(concrete(path), head + picture.tobytes(),
                              {"content-type": "application/octet-stream", "inference-header-content-length": str(len(head))})
    check(answer, "post", path, 200)
    head = json.loads(answer.body[:int(answer.header("inference-header-content-length"))])
    jsonschema.validate(head, {**DOCUMENT["components"]["schemas"]["InferResponse"], "components": DOCUMENT["components"]})


@pytest.mark.parametrize("path", INFERS, ids=["infer", "version"])
@pytest.mark.parametrize("which", [0, 1], ids=["predict", "proxy"])
def test_refusals_of_an_inference(start, which, path):
    predict = start("headerroute-predict", "--max-body-bytes", 65536, "--iterations", 1)
    server = proxy_of(start, predict, "--max-body-bytes", 65536) if which else predict
    for status, body, headers in ((400, "{", JSON), (413, "x" * 70000, JSON), (415, "x", {"content-encoding": "gzip"}),
                                  (422, infer_body(b"no picture"), JSON)):
        check(server.post(concrete(path), body, headers), "post", path, status)


@pytest.mark.parametrize("which", [0, 1], ids=["predict", "proxy"])
def test_there_is_one_version(pair, which):
    for path, item in DOCUMENT["paths"].items():
        for method, operation in item.items():
            if "{version}" in path:
                answer = pair[which].request(method.upper(), path.replace("{version}", "2"), "{}" if method == "post" else None)
                check(answer, method, path, 404)


@pytest.mark.parametrize("which", [0, 1], ids=["predict", "proxy"])
@pytest.mark.parametrize("status, query, body, headers", [
    (400, "", b"{", {"content-type": "application/json"}),
    (400, "?rect=1,2", b"x", PNG),
    (400, "?output=none", b"x", PNG),
    (406, "?output=mask", b"x", {**PNG, "accept": "image/jpeg"}),
    (413, "", b"x" * 70000, PNG),
    (415, "", b"x", {"content-type": "text/plain"}),
    (422, "", b"no picture", PNG),
    (422, "?rect=4000,4000,5,5", pictures.encode(pictures.disc()), PNG),
], ids=["json", "rect", "output", "accept", "large", "type", "undecodable", "outside"])
def test_refusals(start, which, status, query, body, headers):
    predict = start("headerroute-predict", "--max-body-bytes", 65536)
    server = predict
    if which:
        server = proxy_of(start, predict, "--max-body-bytes", 65536)
    check(server.post("/predict" + query, body, headers), "post", "/predict", status)


def test_a_proxy_refuses_a_job_id_that_is_none(pair):
    for job_id in ("job_id=%2F", "job_id=a&job_id=b", "job_id=", "job_id=" + "a" * 65):
        check(pair[1].post(f"/predict?{job_id}", pictures.encode(pictures.disc()), PNG), "post", "/predict", 400)


@pytest.mark.parametrize("which", [0, 1], ids=["predict", "proxy"])
def test_a_deadline_answers_504(start, which):
    predict = start("headerroute-predict", "--iterations", 1000, "--deadline", 0.2)
    server = proxy_of(start, predict) if which else predict
    body = pictures.encode(pictures.disc(400, 400))
    check(server.post("/predict", body, PNG), "post", "/predict", 504)
    for path in INFERS:
        check(server.post(concrete(path), infer_body(body), JSON), "post", path, 504)


@pytest.mark.parametrize("which", [0, 1], ids=["predict", "proxy"])
def test_a_full_queue_answers_503(start, which):
    predict = start("headerroute-predict", "--workers", 1, "--queue", 1, "--iterations", 1000, "--deadline", 600)
    server = proxy_of(start, predict) if which else predict
    body = pictures.encode(pictures.disc(480, 480))
    waiting = []
    for name in ("headerroute_jobs_running", "headerroute_jobs_queued"):
        waiting.append(predict.connect())
        waiting[-1].request("POST", "/predict", body, PNG)
        wait_until(lambda: predict.metrics()[name] == 1, f"{name} is 1")
    for path, small, headers in posts():
        check(server.post(concrete(path), small, headers), "post", path, 503)
    for connection in waiting:
        connection.close()


@pytest.mark.parametrize("program", ["headerroute-predict", "headerroute-proxy"])
def test_ready_answers_503_while_draining(start, program):
    predict = start("headerroute-predict", "--workers", 1, "--threads", 1, "--iterations", 1000, "--deadline", 600, "--drain-seconds", 20)
    server = predict
    if program == "headerroute-proxy":
        server = proxy_of(start, predict, "--threads", 1, "--drain-seconds", 20, "--predict-timeout", 60)
    busy = server.connect()
    busy.request("POST", "/predict", pictures.encode(pictures.disc(480, 480)), PNG)
    wait_until(lambda: predict.metrics()["headerroute_jobs_running"] == 1, "a picture is being worked on")
    # A request whose first bytes are there before the drain begins is still answered.
    # The proxy forwards all other calls to the draining predict; it answers only /ready.
    paths = [path for path, item in DOCUMENT["paths"].items() if "503" in item.get("get", {}).get("responses", {})
             and (program == "headerroute-predict" or path == "/ready")]
    asking = {path: wire.connect(server) for path in paths}
    for path, connection in asking.items():
        connection.sendall(f"GET {concrete(path)} HTTP/1.1\r\nHost: x\r\n".encode())
    wait_until(lambda: server.metrics()["headerroute_http_connections"] == 2 + len(asking), "all are connected")
    server.terminate()
    wait_until(lambda: any("draining" in line for line in server.err), "the drain begins")
    for path, connection in asking.items():
        connection.sendall(b"\r\n")
        response = http.client.HTTPResponse(connection, method="GET")
        response.begin()
        check(Answer(response), "get", path, 503)
        connection.close()
    busy.close()


def test_a_predict_server_that_is_away_or_late_answers_502_and_504(start):
    away = start("headerroute-proxy", env={"PREDICT_SERVER_URL": "http://127.0.0.1:1"})
    check(away.get("/health"), "get", "/health", 200)
    with socket.socket() as silent:  # takes connections and never answers
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        late = start("headerroute-proxy", "--predict-timeout", 0.2, env={"PREDICT_SERVER_URL": f"http://127.0.0.1:{silent.getsockname()[1]}"})
        for server, status in (away, 502), (late, 504):
            for path, item in DOCUMENT["paths"].items():
                if str(status) in item.get("get", {}).get("responses", {}):
                    check(server.get(concrete(path)), "get", path, status)
            for path, body, headers in posts():
                check(server.post(concrete(path), body, headers), "post", path, status)


def test_nothing_that_the_document_promises_was_left_out(request):
    """Runs last: the tests above bring about every answer described, of every call."""
    if len(request.session.items) < 25:
        pytest.skip("not the whole file was run")
    assert promised() - seen == set()
