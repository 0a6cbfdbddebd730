#!/usr/bin/python3
"""What demo.sh starts and sends, read from the Pods of one file (k8s/local/endpoints.yaml).

A Pod becomes a process: its image names the program, podIP and containerPort say where that listens, env is its
environment. The annotation demo-target of a proxy's Pod is the value of the header `target` that the demo sends for it.
Prints one line each, with tabs between the parts:

    server  NAME  ADDRESS  PORT  PROGRAM  [VARIABLE=VALUE]...
    run     VALUE  DESCRIPTION
"""
import argparse
import errno
import ipaddress
import os
import re
import socket
import sys
from typing import NamedTuple

import yaml

PROGRAMS = ("headerroute-predict", "headerroute-proxy")  # in the order in which they are started


class Wrong(Exception):
    """One sentence about the file or the machine."""


class Server(NamedTuple):
    name: str
    address: str
    port: int
    program: str
    environment: dict
    target: str  # None: the demo sends nothing for this pod


def need(mapping, *path):
    """The value at a path of keys and indexes."""
    value = mapping
    for key in path:
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            raise Wrong(f"{''.join(f'[{k}]' if isinstance(k, int) else f'.{k}' for k in path)[1:]} is missing") from None
    return value


def environment_of(container):
    result = {}
    for variable in container.get("env") or []:
        name, value = need(variable, "name"), variable.get("value")
        if not isinstance(value, str) or re.search(r"[\t\n]", value):
            raise Wrong(f"env {name}: expected a string value on one line, in quotes if it is a number")
        result[name] = value
    return result


def server_of(pod):
    container = need(pod, "spec", "containers", 0)
    program = need(container, "image").rpartition("/")[2].partition(":")[0]
    if program not in PROGRAMS:
        raise Wrong(f"image {container['image']}: expected {' or '.join(PROGRAMS)}")
    address = need(pod, "status", "podIP")
    if not ipaddress.IPv4Address(address).is_loopback:
        raise Wrong(f"status.podIP: expected a loopback address such as 127.0.0.13, got {address}")
    name, port = need(pod, "metadata", "name"), need(container, "ports", 0, "containerPort")
    kind = program.removeprefix("headerroute-")
    if not name.startswith(kind):
        raise Wrong(f"metadata.name: expected a name that begins with '{kind}', got '{name}'")
    target = (pod["metadata"].get("annotations") or {}).get("demo-target")
    if target is not None and not re.fullmatch(r"[A-Za-z0-9._-]{1,63}", str(target)):
        raise Wrong(f"annotation demo-target: expected letters, digits and . _ -, got '{target}'")
    return Server(name, address, port, program, environment_of(container), target)


def read_servers(path):
    try:
        with open(path, encoding="utf-8") as file:
            documents = list(yaml.safe_load_all(file))
    except (OSError, yaml.YAMLError) as error:
        raise Wrong(f"{path}: {' '.join(str(error).split())}") from None
    servers = []
    for pod in documents:
        if not isinstance(pod, dict) or pod.get("kind") != "Pod":
            continue
        name = (pod.get("metadata") or {}).get("name", "without a name")
        try:
            servers.append(server_of(pod))
        except (Wrong, ValueError) as error:
            raise Wrong(f"{path}: Pod {name}: {error}") from None
    if not any(s.target for s in servers):
        raise Wrong(f"{path}: no Pod has the annotation demo-target, so the demo has nothing to send")
    return sorted(servers, key=lambda s: PROGRAMS.index(s.program))


def description_of(proxy, servers):
    """What the model behind this proxy does."""
    url = proxy.environment.get("PREDICT_SERVER_URL", "")
    model = next((s for s in servers if url == f"http://{s.address}:{s.port}"), None)
    iterations = model and model.environment.get("GRAB_CUT_ITERS")
    if not iterations:
        return "the model's default"
    return f"{iterations} iteration{'' if iterations == '1' else 's'}"


def check_free(path, servers, gateway):
    """Every address at once, by binding it: also what listens on 0.0.0.0 is in the way."""
    taken = []
    for name, address, port in [("gateway", *gateway), *((s.name, s.address, s.port) for s in servers)]:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    taken.append((name, f"{address}:{port}"))
                elif error.errno == errno.EACCES:
                    raise Wrong(f"{address}:{port}: this user may not listen on a port below 1024") from None
                else:
                    raise Wrong(f"{address}:{port} ({name}): {os.strerror(error.errno)}") from None
    if not taken:
        return
    what = ", ".join(address for _, address in taken)
    ways = ["stop what listens there (ss -ltnp shows it)"]
    if any(name == "gateway" for name, _ in taken):
        ways.append("choose another port for the gateway with --port")
    if any(name != "gateway" for name, _ in taken):
        ways.append(f"change the Pod's address in {path}")
    raise Wrong(f"{what} {'is' if len(taken) == 1 else 'are'} in use: {', or '.join(ways)}")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("file", metavar="FILE")
    p.add_argument("--check-free", metavar="ADDRESS:PORT",
                   help="also check that the Pods' addresses and this one, the gateway's, are free")
    options = p.parse_args()
    try:
        servers = read_servers(options.file)
        if options.check_free:
            address, _, port = options.check_free.rpartition(":")
            check_free(options.file, servers, (address, int(port)))
    except Wrong as wrong:
        print(f"demo.sh: {wrong}", file=sys.stderr)
        return 1
    for s in servers:
        print("server", s.name, s.address, s.port, s.program, *(f"{k}={v}" for k, v in s.environment.items()), sep="\t")
    for s in servers:
        if s.target:
            print("run", s.target, description_of(s, servers), sep="\t")
    return 0


if __name__ == "__main__":
    sys.exit(main())
