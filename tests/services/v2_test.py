"""The Open Inference Protocol on predict, proxy and gateway: every call of it, tensors as JSON and in
binary form, the refusals; and a client that others wrote, Triton's."""
import base64
import json
import struct
import subprocess

import numpy
import pytest

import pictures
from conftest import BUILD, PATIENCE, SANITIZE, Server, wait_until

INFER = "/v2/models/grabcut/infer"
PICTURE = pictures.disc()
RECT = (3, 3, 40, 34)
CUTOUT, MASK = pictures.reference(PICTURE, 1, RECT)


@pytest.fixture(scope="module")
def predict():
    server = Server("headerroute-predict", "--name", "predict-1", "--iterations", 1, "--max-body-bytes", "1M",
                    "--max-pixels", 40000)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def proxy(predict):
    server = Server("headerroute-proxy", "--name", "proxy-1", env={"PREDICT_SERVER_URL": "http://%s:%d" % predict.address})
    yield server
    server.stop()


def tensor(data, datatype="UINT8", shape=None, name="image", **parameters):
    made = {"name": name, "datatype": datatype, "shape": shape or [1], "data": data}
    if parameters:
        made["parameters"] = parameters
    return made


def pixels(picture=PICTURE, **parameters):
    return tensor(picture.flatten().tolist(), "UINT8", list(picture.shape), **parameters)


def file_of(picture=PICTURE):
    return tensor([base64.b64encode(pictures.encode(picture)).decode()], "BYTES")


def request(*inputs, outputs=None, rect=RECT, **parameters):
    if rect:
        parameters["rect"] = ",".join(map(str, rect))
    made = {"inputs": list(inputs), "parameters": parameters}
    if outputs is not None:
        made["outputs"] = [o if isinstance(o, dict) else {"name": o} for o in outputs]
    return made


def post(server, body, headers=None, path=INFER):
    body = body if isinstance(body, (bytes, str)) else json.dumps(body)
    return server.post(path, body, headers or {"content-type": "application/json"})


def binary(body, *blobs):
    """Body and headers of the binary tensor data extension."""
    text = json.dumps(body).encode()
    return text + b"".join(blobs), {"content-type": "application/octet-stream", "Inference-Header-Content-Length": str(len(text))}


def outputs_of(answer):
    """Output arrays by name, however they were sent; all of the body is accounted for."""
    assert answer.status == 200, answer.body[:300]
    length = answer.header("inference-header-content-length")
    kind = answer.header("content-type")
    assert kind == ("application/octet-stream" if length else "application/json")
    head = json.loads(answer.body[:int(length)] if length else answer.body)
    assert (head["model_name"], head["model_version"]) == ("grabcut", "1")
    rest, found = answer.body[int(length):] if length else b"", {}
    for output in head["outputs"]:
        size = output.get("parameters", {}).get("binary_data_size")
        if size is not None:
            assert "data" not in output
            blob, rest = rest[:size], rest[size:]
            assert len(blob) == size
        if output["datatype"] == "BYTES":
            assert output["shape"] == [1]
            if size is not None:
                assert struct.unpack("<I", blob[:4])[0] == size - 4
            found[output["name"]] = pictures.decode(blob[4:] if size is not None else base64.b64decode(output["data"][0], validate=True))
        else:
            flat = numpy.frombuffer(blob, numpy.uint8) if size is not None else numpy.array(output["data"])
            found[output["name"]] = flat.reshape(output["shape"])
    assert rest == b""
    return found


def check_all(found):
    assert sorted(found) == ["cutout", "mask", "png"]
    assert (found["mask"] == MASK).all() and found["mask"].any()
    assert (found["cutout"] == CUTOUT).all() and (found["png"] == CUTOUT).all()


# ---- health and metadata ----

@pytest.mark.parametrize("path, body", [
    ("/v2/health/live", {"live": True}),
    ("/v2/health/ready", {"ready": True}),
    ("/v2/models/grabcut/ready", {"name": "grabcut", "ready": True}),
    ("/v2/models/grabcut/versions/1/ready", {"name": "grabcut", "ready": True}),
])
def test_health(predict, proxy, path, body):
    for server in predict, proxy:
        answer = server.get(path)
        assert (answer.status, answer.json()) == (200, body)


def test_metadata_names_the_tensors(predict, proxy):
    for server in predict, proxy:
        about = server.get("/v2").json()
        assert server.get("/v2/").json() == about
        assert about["name"] == "headerroute" and about["version"] and about["extensions"] == ["binary_tensor_data"]
        model = server.get("/v2/models/grabcut").json()
        assert model == server.get("/v2/models/grabcut/versions/1").json()
        assert (model["name"], model["versions"]) == ("grabcut", ["1"]) and model["platform"]
        assert [(t["name"], t["datatype"]) for t in model["inputs"]] == [("image", "UINT8")]
        assert {t["name"]: t["datatype"] for t in model["outputs"]} == {"mask": "UINT8", "cutout": "UINT8", "png": "BYTES"}


def test_the_proxy_adds_itself(predict, proxy):
    answer = proxy.get("/v2", {"x-request-id": "abc"})
    assert answer.header("via") == "1.1 predict-1, 1.1 proxy-1"
    assert answer.header("x-request-id") == "abc"


# ---- inference ----

@pytest.mark.parametrize("make", [pixels, file_of])
def test_json_in_json_out(predict, proxy, make):
    for server in predict, proxy:
        check_all(outputs_of(post(server, request(make()))))


def test_a_batch_of_one_a_nested_array_and_a_version(predict):
    batch = tensor(PICTURE[None].tolist(), "UINT8", [1, *PICTURE.shape])
    check_all(outputs_of(post(predict, request(batch), path="/v2/models/grabcut/versions/1/infer")))


def test_iterations_and_seed_are_parameters(predict):
    one, two = (outputs_of(post(predict, {"inputs": [pixels()], "outputs": [{"name": "mask"}],
                                          "parameters": {"iterations": n, "seed": 3, "rect": ",".join(map(str, RECT))}}))["mask"]
                for n in (1, 4))
    for n, mask in ((1, one), (4, two)):
        assert numpy.array_equal(mask, pictures.reference(PICTURE, n, RECT, seed=3)[1])


@pytest.mark.parametrize("parameters,says", [({"rectangle": "auto"}, 'unknown parameter "rectangle"'), ({"iterations": 0}, "from 1 to"),
                                             ({"iterations": "1"}, "iterations"), ({"seed": -1}, "seed must be")])
def test_400_parameters_that_are_not_known_or_not_valid(predict, parameters, says):
    answer = post(predict, {"inputs": [pixels()], "parameters": parameters})
    assert answer.status == 400 and says in answer.json()["error"]


def test_the_order_of_members_does_not_matter_and_others_are_passed_over(predict):
    ordered = {"parameters": {"priority": 3, "rect": ",".join(map(str, RECT)), "headers": {"deep": [1, {"data": "no"}]}},
               "outputs": [{"parameters": {"binary_data": False, "classification": 2}, "name": "mask"}],
               "inputs": [dict(reversed(pixels(content_type="np").items()))], "extra": [None, True, 1.5e3, "x"]}
    assert list(outputs_of(post(predict, ordered))) == ["mask"]
    late = {"outputs": [{"name": "mask"}], "inputs": [file_of()], "parameters": {"binary_data_output": True, "rect": "3,3,40,34"}}
    answer = post(predict, late)
    assert answer.header("inference-header-content-length") and (outputs_of(answer)["mask"] == MASK).all()


@pytest.mark.parametrize("blob, datatype, shape", [
    (PICTURE.tobytes(), "UINT8", list(PICTURE.shape)),
    (struct.pack("<I", len(pictures.encode(PICTURE))) + pictures.encode(PICTURE), "BYTES", [1]),
], ids=["pixels", "file"])
def test_binary_in_binary_out(predict, proxy, blob, datatype, shape):
    image = {"name": "image", "datatype": datatype, "shape": shape, "parameters": {"binary_data_size": len(blob)}}
    for server in predict, proxy:
        answer = server.post(INFER, *binary(request(image, binary_data_output=True), blob))
        assert answer.header("inference-header-content-length")
        check_all(outputs_of(answer))


def test_each_output_may_say_how_it_comes(predict):
    wanted = [{"name": "png", "parameters": {"binary_data": True}}, {"name": "mask"}]
    answer = post(predict, request(pixels(), outputs=wanted))
    found = outputs_of(answer)
    head = json.loads(answer.body[:int(answer.header("inference-header-content-length"))])
    assert [("data" in o) for o in head["outputs"]] == [True, False]
    assert sorted(found) == ["mask", "png"] and (found["png"] == CUTOUT).all()


def test_png_shows_what_the_parameter_says(predict):
    rgba = outputs_of(post(predict, request(file_of(), outputs=["png"], output="rgba")))["png"]
    assert rgba.shape == (*PICTURE.shape[:2], 4) and (rgba[:, :, 3] == MASK * 255).all()
    both = outputs_of(post(predict, request(file_of(), outputs=["png", "cutout"], output="mask")))
    assert (both["png"] == MASK * 255).all() and (both["cutout"] == CUTOUT).all()


def test_the_id_comes_back(predict):
    for name in "job 1", 'with "quotes" and \u65e5\u672c', "":
        body = {"id": name, **request(file_of(), outputs=["mask"])}
        assert post(predict, body).json()["id"] == name
    assert "id" not in post(predict, request(file_of(), outputs=["mask"])).json()


def test_base64_with_escapes(predict):
    body = json.dumps(request(file_of(), outputs=["mask"])).replace("/", "\\/")
    assert (outputs_of(post(predict, body))["mask"] == MASK).all()


def test_no_content_type_is_needed(predict):
    connection = predict.connect()
    connection.request("POST", INFER, json.dumps(request(file_of(), outputs=["mask"])))
    assert connection.getresponse().status == 200
    connection.close()


def test_the_rect_is_the_servers_unless_given(predict):
    expected = pictures.reference(PICTURE, 1)[1]
    assert (outputs_of(post(predict, request(pixels(), rect=None, outputs=["mask"])))["mask"] == expected).all()


# ---- refusals ----

def one(**changes):
    image = {**file_of(), **changes}
    return request({k: v for k, v in image.items() if v is not None})


REFUSALS = [
    ("no JSON", 400, b"{", "not JSON"),
    ("no object", 400, b"[]", "not a JSON object"),
    ("trailing", 400, b"{} {}", "not JSON"),
    ("no inputs", 400, {}, "no input"),
    ("inputs no array", 400, {"inputs": {}}, "inputs must be an array"),
    ("input no object", 400, {"inputs": [1]}, "every input must be an object"),
    ("two inputs", 400, request(file_of(), file_of()), "more than one input"),
    ("another input", 400, one(name="picture"), "no input picture"),
    ("no name", 400, one(name=None), "no name"),
    ("name of the wrong type", 400, one(name=1), "name is of the wrong type"),
    ("another datatype", 400, one(datatype="FP32"), "UINT8 or BYTES"),
    ("no datatype", 400, one(datatype=None), "UINT8 or BYTES"),
    ("no shape", 400, one(shape=None), "no shape"),
    ("negative shape", 400, one(shape=[-1]), "above 0"),
    ("shape of text", 400, one(shape=["1"]), "above 0"),
    ("many dimensions", 400, one(shape=[1] * 9), "dimensions"),
    ("two files", 400, one(data=["aa==", "aa=="]), "more than one file"),
    ("a shape of two", 400, one(shape=[2]), "one file"),
    ("no data", 400, one(data=None), "one string"),
    ("numbers for a file", 400, one(data=[1, 2]), "one string"),
    ("strings for pixels", 400, request(tensor(["x"], shape=[1, 1, 3])), "numbers"),
    ("no base64", 400, one(data=["*"]), "base64"),
    ("null in data", 400, one(data=[None]), "numbers or strings"),
    ("256", 400, request(tensor([0, 1, 256], shape=[1, 1, 3])), "element 2 of data is 256"),
    ("minus 1", 400, request(tensor([-1, 1, 2], shape=[1, 1, 3])), "element 0 of data is -1"),
    ("a fraction", 400, request(tensor([0, 1.5, 2], shape=[1, 1, 3])), "element 1 of data is 1.5"),
    ("too few values", 400, request(tensor([0, 1], shape=[1, 1, 3])), "does not go with 2 bytes"),
    ("grey", 400, request(tensor([0], shape=[1, 1, 1])), "[height, width, 3]"),
    ("a batch of two", 400, request(tensor([0] * 6, shape=[2, 1, 1, 3])), "[height, width, 3]"),
    ("a huge shape", 400, request(tensor([0], shape=[10 ** 17, 10 ** 17, 3])), "does not go with"),
    ("another output", 400, request(file_of(), outputs=["depth"]), "no output depth"),
    ("an output twice", 400, request(file_of(), outputs=["mask", "mask"]), "twice"),
    ("an output without name", 400, request(file_of(), outputs=[{}]), "no name"),
    ("a member twice", 400, b'{"inputs": [], "inputs": []}', "given twice"),
    ("rect", 400, request(file_of(), rect=(1, 2)), "rect must be"),
    ("output", 400, request(file_of(), output="depth"), "output must be"),
    ("a long id", 400, {"id": "x" * 300, **one()}, "id is too long"),
    ("deep", 400, b'{"a":' + b"[" * 100 + b"]" * 100 + b"}", "nested too deeply"),
    ("binary without a header", 400, one(data=None, parameters={"binary_data_size": 3}), "bytes follow"),
    ("many pixels", 413, request(tensor([7] * (201 * 200 * 3), shape=[201, 200, 3])), "40000"),
    ("many pixels in a file", 413, request(file_of(pictures.disc(201, 200))), "40000"),
    ("no picture", 422, one(data=[base64.b64encode(b"no picture").decode()]), ""),
    ("outside", 422, request(file_of(), rect=(4000, 4000, 5, 5)), "outside"),
]


@pytest.mark.parametrize("status, body, sentence", [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS])
def test_refusals_have_the_protocols_form(predict, status, body, sentence):
    answer = post(predict, body)
    assert answer.status == status, answer.body
    assert list(answer.json()) == ["error"] and sentence in answer.json()["error"], answer.body


@pytest.mark.parametrize("length, size, rest", [
    ("99999999", None, b""), ("-1", None, b""), ("x", None, b""), ("", None, b""),
    (None, 4, b"\0\0\0\0\0"), (None, 9, b"\5\0\0\0abc"), (None, 7, b"\2\0\0\0abc"), (None, 3, b"abc"),
    (None, None, b"abc"),
], ids=["beyond", "negative", "word", "empty", "more bytes", "fewer bytes", "short element", "no length", "unclaimed bytes"])
def test_binary_parts_must_fit(predict, length, size, rest):
    image = {"name": "image", "datatype": "BYTES", "shape": [1]}
    image.update({"data": ["aa=="]} if size is None else {"parameters": {"binary_data_size": size}})
    body, headers = binary(request(image), rest)
    if length is not None:
        headers["Inference-Header-Content-Length"] = length
    answer = predict.post(INFER, body, headers)
    assert answer.status == 400 and list(answer.json()) == ["error"], answer.body


@pytest.mark.parametrize("headers", [
    {"content-type": "application/json; charset=utf-8"}, {"content-type": "Application/JSON"},
    {"content-type": "application/octet-stream"}, {"content-type": "application/json", "origin": "http://other.example"}, {}],
    ids=["charset", "case", "octets", "origin", "none"])
def test_content_types_of_clients(predict, proxy, headers):
    """Triton's client for Python sends no content type."""
    body = json.dumps(request(file_of(), outputs=["mask"]))
    for server in predict, proxy:
        assert server.request("POST", INFER, body, headers).status == 200


@pytest.mark.parametrize("headers", [
    {"content-type": "text/plain;charset=UTF-8"}, {"content-type": "application/x-www-form-urlencoded"},
    {"content-type": "multipart/form-data; boundary=x"}, {"content-type": "image/png"}, {"content-type": "application/jsonx"},
    {"origin": "http://other.example"}, {"origin": "null"}],
    ids=["text", "form", "multipart", "image", "similar", "no-type-of-a-page", "no-type-of-a-file"])
def test_what_a_web_page_of_another_site_can_send_is_refused(predict, proxy, headers):
    """The requests that a browser sends without asking first (Fetch, CORS-safelisted request-header)."""
    body = json.dumps(request(file_of()))
    for server in predict, proxy:
        answer = server.request("POST", INFER, body, headers)
        assert answer.status == 415 and "application/json" in answer.json()["error"]
        if "content-type" not in headers:
            assert server.request("POST", "/predict", pictures.json_body(pictures.encode(pictures.disc())), headers).status == 415


def test_other_refusals(predict, proxy):
    for server in predict, proxy:
        for method, path, status in (("GET", INFER, 405), ("POST", "/v2", 405), ("GET", "/v2/models/other", 404),
                                     ("GET", "/v2/models/grabcut/versions/2", 404), ("GET", "/v2/models", 404),
                                     ("GET", "/v2/models/grabcut/config", 404), ("GET", "/v2/none", 404)):
            answer = server.request(method, path, b"{}" if method == "POST" else None)
            assert answer.status == status, (method, path)
            assert list(answer.json()) == ["error"], (method, path)
        compressed = post(server, b"x", {"content-encoding": "gzip"})
        assert compressed.status == 415 and "compressed" in compressed.json()["error"]
        assert post(server, b"").status == 400
    assert predict.post(INFER, b"x" * (2 << 20)).status == 413
    assert list(predict.post(INFER, b"x" * (2 << 20)).json()) == ["error"]
    assert "error" not in predict.get("/v2x").json() and predict.get("/v2x").status == 404


def test_a_proxy_without_its_predict_answers_in_the_protocols_form(start):
    away = start("headerroute-proxy", env={"PREDICT_SERVER_URL": "http://127.0.0.1:1"})
    answer = away.get("/v2/health/live")
    assert answer.status == 502 and list(answer.json()) == ["error"]


def test_limits_queue_and_deadline_are_those_of_predict(start):
    server = start("headerroute-predict", "--workers", 1, "--queue", 1, "--iterations", 1000, "--deadline", 600)
    body = json.dumps(request(pixels(pictures.disc(400, 400)), rect=None))
    late = post(server, body, {"x-envoy-expected-rq-timeout-ms": "200"})
    assert late.status == 504 and list(late.json()) == ["error"]
    wait_until(lambda: server.metrics()["headerroute_jobs_running"] == 0, "the late one is cancelled")
    waiting = []
    for name in ("headerroute_jobs_running", "headerroute_jobs_queued"):
        waiting.append(server.connect())
        waiting[-1].request("POST", INFER, body)
        wait_until(lambda: server.metrics()[name] == 1, f"{name} is 1")
    busy = post(server, body)
    assert busy.status == 503 and int(busy.header("retry-after")) >= 1 and list(busy.json()) == ["error"]
    for connection in waiting:
        connection.close()


def test_an_answer_too_large_as_text_is_told_before_the_work(start):
    server = start("headerroute-predict", "--iterations", 1, "--answer-memory", "512K")
    picture = pictures.disc(240, 200)
    refused = post(server, request(file_of(picture), rect=None))
    assert refused.status == 413 and "binary" in refused.json()["error"]
    found = outputs_of(post(server, request(file_of(picture), rect=None, binary_data_output=True)))
    assert found["cutout"].shape == picture.shape


@pytest.mark.skipif(bool(SANITIZE), reason="a sanitizer's memory is not the server's")
def test_an_array_of_many_numbers_takes_the_memory_of_its_text_and_no_more(start):
    server = start("headerroute-predict", "--iterations", 1, "--threads", 1, "--workers", 1)
    values = b",".join([b"7"] * 4_000_000)
    body = b'{"inputs":[{"name":"image","datatype":"UINT8","shape":[1,1,3],"data":[' + values + b"]}]}"
    post(server, request(pixels(), rect=None))
    before = server.rss("VmHWM")
    for _ in range(3):
        assert post(server, body).status == 400
    assert server.rss("VmHWM") - before < len(body) + (4 << 20)


def test_the_gateway_routes_it(start, tmp_path, predict, proxy):
    (tmp_path / "mesh.yaml").write_text(f"""
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {{name: gw}}
spec:
  selector: {{istio: ingressgateway}}
  servers: [{{port: {{number: 80, name: http, protocol: HTTP}}, hosts: ["*"]}}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: proxy}}
spec:
  hosts: [proxy.test]
  resolution: STATIC
  location: MESH_INTERNAL
  ports: [{{number: 80, name: http, protocol: HTTP}}]
  endpoints: [{{address: {proxy.address[0]}, ports: {{http: {proxy.address[1]}}}}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: route}}
spec:
  hosts: ["*"]
  gateways: [gw]
  http:
  - match: [{{headers: {{target: {{exact: condition1}}}}}}]
    route: [{{destination: {{host: proxy.test}}}}]
  - match: [{{uri: {{exact: /ready}}}}]
    route: [{{destination: {{host: proxy.test}}}}]
""")
    gateway = start("headerroute-gateway", "--name", "gateway", "-f", tmp_path / "mesh.yaml")
    image = {"name": "image", "datatype": "UINT8", "shape": list(PICTURE.shape), "parameters": {"binary_data_size": PICTURE.size}}
    body, headers = binary(request(image, binary_data_output=True), PICTURE.tobytes())
    answer = gateway.post(INFER, body, {**headers, "target": "condition1"})
    check_all(outputs_of(answer))
    assert answer.header("via") == "1.1 predict-1, 1.1 proxy-1, 1.1 gateway"
    assert gateway.post(INFER, body, headers).status == 404


# ---- a client that others wrote ----

@pytest.fixture(scope="module")
def triton_python():
    """A Python that has Triton's client. It comes from PyPI, which not every machine reaches."""
    home = BUILD.parent / "tritonclient-venv"  # one for all builds
    python = home / "bin/python"
    has_it = [str(python), "-c", "import tritonclient.http"]
    if not python.exists() or subprocess.run(has_it, capture_output=True).returncode != 0:
        subprocess.run(["/usr/bin/python3", "-m", "venv", "--clear", "--system-site-packages", str(home)], check=True, capture_output=True)
        install = [str(python), "-m", "pip", "install", "-q", "--retries", "1", "--timeout", "20"]
        try:
            subprocess.run([*install, "tritonclient[http]==2.73.0"], check=True, capture_output=True, timeout=240)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as problem:
            pytest.skip(f"Triton's client (PyPI: tritonclient) could not be installed here: {problem}")
    if subprocess.run(has_it, capture_output=True).returncode != 0:
        pytest.skip("Triton's client (PyPI: tritonclient) does not run with this Python")
    return str(python)


TRITON = """
import sys, numpy
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException
address, photo = sys.argv[1:]
client = triton.InferenceServerClient(address)
assert client.is_server_live() and client.is_server_ready()
assert client.is_model_ready("grabcut") and client.is_model_ready("grabcut", "1")
assert client.get_server_metadata()["name"] == "headerroute"
about = client.get_model_metadata("grabcut")
assert [i["name"] for i in about["inputs"]] == ["image"]
pixels = numpy.load(photo + ".npy")
with open(photo, "rb") as f:
    data = f.read()
def ask(array, kind, binary, outputs):
    image = triton.InferInput("image", list(array.shape), kind)
    image.set_data_from_numpy(array, binary_data=binary)
    requested = outputs and [triton.InferRequestedOutput(n, binary_data=b) for n, b in outputs]
    return client.infer("grabcut", [image], outputs=requested, request_id="seven", parameters={"rect": "3,3,40,34"})
masks = []
for binary in True, False:
    for outputs in None, [("mask", True), ("png", True)], [("mask", False), ("cutout", False)]:
        result = ask(pixels, "UINT8", binary, outputs)
        assert result.get_response()["id"] == "seven"
        masks.append(result.as_numpy("mask"))
masks.append(ask(numpy.array([data], dtype=object), "BYTES", True, None).as_numpy("mask"))
result = ask(numpy.array([data], dtype=object), "BYTES", True, [("png", True), ("mask", True)])
assert result.as_numpy("png")[0].startswith(b"\\x89PNG")
masks.append(result.as_numpy("mask"))
expected = numpy.load(photo + ".mask.npy")
assert all((m == expected).all() for m in masks), "masks differ"
try:
    ask(pixels.astype(numpy.float32), "FP32", True, None)
except InferenceServerException as error:
    assert error.status() == "400" and "UINT8 or BYTES" in error.message(), error
else:
    raise SystemExit("FP32 was taken")
print("agreed on", len(masks))
"""


@pytest.mark.parametrize("which", ["predict", "proxy"])
def test_tritons_client_calls_it_unchanged(request, triton_python, which, tmp_path):
    server = request.getfixturevalue(which)
    photo = tmp_path / "disc.png"
    photo.write_bytes(pictures.encode(PICTURE))
    numpy.save(f"{photo}.npy", PICTURE)
    numpy.save(f"{photo}.mask.npy", MASK)
    done = subprocess.run([triton_python, "-c", TRITON, "%s:%d" % server.address, str(photo)], capture_output=True, text=True,
                          timeout=PATIENCE * 3, env={"PATH": "/usr/bin:/bin"})
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip() == "agreed on 8"
