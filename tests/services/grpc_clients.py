#!/usr/bin/env python3
"""Calls predict over gRPC by a client that others wrote: grpc_clients.py tritonclient|kserve ADDRESS:PORT [TARGET]. TARGET is the
value of the header that a gateway routes by. Exit 77 where the client is not installed. scripts/test-grpc-clients.sh installs
both and runs it."""
import asyncio
import importlib.metadata
import io
import json
import sys
import urllib.request

import numpy
from PIL import Image

RECT = "3,3,40,34"
HEADERS = {"x-request-id": "grpc-clients", **({"target": sys.argv[3]} if len(sys.argv) > 3 else {})}


def picture(width=48, height=40):
    y, x = numpy.mgrid[0:height, 0:width]
    inside = (x - width / 2) ** 2 / (width / 4) ** 2 + (y - height / 2) ** 2 / (height / 4) ** 2 < 1
    image = numpy.where(inside[:, :, None], [200, 170, 60], [20, 40, 100]) + numpy.random.RandomState(0).randint(-8, 9, (height, width, 3))
    return numpy.clip(image, 0, 255).astype(numpy.uint8)


def png(image):
    out = io.BytesIO()
    Image.fromarray(image).save(out, "PNG")
    return out.getvalue()


def mask_of_rest(address, image):
    body = {"inputs": [{"name": "image", "datatype": "UINT8", "shape": list(image.shape), "data": image.flatten().tolist()}],
            "outputs": [{"name": "mask"}], "parameters": {"rect": RECT}}
    request = urllib.request.Request(f"http://{address}/v2/models/grabcut/infer", json.dumps(body).encode(),
                                     {"content-type": "application/json", **HEADERS})
    output = json.load(urllib.request.urlopen(request, timeout=60))["outputs"][0]
    return numpy.array(output["data"], numpy.uint8).reshape(output["shape"])


def check(mask, expected, what):
    assert mask.shape == expected.shape and (mask == expected).all() and mask.any(), what
    print(f"ok {what}")


# ---- Triton's ----

def triton(address):
    import tritonclient.grpc as client
    from tritonclient.utils import InferenceServerException
    server = client.InferenceServerClient(address)
    assert server.is_server_live(HEADERS) and server.is_server_ready(HEADERS) and server.is_model_ready("grabcut", "1", HEADERS)
    assert server.get_server_metadata(HEADERS).name == "headerroute"
    model = server.get_model_metadata("grabcut", headers=HEADERS)
    assert [t.name for t in model.outputs] == ["mask", "cutout", "png"]
    image = picture()
    expected = mask_of_rest(address, image)
    pixels = client.InferInput("image", image.shape, "UINT8")
    pixels.set_data_from_numpy(image)
    file = client.InferInput("image", [1], "BYTES")
    file.set_data_from_numpy(numpy.array([png(image)], dtype=object))
    for name, given in ("pixels", pixels), ("file", file):
        result = server.infer("grabcut", [given], request_id="7", parameters={"rect": RECT}, headers=HEADERS)
        assert result.get_response().id == "7"
        check(result.as_numpy("mask"), expected, f"triton: {name}")
        cutout = numpy.array(Image.open(io.BytesIO(result.as_numpy("png")[0])))
        assert (cutout == result.as_numpy("cutout")).all() and (cutout == image * expected[:, :, None]).all()
    for arguments, status in (("cat", [pixels]), "NOT_FOUND"), (("grabcut", []), "INVALID_ARGUMENT"):
        try:
            server.infer(*arguments, headers=HEADERS)
            raise AssertionError(f"{status} was expected")
        except InferenceServerException as error:
            assert status in error.status(), error
    triton_impatience(server, client, InferenceServerException)
    server.close()


def triton_impatience(server, client, error_type):
    """A deadline that cannot be kept, and a call that is cancelled."""
    image = picture(1200, 1000)
    large = client.InferInput("image", image.shape, "UINT8")
    large.set_data_from_numpy(image)
    try:
        server.infer("grabcut", [large], client_timeout=0.01, headers=HEADERS)
        raise AssertionError("the deadline passed without an error")
    except error_type as error:
        assert "DEADLINE_EXCEEDED" in error.status(), error
    ended = []
    server.async_infer("grabcut", [large], lambda result, error: ended.append(error), headers=HEADERS).cancel()
    assert server.is_server_live(HEADERS)
    print("ok triton: deadline and cancellation")


# ---- KServe's ----

async def kserve(address):
    from kserve import InferenceGRPCClient, InferInput, InferRequest
    fields = list(HEADERS.items())
    server = InferenceGRPCClient(url=address, timeout=60)
    assert await server.is_server_live(headers=fields) and await server.is_server_ready(headers=fields) and \
        await server.is_model_ready("grabcut", headers=fields)
    image = picture()
    expected = mask_of_rest(address, image)
    for name, binary in ("raw", True), ("typed", False):
        given = InferInput("image", list(image.shape), "UINT8")
        given.set_data_from_numpy(image, binary_data=binary)
        request = InferRequest("grabcut", [given], parameters={"rect": RECT})
        answer = await server.infer(request, headers=fields)
        found = {output.name: output for output in answer.outputs}
        check(found["mask"].as_numpy(), expected, f"kserve: {name} contents")
    await server.close()


def main(name, address, _target=None):
    """One client a process: both register the same messages."""
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        print(f"skipped: {name} is not installed")
        return 77
    if name == "tritonclient":
        triton(address)
    else:
        asyncio.run(kserve(address))
    print(f"{name} {version}: every call is as expected")
    return 0


sys.exit(main(*sys.argv[1:]))
