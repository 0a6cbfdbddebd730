#!/usr/bin/python3
"""Which endpoint a key lands on, by Istio and Envoy.

    balance.py               runs the cases of balance_cases.py, writes vectors/balance/*.cases
    balance.py NAME...       runs those, writes to the standard output

Istio's packages compile clusters and load assignments, a live Envoy balances a request a key over
upstreams that stand on the very addresses (127.78.0.0/16 and ::1), and each answers with its own. The
test headerroute-balance-vectors replays the files without either.

A case has lines up to one that says `yaml`, after which its resources follow:

    case NAME
    view LOCALITY|- [K=V...]                               the caller: a sidecar in default, port 80
    authority HOST
    cluster NAME LB
    endpoint LETTER ADDRESS PRIORITY WEIGHT LOCALITY-WEIGHT  in the order of the load assignment
    down LETTERS                                           known to be unhealthy, as ejected ones are
    keys KIND NAME|- N                                     key-0 and so on; absent: priorities alone
    picks LETTERS                                          one a key
    made VALUE LETTER                                      a cookie that Envoy made, and where it led
"""
import asyncio
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import conformance
import judge
import runner
from balance_cases import CASES

HERE = pathlib.Path(__file__).resolve().parent
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
POLICY = {"CLUSTER_PROVIDED": "PASSTHROUGH"}


def clusters_of(routes):
    """The clusters that the routes of a table name."""
    out = set()
    for vh in routes["virtual_hosts"]:
        for r in vh["routes"]:
            action = r.get("route") or {}
            out.update([action["cluster"]] if "cluster" in action else [])
            out.update(w["name"] for w in (action.get("weighted_clusters") or {}).get("clusters", []))
    return {n for n in out if n.startswith("outbound|")}


def split_address(text):
    host, port = text.rsplit(":", 1)
    return host.strip("[]"), int(port)


def cluster_config(name, c, down=()):
    """Istio's cluster, its members as listed in place of asking the control plane for them."""
    raw = c["raw"] if isinstance(c["raw"], dict) else json.loads(c["raw"])
    out = {k: v for k, v in raw.items() if k in ("lb_policy", "common_lb_config") or k.endswith("_lb_config")}
    out.update({"name": name, "type": "STATIC", "connect_timeout": "2s"})
    groups = []
    for l in c["localities"]:
        if not l["endpoints"]:
            continue
        ends = []
        for e in l["endpoints"]:
            host, port = split_address(e["address"])
            ends.append({"endpoint": {"address": {"socket_address": {"address": host, "port_value": port}}},
                         "load_balancing_weight": e["weight"] or 1,
                         "health_status": "UNHEALTHY" if e.get("unhealthy") or e["address"] in down else "HEALTHY"})
        groups.append({"locality": {"region": l["region"], "zone": l["zone"], "sub_zone": l["sub_zone"]},
                       "priority": l["priority"], "load_balancing_weight": l["weight"] or 1, "lb_endpoints": ends})
    out["load_assignment"] = {"cluster_name": name, "endpoints": groups}
    return out


def request_of(case, i):
    kind, name, _ = case.keys
    r = {"method": "GET", "path": "/", "authority": case.authority, "headers": []}
    key = "key-%d" % i
    if kind in ("header", "header+query"):
        r["headers"].append([name, key])
    if kind == "header+query":
        r["path"] = "/?user=" + key
    if kind == "cookie":
        r["headers"].append(["cookie", "a=b; %s=%s" % (name, key)])
    if kind == "query":
        r["path"] = "/?a=b&%s=%s&c=d" % (name, key)
    if kind == "source":
        r["source"] = "127.79.%d.%d" % (i // 250, 1 + i % 250)
    return r


async def upstream(address):
    host, port = split_address(address)

    async def serve(reader, writer):
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(b"HTTP/1.1 200 OK\r\nx-hr-address: %s\r\ncontent-length: 0\r\n\r\n" % address.encode())
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
    return await asyncio.start_server(serve, host, port)


async def ask(case, n):
    """[(answer of key i)] by one connection, or one a key where the source counts."""
    out, reader, writer = [], None, None
    for i in range(n):
        r = request_of(case, i)
        if writer is None or "source" in r:
            if writer:
                writer.close()
            local = (r["source"], 0) if "source" in r else None
            reader, writer = await asyncio.open_connection("127.77.0.1", runner.PORT, local_addr=local)
        writer.write(runner.wire(r, i))
        out.append(await asyncio.wait_for(runner._response(reader, "GET"), 20))
        if case.keys[0] == "cookies":  # the value is made of the connection's addresses
            writer.close()
            writer = None
    if writer:
        writer.close()
    return out


async def run(case, table, view, down):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="balance-"))
    names = sorted(clusters_of(table["routes"]))
    t = runner.Table(table, view["clusters"])
    (folder / "lds.json").write_text(json.dumps({
        "version_info": "1", "type_url": "type.googleapis.com/envoy.config.listener.v3.Listener",
        "resources": [t.listener("127.77.0.1")]}))
    boot = runner._bootstrap([], folder)
    region, zone, sub_zone = (case.locality.split("/") + ["", "", ""])[:3]
    boot["node"]["locality"] = {"region": region, "zone": zone, "sub_zone": sub_zone}
    boot["static_resources"]["clusters"] = [cluster_config(n, view["clusters"][n], down) for n in names]
    (folder / "bootstrap.json").write_text(json.dumps(boot))
    addresses = sorted({e for n in names for e in view["clusters"][n]["endpoints"]})
    servers = [await upstream(a) for a in addresses]
    with open(folder / "envoy.txt", "w") as err:
        process = subprocess.Popen([conformance.binary(), "-c", "bootstrap.json", "--concurrency", "1",
                                    "--disable-hot-restart", "-l", "warning"], cwd=folder, stdout=err, stderr=err)
    try:
        await runner._wait_ready(process, folder / "envoy.txt")
        return await ask(case, case.keys[2])
    finally:
        process.terminate()
        process.wait()
        for s in servers:
            s.close()


def config_of(case):
    return judge.Config(case.name, case.yaml, [{"authority": case.authority, "path": "/", "port": 80,
                                                "source_labels": case.labels, "locality": case.locality}])


def record(case, config):
    if config.errors:
        raise SystemExit("%s: %s" % (case.name, config.errors))
    view = next(iter(config.views.values()))
    if view.get("error"):
        raise SystemExit("%s: Istio says %s" % (case.name, view["error"]))
    table = judge.pick(view, config.requests[0])
    names = sorted(clusters_of(table["routes"]))
    letters, out = {}, ["case " + case.name, "view %s %s" % (case.locality or "-", " ".join("%s=%s" % i for i in sorted(case.labels.items())))]
    out[1] = out[1].strip()
    out.append("authority " + case.authority)
    for n in names:
        c = view["clusters"][n]
        raw = c["raw"] if isinstance(c["raw"], dict) else json.loads(c["raw"])
        weighted = "locality_weighted_lb_config" in raw.get("common_lb_config", {})
        out.append("cluster %s %s" % (n, POLICY.get(c["lb_policy"], c["lb_policy"])))
        for l in c["localities"]:
            for e in l["endpoints"]:
                if not e.get("unhealthy"):
                    letters[e["address"]] = LETTERS[len(letters)]
                    out.append("endpoint %s %s %d %d %d" % (letters[e["address"]], e["address"], l["priority"],
                                                           e["weight"], l["weight"] if weighted else 0))
    if case.down:
        out.append("down " + "".join(LETTERS[i] for i in sorted(case.down)))
    if case.keys:
        answers = asyncio.run(run(case, table, view, {a for a, l in letters.items() if LETTERS.index(l) in case.down}))
        picks = [letters[dict(a["headers"])["x-hr-address"]] for a in answers]
        out.append("keys %s %s %d" % (case.keys[0], case.keys[1] or "-", case.keys[2]))
        if case.keys[0] == "cookies":
            for a, p in zip(answers, picks):
                out.append("made %s %s" % (dict(a["headers"])["set-cookie"].split(";")[0].split("=")[1].strip('"'), p))
        else:
            out.append("picks " + "".join(picks))
    print("%s: %s" % (case.name, "%d keys" % case.keys[2] if case.keys else "priorities"), file=sys.stderr, flush=True)
    return "\n".join(out) + "\nyaml\n" + case.yaml


def main():
    wanted = sys.argv[1:]
    cases = [c for c in CASES if not wanted or c.name in wanted]
    configs = [config_of(c) for c in cases]
    judge.translate(configs, judge.translator())
    texts = [record(case, config) for case, config in zip(cases, configs)]
    if wanted:
        print("".join(texts), end="")
        return
    folder = HERE / "vectors" / "balance"
    folder.mkdir(parents=True, exist_ok=True)
    for name, keyed in (("picks", True), ("priorities", False)):
        (folder / (name + ".cases")).write_text("".join(t for t, c in zip(texts, cases) if bool(c.keys) == keyed))


if __name__ == "__main__":
    main()
