"""Reads the case files.

A case file is a YAML list. Each item:

    name        of the case, unique in its file
    base        resources to start from: a name from bases/ (default `mesh`), or none
    http        rules of a VirtualService `vs` (a rule may say `to: v1` for a route to reviews' subset)
    hosts, gateways, export_to     of that VirtualService (default: [reviews], none, none)
    http_route  spec of an HTTPRoute `shop/route`, whose parent is the Gateway infra/gw unless it says otherwise
    config      more resources, as text
    view        fields of the batch format for all requests of the case (port, gateway, namespace ...)
    requests    lines `METHOD [https://]AUTHORITY/PATH | name: value | ... => VERDICT`, or mappings in
                the batch format with `verdict` beside
    reject      instead of requests: a part of the message with which Istio refuses the resources

VERDICT (optional) is what the specification leads us to expect, in short: a subset's name, a cluster
(`9080||ratings`), `404`, `503 NC`, `301 LOCATION`, `direct 200`, `passthrough`, `v1 PATH` or
`v1 PATH AUTHORITY`. The recorder stops on a verdict that Envoy does not share.
"""
import pathlib

import yaml

import judge

HERE = pathlib.Path(__file__).resolve().parent
SUFFIX = ".default.svc.cluster.local"


class Case:
    pass


def base(name):
    return (HERE / "bases" / (name + ".yaml")).read_text() if name else ""


def expand(rules):
    """Rules with `to: SUBSET` written out."""
    out = []
    for rule in rules:
        rule = dict(rule)
        to = rule.pop("to", None)
        if to is not None:
            d = {"host": to[1:]} if to.startswith("@") else {"host": "reviews", "subset": to}
            rule["route"] = [{"destination": d}]
        out.append(rule)
    return out


def service(item):
    spec = {"hosts": item.get("hosts", ["reviews"])}
    if "gateways" in item:
        spec["gateways"] = item["gateways"]
    if "export_to" in item:
        spec["exportTo"] = item["export_to"]
    spec["http"] = expand(item["http"])
    return yaml.safe_dump({"apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
                           "metadata": {"name": "vs", "namespace": item.get("namespace", "default")},
                           "spec": spec}, sort_keys=False, width=1000)


def http_route(item):
    spec = dict({"parentRefs": [{"name": "gw", "namespace": "infra"}]}, **item["http_route"])
    return yaml.safe_dump({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
                           "metadata": {"name": "route", "namespace": "shop"}, "spec": spec},
                          sort_keys=False, width=1000)


def with_port(r):
    """The batch format takes the port called from the authority; what is recorded calls port 80."""
    return dict({"port": 80}, **r) if judge.host_of(r["authority"]) != r["authority"].lower() else r


def request(line, view):
    """One line of `requests` as (request, verdict)."""
    if isinstance(line, dict):
        r = dict(view, **line)
        verdict = r.pop("verdict", None)
        return with_port(r), verdict
    text, arrow, verdict = line.partition(" => ")
    parts = text.split(" | ")
    method, _, target = parts[0].strip().partition(" ")
    r = {"method": method}
    scheme, mark, rest = target.partition("://")
    if mark:
        r["scheme"], target = scheme, rest
    slash = target.find("/")
    r["authority"], r["path"] = target[:slash], target[slash:]
    headers = []
    for h in parts[1:]:
        name, _, value = h.partition(":")
        headers.append([name.strip(), value.strip()])
    if headers:
        r["headers"] = headers
    return with_port(dict(r, **view)), (verdict.strip() if arrow else None)


def load(path):
    out = []
    seen = set()
    for item in yaml.safe_load(path.read_text()):
        c = Case()
        c.name = item["name"]
        if c.name in seen:
            raise SystemExit("%s: two cases named %s" % (path, c.name))
        seen.add(c.name)
        c.options = item.get("options", [])
        documents = [base(item.get("base", "mesh"))]
        if "http" in item:
            documents.append(service(item))
        if "http_route" in item:
            documents.append(http_route(item))
        if "config" in item:
            documents.append(item["config"])
        pairs = [request(line, item.get("view", {})) for line in item.get("requests", [])]
        c.wants = [w for _, w in pairs]
        c.reject = item.get("reject")
        text = "\n---\n".join(d.strip("\n") for d in documents if d.strip()) + "\n"
        c.config = judge.Config(path.stem + "/" + c.name, text, [r for r, _ in pairs])
        out.append(c)
    return out


def show(r):
    return "%s %s%s%s %s" % (r.get("method", "GET"), r.get("scheme", "http") + "://", r["authority"], r["path"],
                             " ".join("%s:%s" % tuple(h) for h in r.get("headers", [])))


def cluster(name):
    """`v1` for a subset of reviews, else PORT|SUBSET|HOST with the usual suffix left out."""
    _, port, subset, host = (name.split("|") + ["", "", "", ""])[:4]
    if host == "reviews" + SUFFIX and subset:
        return subset
    return "%s|%s|%s" % (port, subset, host[:-len(SUFFIX)] if host.endswith(SUFFIX) else host)


def brief(e):
    if isinstance(e, str):
        return e
    if "error" in e:
        return e["error"]
    if "action" not in e and "local_reply" not in e:
        return "tcp"
    reply = e.get("local_reply")
    if e.get("action") == "redirect":
        return "%d %s" % (e["redirect"]["code"], e["redirect"]["location"])
    if e.get("action") == "direct_response":
        return "direct %d %s" % (e["direct_response"]["status"], e["direct_response"].get("body") or "")
    if e.get("action") == "passthrough":
        return "passthrough"
    if reply:
        return "%d %s" % (reply["status"], reply.get("flag") or "")
    if (e.get("cors") or {}).get("preflight"):
        return "preflight %s" % e["cors"].get("origin_allowed")
    up = e.get("upstream") or {"path": "?", "authority": "?"}
    return "%s %s %s" % (cluster(e["cluster"]), up["path"], up["authority"])


def agrees(want, e):
    return (brief(e).strip() + " ").startswith(want + " ")
