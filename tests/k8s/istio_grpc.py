#!/usr/bin/python3
"""gRPC and REST through the ports of k8s/base, with Istio's configuration and a live Envoy.

    TRANSLATE=PATH ENVOY=PATH tests/k8s/istio_grpc.py [BUILD-FOLDER]

Istio's own packages compile k8s/base for its ingress gateway (../conformance/translate; built there if TRANSLATE is not set), one
Envoy runs the route table with the clusters' protocols, and two headerroute-predict are the endpoints of the two subsets. Calls in both
protocols must arrive in the client's protocol, at the subset that the header asks for. With the same clusters without
`useClientProtocol` the gRPC call must fail: otherwise this would show nothing.
"""
import json
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import grpc

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/conformance"))
import judge  # noqa: E402
import runner  # noqa: E402

FILES = ["k8s/base/services.yaml", "k8s/base/gateway.yaml", "k8s/base/virtual-service.yaml", "k8s/base/destination-rule.yaml",
         "k8s/base/destination-rules-predict.yaml", "k8s/local/endpoints.yaml"]
VIEW = {"gateway": "default/proxy-gateway", "port": 80, "authority": "test", "method": "POST", "path": "/"}
OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
HCM = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
LIVE = "/inference.GRPCInferenceService/ServerLive"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]


def compiled():
    text = "\n---\n".join((ROOT / name).read_text() for name in FILES)
    config = judge.Config("k8s", text, [VIEW])
    judge.translate([config], judge.translator())
    if config.errors:
        raise SystemExit(f"Istio refuses k8s/base: {config.errors}")
    return next(iter(config.views.values()))


def socket_address(port):
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def cluster(name, made, port, keep):
    options = {"typed_extension_protocol_options": {OPTIONS: made["protocols"]}} if keep and "protocols" in made else {}
    return {**made["raw"], **options, "type": "STATIC", "load_assignment": {"cluster_name": name, "endpoints": [
        {"lb_endpoints": [{"endpoint": {"address": socket_address(port)}}]}]}}


def envoy_config(view, port, admin, ports, keep):
    """`ports` are those of the endpoints, by subset; the names of other clusters lead to none."""
    clusters = [cluster(name, made, next((p for subset, p in ports.items() if f"|{subset}|" in name), 1), keep)
                for name, made in view["clusters"].items()]
    manager = {"@type": HCM, "stat_prefix": "in", "route_config": view["tables"][0]["routes"],
               "http_filters": [{"name": "router", "typed_config": {"@type": ROUTER}}]}
    return {"admin": {"address": socket_address(admin)}, "static_resources": {"clusters": clusters, "listeners": [
        {"name": "in", "address": socket_address(port),
         "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}]}]}}


def start(command, port, log):
    process = subprocess.Popen([str(c) for c in command], stdout=open(log, "w"), stderr=subprocess.STDOUT)
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return process
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"{command[0]} does not listen:\n{pathlib.Path(log).read_text()[-2000:]}")


def call(port, header):
    """The gRPC status of ServerLive through Envoy."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        method = channel.unary_unary(LIVE, request_serializer=lambda m: m, response_deserializer=lambda m: m)
        try:
            answer = method(b"", metadata=[("target", header)], timeout=20, wait_for_ready=True)
            return "OK" if answer == b"\x08\x01" else f"another answer: {answer}"
        except grpc.RpcError as error:
            return error.code().name


def rest(port, header):
    request = urllib.request.Request(f"http://127.0.0.1:{port}/health", headers={"target": header})
    try:
        return urllib.request.urlopen(request, timeout=20).status
    except urllib.error.HTTPError as error:
        return error.code


def logged(log):
    lines = [json.loads(line) for line in pathlib.Path(log).read_text().splitlines() if line.startswith("{")]
    return [(line["protocol"], line["path"]) for line in lines if "protocol" in line]


def check(view, build, folder, keep):
    ports = {"proxy-pod-subset1": free_port(), "proxy-pod-subset2": free_port()}
    port, admin, processes = free_port(), free_port(), []
    try:
        for subset, own in ports.items():
            processes.append(start([build / "bin/headerroute-predict", "--listen", f"127.0.0.1:{own}"], own, folder / f"{subset}-{keep}"))
        config = folder / f"envoy-{keep}.json"
        config.write_text(json.dumps(envoy_config(view, port, admin, ports, keep)))
        processes.append(start([runner.find(), "-c", config, "--disable-hot-restart", "--concurrency", "1", "-l", "error"], port,
                               folder / f"envoy-{keep}.log"))
        headers = {"proxy-pod-subset1": "condition1", "proxy-pod-subset2": "another"}
        found = {subset: (call(port, header), rest(port, header)) for subset, header in headers.items()}
    finally:
        for process in reversed(processes):
            process.terminate()
            process.wait(30)
    return {subset: (*answers, logged(folder / f"{subset}-{keep}")) for subset, answers in found.items()}


def main():
    build = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build/release")
    view = compiled()
    passed = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for keep in (True, False):
            for subset, (status, rest_status, arrived) in check(view, build, pathlib.Path(folder), keep).items():
                grpc_arrived = [p for p, path in arrived if path == LIVE]
                right = status == "OK" and grpc_arrived == ["HTTP/2"] if keep else status != "OK"
                right = right and (rest_status, [p for p, path in arrived if path == "/health"]) == (200, ["HTTP/1.1"])
                print(f"{'with' if keep else 'without'} useClientProtocol, {subset}: gRPC {status}, arrived as {grpc_arrived}; REST {rest_status}")
                passed, failed = passed + right, failed + (not right)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
