"""The expected decision, from Istio's route and from what Envoy did with the request.

The result is a subset of the decision's keys: what neither the route table nor the running Envoy
shows is left out. `canonical` brings a whole decision and an expected subset to one form.
"""
import math
import re

# Request headers that a proxy adds by itself, or that this harness adds.
OWN = re.compile(r"^(x-hr-.*|x-forwarded-.*|x-envoy-.*|x-request-id|content-length|host|"
                 r"transfer-encoding|connection|x-b3-.*|traceparent)$")
# Those that are compared where the request states the peer's address.
EDGE = ("x-forwarded-for", "x-envoy-external-address", "x-forwarded-proto")
POLICY = {"LEAST_REQUEST": "LEAST_REQUEST", "ROUND_ROBIN": "ROUND_ROBIN", "RANDOM": "RANDOM",
          "RING_HASH": "RING_HASH", "MAGLEV": "MAGLEV", "CLUSTER_PROVIDED": "PASSTHROUGH"}
GRPC = ["OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND",
        "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
        "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS",
        "UNAUTHENTICATED"]
MILLION = {"HUNDRED": 10000, "TEN_THOUSAND": 100, "MILLION": 1}


def draw(request, kind):
    """The request's draw for one choice, or None where it states none."""
    value = (request.get("draws") or {}).get(kind)
    return request.get("random") if value is None else value


def weight_value(route, request):
    """The number that picks the weighted cluster: floor(r x sum of weights)."""
    clusters = ((route.get("route") or {}).get("weighted_clusters") or {}).get("clusters", [])
    r = draw(request, "weight")
    return math.floor((r or 0) * sum(c.get("weight", 0) for c in clusters))


def milliseconds(text):
    return None if text is None else round(float(text.rstrip("s")) * 1000)


def parts_per_million(percent):
    return (percent or {}).get("numerator", 0) * MILLION[(percent or {}).get("denominator", "HUNDRED")]


def fires(percent, request, kind):
    """Whether a percentage fires: None where it depends on a draw that the request leaves open."""
    p = parts_per_million(percent)
    if p in (0, 1000000):
        return p > 0
    r = draw(request, kind)
    return None if r is None else math.floor(r * 1000000) < p


def gateway_rule(name):
    """The HTTPRoute or GRPCRoute that a name came from (see ruleName in translate), and its rule and match."""
    m = re.match(r"^gwapi@([^@]*)@([^@]*)@([^@]*)@(\d+)@(-?\d+)@([^@]*)$", name)
    if not m:
        return None
    kind, namespace, owner, index, match, given = m.groups()
    return {"virtual_service": None, "rule": {"kind": kind, "name": "%s/%s" % (namespace, owner)}, "route_name": given,
            "route_index": int(index), "match_index": int(match) if int(match) >= 0 else None}


def rule(name):
    """Which rule a name came from (see nameRoutes in translate): name, rule index, match index."""
    if "@" not in name:
        return None
    head, _, tail = name.partition(".") if re.match(r"^[^.]*@\d+(-[^.]*@\d+)*(\.|$)", name) else (name, "", "")
    m = re.match(r"^((?:.*?@\d+)(?:-.*?@\d+)*)(?:\.((?:.*?@\d+)(?:-.*?@\d+)*))?$", name)
    if m:
        head, tail = m.group(1), m.group(2) or ""
    rules, matches = re.findall(r"-?(.*?)@(\d+)", head), re.findall(r"-?(.*?)@(\d+)", tail)
    join = lambda names: "-".join(n for n in names if n)
    full = join(n for n, _ in rules)
    if join(n for n, _ in matches):
        full += "." + join(n for n, _ in matches)
    out = {"route_name": full or None, "route_index": int(rules[-1][1])}
    if len(rules) == 1:
        out["match_index"] = int(matches[0][1]) if matches else None
    elif len(matches) > 1:
        out["match_index"] = int(matches[-1][1])
    return out


def operations(holder, side):
    """One level of header operations, or None where it has none."""
    level = {"remove": sorted(h.lower() for h in holder.get(side + "_headers_to_remove", [])),
             "set": [], "add": []}
    for h in holder.get(side + "_headers_to_add", []):
        how = "set" if h.get("append_action") == "OVERWRITE_IF_EXISTS_OR_ADD" else "add"
        if h["header"].get("value", "") != "":
            level[how].append([h["header"]["key"].lower(), h["header"].get("value", "")])
    level["set"].sort(key=lambda p: p[0])
    level["add"].sort(key=lambda p: p[0])
    return level if any(level.values()) else None


def string_match(m):
    for kind in ("exact", "prefix"):
        if kind in m:
            return {kind: m[kind]}
    if "safe_regex" in m:
        return {"regex": m["safe_regex"]["regex"]}
    return {"exact": ""}


def split(text):
    return text.split(",") if text else []


def mirrors(action, request):
    out = []
    for m in action.get("request_mirror_policies", []):
        percent = (m.get("runtime_fraction") or {}).get("default_value")
        p = {"cluster": m["cluster"], "percentage": parts_per_million(percent) / 10000}
        f = fires(percent, request, "mirror")
        if f is not None:
            p["fires"] = f
        out.append(p)
    return out


def retries(action):
    p = action.get("retry_policy")
    if not p:
        return None
    return {
        "attempts": p.get("num_retries", 0),
        "retry_on": split(p.get("retry_on", "")),
        "status_codes": p.get("retriable_status_codes", []),
        "per_try_timeout_ms": milliseconds(p.get("per_try_timeout")),
        "backoff_ms": milliseconds((p.get("retry_back_off") or {}).get("base_interval", "0.025s")),
        "remote_localities": "retry_priority" in p,
        "ignore_previous_hosts": bool(p.get("retry_host_predicate")),
    }


def hash_policy(action):
    out = []
    for h in action.get("hash_policy", []):
        e = {"kind": None, "name": None, "ttl_ms": None, "path": None}
        if "header" in h:
            e.update(kind="header", name=h["header"]["header_name"])
        elif "cookie" in h:
            c = h["cookie"]
            e.update(kind="cookie", name=c["name"], ttl_ms=milliseconds(c.get("ttl")), path=c.get("path"))
        elif "connection_properties" in h:
            e.update(kind="source_ip")
        elif "query_parameter" in h:
            e.update(kind="query_parameter", name=h["query_parameter"]["name"])
        out.append(e)
    return out


def fault(route, request):
    f = (route.get("typed_per_filter_config") or {}).get("envoy.filters.http.fault")
    if not f:
        return None
    out = {"delay_ms": None, "abort_status": None, "abort_grpc_status": None}
    delay, abort = f.get("delay"), f.get("abort")
    if delay:
        out["delay_ms"] = milliseconds(delay["fixed_delay"])
    if abort:
        out["abort_status"] = abort.get("http_status")
        if "grpc_status" in abort or "http_status" not in abort:
            out["abort_grpc_status"] = GRPC[abort.get("grpc_status", 0)]
    for name, block in (("delay", delay), ("abort", abort)):
        v = fires(block.get("percentage"), request, name) if block else False
        if v is not None:
            out[name + "_fires"] = v
    return out


def cors(route):
    c = (route.get("typed_per_filter_config") or {}).get("envoy.filters.http.cors")
    if not c:
        return None
    return {
        "allow_origins": [string_match(m) for m in c.get("allow_origin_string_match", [])],
        "allow_methods": split(c.get("allow_methods")),
        "allow_headers": split(c.get("allow_headers")),
        "expose_headers": split(c.get("expose_headers")),
        "max_age_s": int(c["max_age"]) if c.get("max_age") else None,
        "allow_credentials": c.get("allow_credentials"),
        "forward_unmatched_preflights": c.get("forward_not_matching_preflights", True),
    }


def chosen(route, request):
    """The cluster of a route action, and the weighted entry it came from."""
    action = route.get("route") or {}
    if "cluster" in action:
        return action["cluster"], None
    at = weight_value(route, request)
    for w in (action.get("weighted_clusters") or {}).get("clusters", []):
        at -= w.get("weight", 0)
        if at < 0:
            return w["name"], w
    return None, None


def upstream(answer, request):
    """The request as the upstream saw it, or None where none did."""
    import json
    echo = dict(answer["headers"]).get("x-hr-echo")
    if echo is None:
        return None
    seen = json.loads(bytes.fromhex(echo))
    out = {"path": seen["path"],
           "authority": next(v for k, v in seen["headers"] if k.lower() == "host"),
           "headers": [[k.lower(), v] for k, v in seen["headers"] if not OWN.match(k.lower())]}
    if "peer_address" in request:
        names = [k.lower() for k, _ in seen["headers"]]
        out["proxy_headers"] = {k.lower(): v for k, v in seen["headers"] if k.lower() in EDGE and names.count(k.lower()) == 1}
        out["headers"] += [[k.lower(), v] for k, v in seen["headers"] if k.lower() in EDGE and names.count(k.lower()) > 1]
    return out


def owner(route):
    config = (((route.get("metadata") or {}).get("filter_metadata") or {}).get("istio") or {}).get("config", "")
    m = re.match(r".*/namespaces/([^/]+)/virtual-service/(.+)$", config)
    return "%s/%s" % m.groups() if m else None


def is_grpc(request):
    return any(k.lower() == "content-type" and re.match(r"application/grpc([+;]|$)", v)
               for k, v in request.get("headers", []))


def decision(table, request):
    """The expected subset for a request that went through a table, or None where Envoy gave no word."""
    answer, log = request.get("_answer"), request.get("_log")
    if not answer or not log or "status" not in answer:
        return None
    headers = dict(answer["headers"])
    flags = [f for f in (log["flags"] or "-").split(",") if f not in ("-", "DI")]
    flag = ",".join(flags) or None  # a delay adds DI to whatever follows
    reply = {"status": answer["status"], "flag": flag, "body": answer["body"]}
    grpc = is_grpc(request)
    if grpc and "grpc-status" in headers:  # its client sees 200 and a status that stands for the reply's
        reply = {"flag": flag}
    if answer["status"] == 400 and log["route"] in (None, "-"):
        return {"error": "400 " + (log["details"] or "")}  # malformed: no decision, an error line
    if log["route"] in (None, "-"):
        if grpc:  # the client cannot distinguish a missing route from missing TLS
            return {"virtual_service": None, "upstream": None}
        if answer["status"] == 301 and "location" in headers:  # a virtual host that asks for TLS
            return {"action": "redirect", "redirect": {"code": 301, "location": headers["location"]}}
        return {"action": "no_route", "local_reply": reply, "cluster": None, "upstream": None,
                "virtual_service": None}
    vh, route = table.index[int(log["route"][1:])]
    if route["name"] == "allow_any":
        return {"action": "passthrough", "virtual_service": None}
    if route["name"] == "block_all":
        return {"local_reply": {"status": 502, "body": answer["body"]}, "virtual_service": None}
    out = gateway_rule(route["name"]) or {"virtual_service": owner(route)}
    if out["virtual_service"]:
        out.update(rule(route["name"]) or {})
    seen = upstream(answer, request)
    aborted = flag and "FI" in flag
    if "redirect" in route:
        out["action"] = "redirect"
        if not grpc:
            out["redirect"] = {"code": answer["status"], "location": headers.get("location")}
        levels = [operations(route, "response")]
        out["response_headers"] = [l for l in levels if l]
        return out
    if "direct_response" in route:
        out["action"] = "direct_response"
        out["direct_response"] = {"status": answer["status"], "body": answer["body"] or None}
        if grpc:
            del out["direct_response"]
        elif request.get("method") == "HEAD" or answer["status"] in (204, 304):
            del out["direct_response"]["body"]
        levels = [operations(route, "response")]
        out["response_headers"] = [l for l in levels if l]
        return out
    action = route["route"]
    cluster, entry = chosen(route, request)
    known = table.clusters.get(cluster)
    out["action"] = "route"
    out["cluster"] = cluster
    if log["cluster"] and not log["cluster"].startswith("empty~") and log["cluster"] != cluster:
        raise AssertionError("harness: Envoy took %s where %s was computed" % (log["cluster"], cluster))
    m = re.match(r"^outbound\|(\d+)\|([^|]*)\|(.*)$", cluster)
    if m:
        out["destination"] = {"host": m.group(3), "subset": m.group(2) or None, "port": int(m.group(1))}
    if known:
        out["load_balancer"] = POLICY.get(known["lb_policy"])
        if not known.get("assumed") and known["type"] == "EDS":
            out["endpoints"] = sorted(known["endpoints"])
    policy = cors(route)
    preflight = False
    if policy:
        sent = {k.lower() for k, _ in request.get("headers", [])}
        preflight = request.get("method") == "OPTIONS" and "grpc-status" not in headers and log["details"] != "via_upstream" and not aborted and answer["status"] == 200 and not seen
        if not aborted:
            policy["preflight"] = preflight
        if "origin" in sent and (seen or preflight):
            policy["origin_allowed"] = "access-control-allow-origin" in headers
    out["cors"] = policy
    harm = fault(route, request)
    if harm is None or harm["delay_ms"] is not None or harm["abort_status"] or harm["abort_grpc_status"]:
        out["fault"] = harm
    if seen:
        out["upstream"] = seen
        out["local_reply"] = None
    elif not preflight:
        if request.get("method") == "HEAD":
            reply.pop("body", None)
        if not (flag == "UH" and known and known.get("assumed")):
            out["local_reply"] = reply
    t = milliseconds(action.get("timeout", "15s"))
    if not (grpc and any(k.lower() == "grpc-timeout" for k, _ in request.get("headers", []))):
        out["timeout_ms"] = t or None  # else the request's own, which is in the upstream's grpc-timeout
    out["retries"] = retries(action)
    out["mirrors"] = mirrors(action, request)
    out["hash_policy"] = hash_policy(action)
    for side in ("request", "response"):
        levels = ([operations(entry, side)] if entry else []) + [operations(route, side)]
        out[side + "_headers"] = [l for l in levels if l]
    return out


def canonical(key, value):
    """One form for both sides of a comparison; only what carries no meaning is evened out."""
    if key in ("request_headers", "response_headers") and value is not None:
        levels = []
        for level in value:
            l = {"remove": sorted(h.lower() for h in level["remove"]),
                 "set": sorted(([k.lower(), v] for k, v in level["set"] if v != ""), key=lambda p: p[0]),
                 "add": sorted(([k.lower(), v] for k, v in level["add"] if v != ""), key=lambda p: p[0])}
            if any(l.values()):
                levels.append(l)
        return levels
    if key == "upstream" and value:
        kept = [[k.lower(), v] for k, v in value["headers"] if not OWN.match(k.lower())]
        edge = [[k.lower(), v] for k, v in value["headers"] + list(value.get("proxy_headers", {}).items()) if k.lower() in EDGE]
        return dict(value, headers=sorted(kept, key=lambda p: p[0]), proxy_headers=sorted(edge, key=lambda p: p[0]))
    if key == "mirrors" and value:  # Envoy counts in millionths
        return [dict(m, percentage=math.floor(m["percentage"] * 10000 + 1e-6) / 10000) for m in value]
    if key == "endpoints" and value and isinstance(value[0], dict):
        return sorted("%s:%d" % (e["address"], e["port"]) for e in value)
    if key == "hash_policy" and value:
        return [dict(h, path=h.get("path") or None) for h in value]
    if key == "direct_response" and value and "body" in value:
        return dict(value, body=value["body"] or None)
    if key == "retries" and value:
        return dict(value, retry_on=[r for r in value["retry_on"] if r])
    return value


def compare(expected, decision):
    """Differences as (path, expected, actual); only keys that the expectation states count."""
    out = []

    def walk(path, want, got):
        if isinstance(want, dict) and isinstance(got, dict):
            for k in want:
                if k not in got:
                    out.append(("%s.%s" % (path, k), want[k], "absent"))
                else:
                    walk("%s.%s" % (path, k), want[k], got[k])
        elif isinstance(want, list) and isinstance(got, list) and len(want) == len(got):
            for i, (a, b) in enumerate(zip(want, got)):
                walk("%s[%d]" % (path, i), a, b)
        elif want != got or isinstance(want, bool) != isinstance(got, bool):
            out.append((path, want, got))

    if "error" in expected:
        return [] if "error" in decision else [("error", expected["error"], "a decision")]
    if "error" in decision:
        return [("error", None, decision["error"])]
    for key in expected:
        if key not in decision:
            out.append((key, expected[key], "absent"))
        else:
            want = canonical(key, expected[key])
            if key == "upstream" and want and "proxy_headers" not in expected[key]:
                del want["proxy_headers"]
            walk(key, want, canonical(key, decision[key]))
    return out
