"""predict over gRPC: every call of the Open Inference Protocol, health and reflection, by a client that others wrote;
the same masks and the same refusals as over REST."""
import queue
import struct
import time

import grpc
import numpy
import pytest

import pictures
from conftest import PATIENCE, SANITIZE, Server, wait_until
from grpc_calls import INFERENCE, Channel, descriptors, message, status_of
from http2_wire import Http2, head

PICTURE = pictures.disc()
RECT = (3, 3, 40, 34)
CUTOUT, MASK = pictures.reference(PICTURE, 1, RECT)
HEALTH = "grpc.health.v1.Health"
CALLS = 'headerroute_grpc_calls_total{service="%s",method="%s",code="%s"}'
Code = grpc.StatusCode


@pytest.fixture(scope="module")
def predict():
    server = Server("headerroute-predict", "--name", "predict-1", "--iterations", 1, "--max-body-bytes", "1M",
                    "--max-pixels", 40000)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def channel(predict):
    with Channel(predict) as made:
        yield made


def parameter(value):
    kind = {bool: "bool_param", int: "int64_param", str: "string_param", float: "double_param"}[type(value)]
    return message("inference.InferParameter", **{kind: value})


def request(datatype="UINT8", shape=None, raw=None, contents=None, outputs=(), rect=RECT, name="image", model="grabcut", **more):
    made = message("inference.ModelInferRequest", model_name=model)
    tensor = made.inputs.add(name=name, datatype=datatype, shape=PICTURE.shape if shape is None else shape)
    if contents:
        tensor.contents.CopyFrom(message("inference.InferTensorContents", **contents))
    if raw is not None:
        made.raw_input_contents.append(raw)
    for output in outputs:
        made.outputs.add(name=output)
    parameters = more.pop("parameters", {})
    if rect:
        parameters = {"rect": ",".join(map(str, rect)), **parameters}
    for key, value in parameters.items():
        made.parameters[key].CopyFrom(parameter(value))
    for key, value in more.items():
        setattr(made, key, value)
    return made


def with_length(data):
    return struct.pack("<I", len(data)) + data


def raw_pixels(picture=PICTURE, **more):
    return request("UINT8", picture.shape, raw=picture.tobytes(), **more)


def raw_file(picture=PICTURE, kind="PNG", **more):
    return request("BYTES", [1], raw=with_length(pictures.encode(picture, kind)), **more)


def pixels(picture=PICTURE, **more):
    return request("UINT8", [1, *picture.shape], contents={"uint_contents": picture.flatten().tolist()}, **more)


def file_of(picture=PICTURE, **more):
    return request("BYTES", [1], contents={"bytes_contents": [pictures.encode(picture)]}, **more)


def outputs_of(response):
    """Output arrays by name, however they were sent."""
    assert (response.model_name, response.model_version) == ("grabcut", "1")
    raw, found = list(response.raw_output_contents), {}
    assert len(raw) in (0, len(response.outputs))
    for i, output in enumerate(response.outputs):
        contents = output.contents
        assert not (raw and contents.ByteSize())
        if output.datatype == "BYTES":
            assert list(output.shape) == [1]
            if raw:
                assert struct.unpack("<I", raw[i][:4])[0] == len(raw[i]) - 4
            found[output.name] = pictures.decode(raw[i][4:] if raw else contents.bytes_contents[0])
        else:
            flat = numpy.frombuffer(raw[i], numpy.uint8) if raw else numpy.array(contents.uint_contents)
            found[output.name] = flat.reshape(list(output.shape))
    return found


def check_all(found):
    assert sorted(found) == ["cutout", "mask", "png"]
    assert (found["mask"] == MASK).all() and found["mask"].any()
    assert (found["cutout"] == CUTOUT).all() and (found["png"] == CUTOUT).all()


# ---- the server and the model ----

def test_live_and_ready(channel):
    assert channel.call(f"/{INFERENCE}/ServerLive").live is True
    assert channel.call(f"/{INFERENCE}/ServerReady").ready is True
    for version in "", "1":
        asked = message("inference.ModelReadyRequest", name="grabcut", version=version)
        assert channel.call(f"/{INFERENCE}/ModelReady", asked).ready is True


def test_metadata_is_that_of_rest(channel, predict):
    about, rest = channel.call(f"/{INFERENCE}/ServerMetadata"), predict.get("/v2").json()
    assert (about.name, about.version) == (rest["name"], rest["version"])
    model = channel.call(f"/{INFERENCE}/ModelMetadata", message("inference.ModelMetadataRequest", name="grabcut", version="1"))
    rest = predict.get("/v2/models/grabcut").json()
    assert (model.name, list(model.versions), model.platform) == (rest["name"], rest["versions"], rest["platform"])
    for mine, theirs in (model.inputs, rest["inputs"]), (model.outputs, rest["outputs"]):
        assert [{"name": t.name, "datatype": t.datatype, "shape": list(t.shape)} for t in mine] == theirs


@pytest.mark.parametrize("method", ["ModelReady", "ModelMetadata"])
@pytest.mark.parametrize("name, version, detail", [
    ("cat", "", "there is no model cat"), ("grabcut", "2", "there is no version 2"),
    pytest.param("m" * 256, "", "there is no model " + "m" * 100, id="long")])
def test_other_models_are_not_found(channel, method, name, version, detail):
    asked = message(f"inference.{method}Request", name=name, version=version)
    assert status_of(channel.call, f"/{INFERENCE}/{method}", asked) == (Code.NOT_FOUND, detail)


@pytest.mark.parametrize("method", ["ModelReady", "ModelMetadata"])
def test_a_model_must_be_named(channel, method):
    refused = status_of(channel.call, f"/{INFERENCE}/{method}")
    assert refused == (Code.INVALID_ARGUMENT, "the request names no model: the model is grabcut")
    asked = message(f"inference.{method}Request", name="m" * 257)
    assert status_of(channel.call, f"/{INFERENCE}/{method}", asked)[0] == Code.INVALID_ARGUMENT


# ---- inference ----

@pytest.mark.parametrize("make", [raw_pixels, raw_file, pixels, file_of])
def test_infers(channel, make):
    response = channel.infer(make())
    assert len(response.raw_output_contents) == (3 if make in (raw_pixels, raw_file) else 0)
    check_all(outputs_of(response))


@pytest.mark.parametrize("kind", ["JPEG", "BMP", "WebP"])
def test_takes_the_formats_of_rest(channel, predict, kind):
    data = pictures.encode(PICTURE, kind, **({"lossless": True} if kind == "WebP" else {}))
    rest = predict.post("/predict?output=mask&rect=3,3,40,34", data, {"content-type": f"image/{kind.lower()}", "accept": "image/png"})
    found = outputs_of(channel.infer(request("BYTES", [1], raw=with_length(data), outputs=["mask"])))
    assert (found["mask"] * 255 == pictures.decode(rest.body)).all() and found["mask"].any()


def test_a_photo_has_the_mask_of_rest(start):
    data = sorted(pictures.PHOTOS.glob("*.jpg"))[0].read_bytes()
    server = start("headerroute-predict", "--iterations", 1)
    with Channel(server) as mine:
        rest = server.post("/predict?output=mask", data, {"content-type": "image/jpeg", "accept": "image/png"})
        assert rest.status == 200, rest.body[:200]
        found = outputs_of(mine.infer(request("BYTES", [1], raw=with_length(data), rect=None)))
        assert (found["mask"] * 255 == pictures.decode(rest.body)).all() and found["mask"].any()


@pytest.mark.parametrize("make", [raw_pixels, file_of])
@pytest.mark.parametrize("asked", [["mask"], ["png"], ["cutout"], ["png", "mask"]])
def test_only_the_outputs_that_are_asked_for(channel, make, asked):
    found = outputs_of(channel.infer(make(outputs=asked)))
    assert sorted(found) == sorted(asked)
    assert (found[asked[0]] == (MASK if asked[0] == "mask" else CUTOUT)).all()


def test_the_id_comes_back(channel):
    for given in "", "a", "ü" * 128:
        assert channel.infer(raw_pixels(outputs=["mask"], id=given)).id == given


def test_parameters(channel):
    found = outputs_of(channel.infer(raw_file(rect=None, parameters={"rect": "auto", "output": "mask"}, outputs=["png", "mask"])))
    assert (found["png"] == pictures.reference(PICTURE, 1)[1] * 255).all()
    assert (found["mask"] == pictures.reference(PICTURE, 1)[1]).all()
    more = {"priority": 1, "sequence_start": True, "timeout": 0.5, "headers": "x" * 1000}
    check_all(outputs_of(channel.infer(raw_pixels(parameters=more))))
    for numbers in ({"iterations": 3, "seed": 7}, {"iterations": "3", "seed": "7"}):
        found = outputs_of(channel.infer(raw_file(rect=None, parameters=numbers, outputs=["mask"])))
        assert (found["mask"] == pictures.reference(PICTURE, 3, seed=7)[1]).all()


@pytest.mark.parametrize("parameters, says", [({"rectangle": "auto"}, 'unknown parameter "rectangle"'), ({"iterations": 0}, "from 1 to"),
                                              ({"seed": 1.5}, "seed"), ({"iterations": True}, "iterations")])
def test_parameters_that_are_not_known_or_not_valid(channel, parameters, says):
    with pytest.raises(grpc.RpcError) as caught:
        channel.infer(raw_pixels(parameters=parameters))
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT and says in caught.value.details()


def test_unpacked_numbers_and_split_runs(channel):
    """A repeated field of numbers may come in any number of pieces, packed or not."""
    def varint(n):
        return bytes([n]) if n < 128 else bytes([n & 127 | 128, n >> 7])

    def field(number, payload):
        return bytes([number << 3 | 2]) + long_varint(len(payload)) + payload

    def long_varint(n):
        out = b""
        while n > 127:
            out, n = out + bytes([n & 127 | 128]), n >> 7
        return out + bytes([n])
    values = PICTURE.flatten().tolist()
    packed = b"".join(map(varint, values[:1000])), b"".join(map(varint, values[2000:]))
    single = b"".join(b"\x20" + varint(v) for v in values[1000:2000])
    contents = field(4, packed[0]) + single + field(4, b"") + field(4, packed[1])
    shape = b"".join(b"\x18" + varint(n) for n in PICTURE.shape)
    tensor = field(1, b"image") + field(2, b"UINT8") + shape + field(5, contents)
    rect = field(1, b"rect") + field(2, field(3, b"3,3,40,34"))
    body = field(5, tensor) + field(4, rect) + field(1, b"grabcut") + b"\xa2\x06\x03new" + b"\xa8\x06\x01"
    answer = message("inference.ModelInferResponse")
    answer.ParseFromString(channel.raw(f"/{INFERENCE}/ModelInfer", body))
    check_all(outputs_of(answer))


@pytest.mark.parametrize("made, code, detail", [
    (lambda: raw_pixels(model="cat"), Code.NOT_FOUND, "there is no model cat"),
    (lambda: raw_pixels(model_version="2"), Code.NOT_FOUND, "there is no version 2"),
    (lambda: raw_pixels(model=""), Code.INVALID_ARGUMENT, "the request names no model: the model is grabcut"),
    (lambda: message("inference.ModelInferRequest", model_name="grabcut"), Code.INVALID_ARGUMENT,
     "the request has no input: the input is image"),
    (lambda: raw_pixels(name="picture"), Code.INVALID_ARGUMENT, "there is no input picture: the input is image"),
    (lambda: raw_pixels(name=""), Code.INVALID_ARGUMENT, "the input has no name"),
    (lambda: request("FP32", raw=PICTURE.tobytes()), Code.INVALID_ARGUMENT, "the datatype of image must be UINT8 or BYTES"),
    (lambda: request("UINT8", [], raw=PICTURE.tobytes()), Code.INVALID_ARGUMENT, "the input has no shape"),
    (lambda: request("UINT8", [40, 48], raw=PICTURE.tobytes()), Code.INVALID_ARGUMENT,
     "the shape of a UINT8 image is [height, width, 3] or [1, height, width, 3]"),
    (lambda: request("UINT8", [40, -1, 3], raw=PICTURE.tobytes()), Code.INVALID_ARGUMENT, "shape must hold whole numbers above 0"),
    (lambda: request("UINT8", [2**62, 2, 3], raw=PICTURE.tobytes()), Code.INVALID_ARGUMENT,
     "the shape [4611686018427387904, 2, 3] does not go with 5760 bytes"),
    (lambda: request("UINT8", [1] * 1000, raw=b""), Code.INVALID_ARGUMENT, "shape has more than 8 dimensions"),
    (lambda: request("UINT8", raw=b"abc"), Code.INVALID_ARGUMENT, "the shape [40, 48, 3] does not go with 3 bytes"),
    (lambda: request("BYTES", [2], raw=with_length(b"a")), Code.INVALID_ARGUMENT, "the shape of a BYTES image is [1]: one file"),
    (lambda: request("BYTES", [1], raw=b"\x09\0\0\0abc"), Code.INVALID_ARGUMENT, "the BYTES element does not fill its 7 bytes"),
    (lambda: request("BYTES", [1], raw=b""), Code.INVALID_ARGUMENT, "the BYTES element does not fill its 0 bytes"),
    (lambda: request("BYTES", [1], raw=with_length(b"not an image")), Code.INVALID_ARGUMENT, None),
    (lambda: request("BYTES", [1]), Code.INVALID_ARGUMENT, "contents of BYTES must be one element of bytes_contents: the file"),
    (lambda: request("BYTES", [1], contents={"bytes_contents": [b"a", b"b"]}), Code.INVALID_ARGUMENT,
     "bytes_contents holds more than one file"),
    (lambda: request("UINT8", contents={"bytes_contents": [b"a"]}), Code.INVALID_ARGUMENT, "contents of UINT8 must be uint_contents"),
    (lambda: request("UINT8", contents={"uint_contents": [1, 256]}), Code.INVALID_ARGUMENT,
     "element 1 of uint_contents is 256; UINT8 goes from 0 to 255"),
    (lambda: request("UINT8", contents={"fp32_contents": [1.0]}), Code.INVALID_ARGUMENT,
     "contents must be uint_contents for UINT8, or bytes_contents for BYTES"),
    (lambda: request("UINT8", raw=PICTURE.tobytes(), contents={"uint_contents": [1]}), Code.INVALID_ARGUMENT,
     "the input has both contents and raw_input_contents"),
    (lambda: raw_pixels(outputs=["depth"]), Code.INVALID_ARGUMENT, "there is no output depth: the outputs are mask, cutout and png"),
    (lambda: raw_pixels(outputs=["mask", "mask"]), Code.INVALID_ARGUMENT, "output mask is asked for twice"),
    (lambda: raw_pixels(outputs=[""]), Code.INVALID_ARGUMENT, "an output has no name"),
    (lambda: raw_pixels(parameters={"output": 7}), Code.INVALID_ARGUMENT, "output is of the wrong type"),
    (lambda: raw_pixels(parameters={"output": "depth"}), Code.INVALID_ARGUMENT, None),
    (lambda: raw_pixels(rect=None, parameters={"rect": "1,2"}), Code.INVALID_ARGUMENT, "rect must be auto or four whole numbers x,y,w,h"),
    (lambda: raw_pixels(rect=(500, 500, 2, 2)), Code.INVALID_ARGUMENT, "the rect lies outside of the picture"),
    (lambda: raw_pixels(id="x" * 257), Code.INVALID_ARGUMENT, "id is too long, or holds a zero"),
    (lambda: raw_pixels(numpy.zeros((201, 200, 3), numpy.uint8), rect=None), Code.RESOURCE_EXHAUSTED,
     "the picture has 200 x 201 pixels; this server takes at most 40000"),
    (lambda: raw_pixels(numpy.zeros((900, 400, 3), numpy.uint8)), Code.RESOURCE_EXHAUSTED,
     "the body is larger than this server takes"),
])
def test_refusals(channel, made, code, detail):
    found = status_of(channel.infer, made())
    assert found[0] == code and (detail is None or found[1] == detail), found
    assert found[1]


# ---- messages that lie ----

def tag(number, payload=b"", kind=2, size=None):
    length = b""
    n = len(payload) if size is None else size
    while n > 127:
        length, n = length + bytes([n & 127 | 128]), n >> 7
    return bytes([number << 3 | kind]) + (length + bytes([n]) if kind == 2 else b"") + payload


NAMED = tag(1, b"grabcut")


@pytest.mark.parametrize("body", [
    b"\xff", b"\x0a", b"\x0a\x09abc", tag(7, b"abc", size=2**31), tag(7, b"", size=2**40), b"\x00", b"\x0b\x0c",
    tag(5, tag(5, tag(4, b"\xff" * 11))), tag(5, tag(5, tag(8, b"x", size=100))), tag(5, tag(3, b"\x80" * 12)),
    tag(1, b"\x01", kind=0), tag(5, b"\x01", kind=0), tag(7, b"\x01\0\0\0", kind=5), tag(5, tag(1, b"\x01", kind=0)),
    tag(4, tag(1, b"\x01", kind=0)), tag(4, b"\x01", kind=0), tag(5, tag(5, b"\x01", kind=0)), tag(6, tag(1, b"\x01", kind=0)),
    NAMED + tag(3, b"\xff\xfe"), NAMED + tag(3, b"a\0b"),
], ids=repr)
def test_malformed_messages(channel, body):
    for message_body in body, NAMED + body:
        code, detail = status_of(channel.raw, f"/{INFERENCE}/ModelInfer", message_body)
        assert code in (Code.INVALID_ARGUMENT, Code.NOT_FOUND) and detail, (code, detail)


def repeated(piece, size=900000):
    return NAMED + piece * (size // len(piece))


def test_hostile_messages_take_no_memory(predict, channel):
    """A body of about a megabyte whose parts would be objects of a decoder: nothing of it is kept."""
    def nested(depth):
        body = b""
        for _ in range(depth):
            body = tag(5, body)
        return body
    hostile = [repeated(tag(5)), repeated(tag(5, tag(1, b"image"))), repeated(tag(6, tag(1, b"mask"))), repeated(tag(7)),
               repeated(tag(4)), repeated(tag(4, tag(1, b"rect") + tag(2, tag(3, b"auto")))), repeated(tag(3)),
               NAMED + tag(5, tag(1, b"image") + tag(3, b"\x01" * 900000)),
               NAMED + tag(5, tag(1, b"image") + tag(5, tag(8) * 400000)),
               NAMED + tag(5, tag(1, b"image") + tag(5, tag(4) * 400000)),
               NAMED + tag(5, tag(4) * 400000), repeated(b"\xfa\x07\x00"), nested(3000)]
    channel.infer(raw_pixels())
    before = predict.rss()
    for body in hostile:
        found = status_of(channel.raw, f"/{INFERENCE}/ModelInfer", body)
        assert found[0] == Code.INVALID_ARGUMENT, found
    if not SANITIZE:
        assert predict.rss() < before + (6 << 20)
    check_all(outputs_of(channel.infer(raw_pixels())))


# ---- the protocol ----

@pytest.mark.parametrize("path", [f"/{INFERENCE}/RepositoryIndex", "/inference.Other/ModelInfer", f"/{INFERENCE}", "/x", "/predict",
                                  f"/{INFERENCE}/ModelInfer/", f"/{INFERENCE}/modelinfer"])
def test_unknown_methods(channel, path):
    assert status_of(channel.raw, path, b"") == (Code.UNIMPLEMENTED, "there is no such method")


def test_compression_is_not_served(predict):
    with Channel(predict, options=[("grpc.default_compression_algorithm", 2)]) as made:
        code, detail = status_of(made.infer, raw_pixels(numpy.zeros((100, 100, 3), numpy.uint8)))
        assert (code, detail) == (Code.UNIMPLEMENTED, "messages must not be compressed")


def test_one_connection_serves_both_protocols(predict, channel):
    assert channel.call(f"/{INFERENCE}/ServerLive").live
    assert predict.get("/v2/health/live").json() == {"live": True}
    refused = predict.post(f"/{INFERENCE}/ServerLive", b"\0\0\0\0\0", {"content-type": "application/grpc"})
    assert refused.status == 505 and b"HTTP/2" in refused.body


def test_calls_run_side_by_side(channel):
    futures = [channel.callable(f"/{INFERENCE}/ModelInfer").future(raw_pixels(outputs=["mask"]), timeout=PATIENCE) for _ in range(40)]
    for future in futures:
        assert (outputs_of(future.result())["mask"] == MASK).all()


def test_metadata_of_calls(channel):
    method = channel.callable(f"/{INFERENCE}/ServerLive")
    _, call = method.with_call(message("inference.ServerLiveRequest"), metadata=[("x-request-id", "abc"), ("target", "condition1")])
    fields = {key: value for key, value in call.initial_metadata()}
    assert fields["x-request-id"] == "abc" and fields["via"] == "1.1 predict-1" and "server-timing" in fields


# ---- deadlines, cancellation, load ----

def slow_server(start, *flags):
    """One worker, and pictures that take about a second."""
    return start("headerroute-predict", "--iterations", 60, "--workers", 1, "--threads", 1, *flags)


BIG = pictures.disc(900, 700)


def jobs_of(server):
    prefix = "headerroute_jobs_"
    return {name.removeprefix(prefix): value for name, value in server.metrics().items() if name.startswith(prefix)}


def test_a_cancelled_call_frees_its_worker(start):
    server = slow_server(start)
    with Channel(server) as mine:
        method = mine.callable(f"/{INFERENCE}/ModelInfer")
        calls = [method.future(raw_pixels(BIG, rect=None, outputs=["mask"]), timeout=PATIENCE) for _ in range(3)]
        wait_until(lambda: jobs_of(server)["running"] == 1 and jobs_of(server)["queued"] == 2, "one runs, two wait")
        for call in calls:
            call.cancel()
        wait_until(lambda: jobs_of(server)["running"] == 0 and jobs_of(server)["queued"] == 0, "all are gone")
        assert jobs_of(server)["done_total"] == 0
        assert server.metrics()[CALLS % (INFERENCE, "ModelInfer", "CANCELLED")] == 3
        assert mine.call(f"/{INFERENCE}/ServerLive").live


def test_the_clients_deadline_ends_the_work(start):
    server = slow_server(start)
    with Channel(server) as mine:
        begun = time.monotonic()
        code, _ = status_of(mine.infer, raw_pixels(BIG, rect=None), timeout=0.3)
        assert code == Code.DEADLINE_EXCEEDED and time.monotonic() - begun < PATIENCE
        wait_until(lambda: jobs_of(server)["running"] == 0, "the worker is free")
        assert jobs_of(server)["done_total"] == 0


def test_the_servers_deadline(start):
    server = slow_server(start, "--deadline", "0.3")
    with Channel(server) as mine:
        assert status_of(mine.infer, raw_pixels(BIG, rect=None)) == (
            Code.DEADLINE_EXCEEDED, "the picture could not be done within the deadline")


def test_a_full_queue_says_when_to_come_back(start):
    server = slow_server(start, "--queue", 1, "--deadline", 1000)
    with Channel(server) as mine:
        method = mine.callable(f"/{INFERENCE}/ModelInfer")
        calls = [method.future(raw_pixels(BIG, rect=None), timeout=PATIENCE)]
        wait_until(lambda: jobs_of(server)["running"] == 1, "one runs")
        calls.append(method.future(raw_pixels(BIG, rect=None), timeout=PATIENCE))
        wait_until(lambda: jobs_of(server)["queued"] == 1, "one waits")
        with pytest.raises(grpc.RpcError) as refused:
            mine.infer(raw_pixels(BIG, rect=None))
        assert (refused.value.code(), refused.value.details()) == (Code.UNAVAILABLE, "too many pictures are waiting already")
        pushback = {**dict(refused.value.initial_metadata() or ()), **dict(refused.value.trailing_metadata())}
        assert int(pushback["grpc-retry-pushback-ms"]) >= 1000
        for call in calls:
            call.cancel()


# ---- health ----

def test_health_check(channel):
    for service in "", INFERENCE, HEALTH:
        found = channel.call(f"/{HEALTH}/Check", message(f"{HEALTH}CheckRequest", service=service))
        assert found.status == 1
    asked = message(f"{HEALTH}CheckRequest", service="other")
    assert status_of(channel.call, f"/{HEALTH}/Check", asked) == (Code.NOT_FOUND, "unknown service")
    asked = message(f"{HEALTH}CheckRequest", service="x" * 300)
    assert status_of(channel.call, f"/{HEALTH}/Check", asked)[0] == Code.INVALID_ARGUMENT


def test_watch_sends_the_status_and_the_end(start):
    """It is sent at once and when the server drains, and the watch does not hold up the drain."""
    server = start("headerroute-predict", "--drain-seconds", 30)
    with Channel(server) as mine:
        statuses = {}
        calls = {name: mine.call(f"/{HEALTH}/Watch", message(f"{HEALTH}CheckRequest", service=name)) for name in ("", "other")}
        for name, call in calls.items():
            statuses[name] = [next(call).status]
        begun = time.monotonic()
        server.terminate()
        for name, call in calls.items():
            with pytest.raises(grpc.RpcError) as ended:
                for answer in call:
                    statuses[name].append(answer.status)
            assert ended.value.code() == Code.UNAVAILABLE
        assert statuses == {"": [1, 2], "other": [3]}
    assert server.wait() == 0
    assert time.monotonic() - begun < 20


def test_a_cancelled_watch_ends(predict, channel):
    call = channel.call(f"/{HEALTH}/Watch", message(f"{HEALTH}CheckRequest"))
    assert next(call).status == 1
    call.cancel()
    wait_until(lambda: predict.metrics()["headerroute_http_requests_active"] == 1, "only the request for the metrics is active")


def test_watches_leave_room_for_other_calls(start):
    """A quarter of --max-connections, and at least one, may last for as long as their clients like."""
    server = start("headerroute-predict", "--max-connections", 8)
    with Channel(server) as mine:
        watches = [mine.call(f"/{HEALTH}/Watch") for _ in range(2)]
        assert [next(watch).status for watch in watches] == [1, 1]
        assert status_of(lambda: next(mine.call(f"/{HEALTH}/Watch"))) == (
            Code.RESOURCE_EXHAUSTED, "too many calls watch or reflect at the moment")
        assert status_of(lambda: list(mine.call("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", iter(()))))[0] == \
            Code.RESOURCE_EXHAUSTED
        assert mine.call(f"/{INFERENCE}/ServerLive").live
        watches[0].cancel()

        def again():
            try:
                return next(mine.call(f"/{HEALTH}/Watch"))
            except grpc.RpcError:
                return None
        assert wait_until(again, "there is a place again").status == 1


# ---- reflection ----

def ask(channel, version, *requests):
    """Answers to requests of which each is sent after the last answer, as grpcurl does."""
    waiting = queue.Queue()
    path = f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo"
    answers = channel.call(path, iter(waiting.get, None))
    found = []
    for fields in requests:
        sent = message(f"grpc.reflection.{version}.ServerReflectionRequest", **fields)
        waiting.put(sent)
        found.append(next(answers))
        assert found[-1].original_request == sent
    waiting.put(None)
    assert list(answers) == []
    return found


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
def test_reflection(channel, version):
    listed, by_symbol, by_method, by_name, unknown, nothing, extension = ask(
        channel, version, {"host": "x", "list_services": ""}, {"file_containing_symbol": INFERENCE},
        {"file_containing_symbol": f"{INFERENCE}.ModelInfer"}, {"file_by_filename": "grpc/health/v1/health.proto"},
        {"file_containing_symbol": "no.Such"}, {}, {"all_extension_numbers_of_type": "a.B"})
    assert [s.name for s in listed.list_services_response.service] == [
        HEALTH, "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection", INFERENCE]
    files = {file.name: file for file in descriptors().file}
    for answer, name in (by_symbol, "open_inference_grpc.proto"), (by_method, "open_inference_grpc.proto"), (by_name, "grpc/health/v1/health.proto"):
        (data,) = answer.file_descriptor_response.file_descriptor_proto
        assert type(files[name]).FromString(data) == files[name]
    assert (unknown.error_response.error_code, unknown.error_response.error_message) == (5, "there is no such symbol")
    assert nothing.error_response.error_code == 3 and extension.error_response.error_code == 5


def test_reflection_answers_requests_that_come_together(channel):
    path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
    asked = [message("grpc.reflection.v1.ServerReflectionRequest", file_containing_symbol=f"{INFERENCE}") for _ in range(3000)]
    answers = list(channel.call(path, iter(asked)))
    assert len(answers) == 3000 and all(a.HasField("file_descriptor_response") for a in answers)


def test_reflection_refuses_long_requests(channel):
    path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
    asked = message("grpc.reflection.v1.ServerReflectionRequest", host="h" * 1100, list_services="")
    assert status_of(lambda: list(channel.call(path, iter([asked])))) == (Code.RESOURCE_EXHAUSTED, "a request has at most 1024 bytes")
    asked = message("grpc.reflection.v1.ServerReflectionRequest", file_by_filename="f" * 300)
    assert status_of(lambda: list(channel.call(path, iter([asked]))))[0] == Code.INVALID_ARGUMENT


# ---- what is counted and logged ----

def test_metrics_and_log_know_the_calls(start):
    server = start("headerroute-predict")
    with Channel(server) as mine:
        mine.call(f"/{INFERENCE}/ServerLive")
        status_of(mine.infer, raw_pixels(model="cat"))
        status_of(mine.raw, "/a.B/C", b"")
        for service, method, code in (INFERENCE, "ServerLive", "OK"), (INFERENCE, "ModelInfer", "NOT_FOUND"), ("other", "other", "UNIMPLEMENTED"):
            assert server.metrics()[CALLS % (service, method, code)] == 1
        calls = {f"/{INFERENCE}/ServerLive", f"/{INFERENCE}/ModelInfer", "/a.B/C", "/ready"}
        wait_until(lambda: calls <= {line["path"] for line in server.log()}, "the log has the calls")
        lines = {line["path"]: line for line in server.log()}
        live = lines[f"/{INFERENCE}/ServerLive"]
        assert (live["grpc_status"], live["response_code"], live["protocol"]) == (0, 200, "HTTP/2")
        assert lines[f"/{INFERENCE}/ModelInfer"]["grpc_status"] == 5 and lines["/a.B/C"]["grpc_status"] == 12
        assert "grpc_status" not in lines["/ready"]


# ---- frames on the wire ----

GRPC = (("te", "trailers"), ("content-type", "application/grpc"))


def framed(body=b"", flag=0, size=None):
    return bytes([flag]) + struct.pack(">I", len(body) if size is None else size) + body


def posted(predict, path, body, *fields, pieces=None, method="POST"):
    """The stream of a call whose body is sent unchanged, in pieces of so many bytes."""
    connection = Http2(predict.address[1])
    stream = connection.open(head(method, path, *(fields or GRPC)), end=False)
    for i in range(0, len(body), pieces or len(body) or 1):
        connection.send(stream, body[i:i + (pieces or len(body))])
    connection.send(stream, b"", end=True)
    connection.wait(stream)
    connection.close()
    return stream


LIVE = f"/{INFERENCE}/ServerLive"


def test_an_answer_is_a_message_and_trailers(predict):
    for pieces in None, 1:
        stream = posted(predict, LIVE, framed(), pieces=pieces)
        assert (stream.status, stream.header("content-type"), stream.body) == (200, "application/grpc", framed(b"\x08\x01"))
        assert stream.trailers == [("grpc-status", "0")]
        assert stream.header("content-length") == "7" and stream.header("grpc-status") is None


@pytest.mark.parametrize("body, status", [
    (b"", "12"), (b"\0\0", "13"), (framed(b"abc", size=9), "13"), (framed(size=2**32 - 1), "13"), (framed(flag=2), "13"),
    (framed(flag=255), "13"), (framed() + framed(), "12"), (framed() + b"\0", "12"), (framed(b"abc", flag=1), "13"), (b"GET / HT", "13"),
])
def test_bodies_that_are_not_one_message(predict, body, status):
    stream = posted(predict, LIVE, body)
    assert (stream.status, stream.header("grpc-status"), stream.body, stream.trailers) == (200, status, b"", None)
    assert stream.header("grpc-message") and stream.header("content-type") == "application/grpc"


@pytest.mark.parametrize("fields, status", [
    ((*GRPC, ("grpc-timeout", "1")), "3"), ((*GRPC, ("grpc-timeout", "5x")), "3"), ((*GRPC, ("grpc-timeout", "")), "3"),
    ((*GRPC, ("grpc-timeout", "99999999H")), "0"), ((*GRPC, ("grpc-encoding", "gzip")), "0"),
    ((("content-type", "application/grpc+proto"),), "0"), ((("content-type", "application/grpc;charset=utf-8"),), "0"),
    ((*GRPC, ("content-length", str(2 << 20))), "8"), ((*GRPC, *((f"x-{i}", "y") for i in range(101))), "8"), ((*GRPC, ("expect", "x")), "3"),
])
def test_fields_of_a_call(predict, fields, status):
    stream = posted(predict, LIVE, framed(), *fields) if "content-length" not in dict(fields) else refused_early(predict, fields)
    assert (stream.status, stream.trailer("grpc-status") or stream.header("grpc-status")) == (200, status)


def refused_early(predict, fields):
    connection = Http2(predict.address[1])
    stream = connection.open(head("POST", LIVE, *fields), end=False)
    connection.wait(stream)
    connection.close()
    return stream


def test_a_compressed_message_names_what_is_served(predict):
    stream = posted(predict, LIVE, framed(b"x", flag=1), *GRPC, ("grpc-encoding", "gzip"))
    assert (stream.header("grpc-status"), stream.header("grpc-accept-encoding")) == ("12", "identity")


def test_other_content_types_are_not_grpc(predict):
    stream = posted(predict, LIVE, framed(), ("content-type", "application/grpc-web"))
    assert stream.status == 404 and stream.header("grpc-status") is None
    assert posted(predict, LIVE, b"", method="GET").header("grpc-status") == "12"


def test_calls_that_are_reset_leave_nothing(predict, channel):
    """Before the message, within it, in the queue, and while reflection waits for more."""
    before = predict.rss()
    body = framed(raw_pixels().SerializeToString())
    for _ in range(20):
        connection = Http2(predict.address[1])
        for path, sent in ((LIVE, b""), (LIVE, b"\0\0"), (f"/{INFERENCE}/ModelInfer", body[:3000]), (f"/{INFERENCE}/ModelInfer", body),
                           (f"/{HEALTH}/Watch", framed()), ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", framed(b"\x3a\0")[:5])):
            stream = connection.open(head("POST", path, *GRPC), end=False)
            connection.send(stream, sent, end=sent in (body, framed()))
            connection.reset(stream)
        connection.close()
    wait_until(lambda: predict.metrics()["headerroute_http_requests_active"] == 1, "all calls have ended")
    # A worker that is reading a message keeps it until it has noticed.
    wait_until(lambda: predict.metrics()["headerroute_upload_memory_bytes"] == 0, "no memory is held")
    if not SANITIZE:
        assert predict.rss() < before + (8 << 20)
    check_all(outputs_of(channel.infer(raw_pixels())))


def test_reflection_over_pieces_of_any_size(predict):
    path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
    asked = b"".join(framed(message("grpc.reflection.v1.ServerReflectionRequest", **fields).SerializeToString())
                     for fields in ({"list_services": ""}, {"file_by_filename": "a" * 256}, {"host": "h" * 900, "list_services": ""}) * 3)
    whole = posted(predict, path, asked)
    assert whole.trailers == [("grpc-status", "0")] and whole.body.count(b"grpc.health.v1.Health") == 6
    for pieces in 1, 7, 1000:
        assert posted(predict, path, asked, pieces=pieces).body == whole.body
    for cut in 3, 6:
        assert posted(predict, path, asked[:cut]).trailer("grpc-status") == "13"
