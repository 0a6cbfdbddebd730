"""YAML for a gateway under test: one ServiceEntry a service, whose endpoints are peers."""
import pathlib

import yaml
from harness import Server

GATEWAY = {"apiVersion": "networking.istio.io/v1", "kind": "Gateway", "metadata": {"name": "gw"},
           "spec": {"selector": {"istio": "ingressgateway"},
                    "servers": [{"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}]}}


def service(host, *endpoints, port=80, resolution="STATIC"):
    """endpoints: peers, or (peer, labels)."""
    items = []
    for endpoint in endpoints:
        peer, labels = endpoint if isinstance(endpoint, tuple) else (endpoint, {})
        items.append({"address": peer.host, "ports": {"http": peer.port}, "labels": dict(labels)})
    return {"apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry", "metadata": {"name": host.replace(".", "-")},
            "spec": {"hosts": [host], "ports": [{"number": port, "name": "http", "protocol": "HTTP"}],
                     "location": "MESH_INTERNAL", "resolution": resolution, "endpoints": items}}


def routes(*http, hosts=("*",), name="routes", gateways=("gw",)):
    return {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": name},
            "spec": {"hosts": list(hosts), "gateways": list(gateways), "http": list(http)}}


def rule(host, name="rule", **spec):
    return {"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "metadata": {"name": name},
            "spec": {"host": host, **spec}}


def to(host, subset=None, weight=None):
    destination = {"host": host}
    if subset:
        destination["subset"] = subset
    return {"destination": destination, **({} if weight is None else {"weight": weight})}


def write(path, *resources):
    path = pathlib.Path(path)
    path.write_text(yaml.safe_dump_all(resources, sort_keys=False))
    return path


def gateway(tmp_path, *resources, args=(), **kwargs):
    """A gateway process over these resources and the Gateway `gw`."""
    path = write(tmp_path / "mesh.yaml", GATEWAY, *resources)
    return Server("headerroute-gateway", "-f", path, "--admin-host", "test", *args, ready_path="/", **kwargs)
