"""Generated cases: random resources and requests, judged, compared, and shrunk where they disagree.

Words come from small vocabularies, so that conditions, names and requests meet often. The same seed
gives the same cases. A disagreement is shrunk by leaving out documents, rules and fields for as long
as Istio, Envoy and headerroute still differ on the same keys.
"""
import copy
import json
import pathlib
import random
import subprocess
import time

import yaml

import expect
import judge
import replay
import runner

NETWORKING = "networking.istio.io/v1"
PATHS = ["/", "/a", "/a/b", "/a/b/c", "/ab", "/A/b", "/b", "/b/a", "/c%20d", "/a//b", "/a/../b", "/a/./b",
         "/%61", "/a/", "/x/1", "/x/22", "/x/y", "/a;v=1", "/a%2Fb", "/b/../a/b", "/a.b", "/%2e%2e/b"]
EXACT = ["/", "/a", "/a/b", "/ab", "/b", "/x/1", "/a/", "/c%20d"]
PREFIX = ["/", "/a", "/a/", "/b", "/x/", "/A", "/ab", ""]
REGEX = ["/a.*", "/x/[0-9]+", ".*", "/[ab]", "/a/b|/b/a", "(?i)/A/B", "/.*b", "/x/\\w", "/(a|b)/.*"]
QUERIES = ["", "", "", "?q=1", "?q=2&r=1", "?q", "?r=&q=1", "?q=1&q=2", "?q=a%20b", "#f", "?q=1#f", "?"]
HEADERS = ["x-a", "x-b", "x-user", "accept", "cookie", "X-Mixed"]
VALUES = ["1", "2", "one", "ones", "a,b", "", "One", "two words"]
VALUE_REGEX = ["[0-9]+", "one.*", ".*", "1|2", "(?i)ONE", ".+", "a.b"]
METHODS = ["GET", "GET", "GET", "POST", "PUT", "OPTIONS", "DELETE"]
NAMESPACES = ["default", "prod", "edge"]
EXTERNAL = ["shop.example.com", "a.foo.com", "b.foo.com", "foo.com"]
WILD = ["*.foo.com", "*.example.com", "*.default.svc.cluster.local", "*.svc.cluster.local", "*.com"]
AGES = ["2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"]


class World:
    """One random configuration and its requests."""

    def __init__(self, seed, per_config):
        self.r = random.Random(seed)
        self.docs = []
        self.aged = self.some(0.5)  # all state their age or none does, as in a cluster
        self.services = []   # (namespace, name, ports)
        self.subsets = {}    # fqdn -> names
        self.gateways = []   # (namespace, name, ports)
        self.hosts = list(EXTERNAL)
        self.targets = []    # (host that a VirtualService names, its namespace, its gateways)
        self.make_services()
        self.make_gateways()
        for i in range(self.r.choice([1, 1, 2, 2, 3, 4])):
            self.virtual_service("vs%d" % i)
        self.requests = [self.request() for _ in range(per_config)]

    def without_pods(self):
        """The resources as a repository without Pods has them, for headerroute; None: unchanged."""
        return None

    def some(self, chance):
        return self.r.random() < chance

    def doc(self, api, kind, name, namespace, spec=None, **more):
        d = {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": namespace}}
        d["metadata"].update(more.pop("meta", {}))
        if spec is not None:
            d["spec"] = spec
        d.update(more)
        self.docs.append(d)
        return d

    def make_services(self):
        r = self.r
        address = 1
        for i, name in enumerate(r.sample(["reviews", "ratings", "details", "web"], r.randint(2, 3))):
            for ns in ["default"] + (["prod"] if self.some(0.3) else []):
                ports = [{"name": r.choice(["http", "http-web", "grpc"]), "port": 80, "targetPort": 8080}]
                if self.some(0.4):
                    ports.append({"name": "http-alt", "port": 9080, "targetPort": 8080})
                if self.some(0.15):
                    ports = ports[1:] or [{"name": "http", "port": 9080, "targetPort": 8080}]
                if self.some(0.3):
                    ports.append({"name": "raw", "port": 5000, "targetPort": 8080})
                self.doc("v1", "Service", name, ns, {
                    "clusterIP": "10.96.0.%d" % address, "selector": {"app": name}, "ports": ports})
                self.services.append((ns, name, [p["port"] for p in ports]))
                for v in r.sample(["v1", "v2", "v3"], r.randint(1, 3)):
                    self.doc("v1", "Pod", "%s-%s" % (name, v), ns,
                             meta={"labels": {"app": name, "version": v}},
                             status={"podIP": "10.1.%d.%s" % (address, v[1])})
                address += 1
                if self.some(0.7):
                    names = r.sample(["v1", "v2", "v3"], r.randint(1, 3))
                    spec = {"host": name, "subsets": [{"name": n, "labels": {"version": n}} for n in names]}
                    if self.some(0.4):
                        spec["trafficPolicy"] = self.policy()
                    for s in spec["subsets"]:
                        if self.some(0.2):
                            s["trafficPolicy"] = self.policy()
                    if self.some(0.1):
                        spec["exportTo"] = r.choice([["."], ["*"], ["prod"], ["default", "edge"]])
                    self.doc(NETWORKING, "DestinationRule", name + "-rule", ns, spec,
                             meta=self.age())
                    self.subsets["%s.%s.svc.cluster.local" % (name, ns)] = names
        if self.some(0.15):
            self.doc(NETWORKING, "DestinationRule", "wide", r.choice(NAMESPACES + ["istio-system"]), {
                "host": r.choice(["*.local", "*.default.svc.cluster.local"]),
                "trafficPolicy": self.policy(), "subsets": [{"name": "v1", "labels": {"version": "v1"}}]})
        if self.some(0.2):
            self.doc(NETWORKING, "ServiceEntry", "ext", "default", {
                "hosts": [r.choice(EXTERNAL + ["*.foo.com"])], "resolution": "NONE",
                "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}]})

    def policy(self):
        r = self.r
        lb = r.choice([{"simple": "RANDOM"}, {"simple": "ROUND_ROBIN"}, {"simple": "LEAST_REQUEST"},
                       {"consistentHash": {"httpHeaderName": "x-user"}},
                       {"consistentHash": {"httpQueryParameterName": "q"}},
                       {"consistentHash": {"useSourceIp": True}},
                       {"consistentHash": {"httpCookie": {"name": "c", "ttl": "10s"}, "maglev": {"tableSize": 101}}}])
        p = {"loadBalancer": lb}
        if self.some(0.2):
            p["portLevelSettings"] = [{"port": {"number": r.choice([80, 9080])},
                                       "loadBalancer": {"simple": "ROUND_ROBIN"}}]
        return p

    def age(self):
        return {"creationTimestamp": self.r.choice(AGES)} if self.aged else {}

    def make_gateways(self):
        r = self.r
        for i in range(r.choice([0, 1, 1, 2])):
            servers = [{"port": {"number": 80, "name": "http", "protocol": "HTTP"},
                        "hosts": r.sample(["*", "*.foo.com", "a.foo.com", "shop.example.com", "*.com",
                                           "*.svc.cluster.local"], r.randint(1, 2))}]
            if "*" in servers[0]["hosts"]:
                servers[0]["hosts"] = ["*"]
            if self.some(0.2):
                servers[0]["hosts"] = ["%s/%s" % (r.choice(["default", ".", "*", "prod"]), h)
                                       for h in servers[0]["hosts"]]
            if self.some(0.3):
                servers.append({"port": {"number": 8080, "name": "http-b", "protocol": "HTTP"}, "hosts": ["*"]})
            if self.some(0.1):
                servers[0]["tls"] = {"httpsRedirect": True}
            ns = r.choice(["default", "edge"])
            self.doc(NETWORKING, "Gateway", "gw%d" % i, ns, {
                "selector": {"istio": r.choice(["ingress", "ingress", "other"])}, "servers": servers},
                meta=self.age())
            self.gateways.append((ns, "gw%d" % i, [s["port"]["number"] for s in servers]))

    def string(self, exact, prefix, regex, empty=0.05):
        kind = self.r.random()
        if kind < empty:
            return {}
        if kind < 0.45:
            return {"exact": self.r.choice(exact)}
        if kind < 0.75:
            return {"prefix": self.r.choice([p for p in prefix if p or prefix is PREFIX])}
        return {"regex": self.r.choice(regex)}

    def value(self):
        return self.string(VALUES, ["1", "on", "o", "t"], VALUE_REGEX, 0.2)

    def match(self, delegate=False):
        r, m = self.r, {}
        if self.some(0.6):
            m["uri"] = self.string(EXACT, PREFIX, REGEX)
            if self.some(0.15):
                m["ignoreUriCase"] = True
        if self.some(0.35):
            m["headers"] = {h: self.value() for h in r.sample(HEADERS, r.choice([1, 1, 2]))}
        if self.some(0.15):
            m["withoutHeaders"] = {h: self.value() for h in r.sample(HEADERS, r.choice([1, 1, 2]))}
        if self.some(0.15):
            m["queryParams"] = {q: self.string(["1", "", "2", "a%20b"], ["1", "a"], ["[0-9]*", ".*"], 0.2)
                                for q in r.sample(["q", "r"], 1)}
        if self.some(0.12):
            m["method"] = self.string(["GET", "POST"], ["P", "G"], ["GET|PUT", ".*"])
        if self.some(0.06):
            m["authority"] = self.string(["reviews", "a.foo.com", "a.foo.com:80"], ["a.", "r", "shop"], [".*foo.*"])
        if self.some(0.03):
            m["scheme"] = self.string(["http", "https"], ["http"], ["https?"])
        if self.some(0.07):
            m["port"] = r.choice([80, 80, 9080, 5000, 8080])
        if self.some(0.06):
            m["sourceLabels"] = {"app": r.choice(["a", "b"])}
        if self.some(0.04):
            m["sourceNamespace"] = r.choice(NAMESPACES)
        if self.some(0.05) and not delegate:
            m["gateways"] = [r.choice(["mesh"] + ["%s/%s" % g[:2] for g in self.gateways])]
        if self.some(0.1):
            m["name"] = r.choice(["m1", "m2"])
        return m or {"uri": {"prefix": "/"}}

    def destination(self, ns):
        r = self.r
        if self.some(0.04):
            return {"host": r.choice(["nosuch", "nosuch.default.svc.cluster.local", "shop.example.com"])}
        sns, name, ports = r.choice(self.services)
        fqdn = "%s.%s.svc.cluster.local" % (name, sns)
        d = {"host": name if sns == ns and self.some(0.6) else fqdn}
        if self.some(0.6):
            d["subset"] = r.choice(self.subsets.get(fqdn, ["v1"]) + (["v9"] if self.some(0.1) else []))
        if self.some(0.4):
            d["port"] = {"number": r.choice(ports) if self.some(0.9) else 4242}
        return d

    def operations(self):
        r, out = self.r, {}
        for side in ("request", "response"):
            if not self.some(0.7 if side == "request" else 0.3):
                continue
            o = {}
            if self.some(0.6):
                o["set"] = {r.choice(["x-a", "x-new", "accept", "x-b"]): r.choice(["s", "set value", "", "%REQ(x-user)%", "a%%b"]
                                                                             if side == "request" else ["s", "t"])}
            if self.some(0.4):
                o["add"] = {r.choice(["x-a", "x-add", "accept", "user-agent"]): r.choice(["p", "q", ""])}
            if self.some(0.4):
                o["remove"] = r.sample(["x-a", "x-b", "accept", "x-user"], r.choice([1, 2]))
            if side == "request" and self.some(0.08):
                o.setdefault("set", {})[r.choice([":authority", "Host"])] = "set.example.com"
            if o:
                out[side] = o
        return out

    def rule(self, ns, delegate=False):
        r, rule = self.r, {}
        if self.some(0.3):
            rule["name"] = r.choice(["alpha", "beta", "gamma"])
        if not self.some(0.2):
            rule["match"] = [self.match(delegate) for _ in range(r.choice([1, 1, 1, 2, 3]))]
        kind = r.random()
        if kind < 0.08:
            d = r.choice([{"uri": "/moved"}, {"uri": "/moved?x=1"}, {"authority": "to.example.com"},
                          {"scheme": "https"}, {"port": 8443}, {"uri": "/n", "authority": "to.example.com", "scheme": "https"},
                          {"derivePort": "FROM_REQUEST_PORT", "scheme": "https"}, {"scheme": "https", "port": 443},
                          {"derivePort": "FROM_PROTOCOL_DEFAULT", "scheme": "https"}])
            if self.some(0.3):
                d["redirectCode"] = r.choice([301, 302, 303, 307, 308])
            rule["redirect"] = d
        elif kind < 0.14:
            rule["directResponse"] = {"status": r.choice([200, 204, 403, 503])}
            if self.some(0.6):
                rule["directResponse"]["body"] = {"string": r.choice(["down", "", "line\nline"])}
        else:
            if self.some(0.25):
                n = r.randint(2, 3)
                # Sums of 100, 3 and 7 only: one random value suits every route of a table.
                weights = r.choice([[50, 50], [1, 2], [0, 100], [10, 90]] if n == 2 else
                                   [[50, 50, 0], [1, 2, 4], [0, 100, 0], [10, 30, 60]])
                rule["route"] = [{"destination": self.destination(ns), "weight": w} for w in weights]
            else:
                rule["route"] = [{"destination": self.destination(ns)}]
            for d in rule["route"]:
                if self.some(0.15):
                    d["headers"] = self.operations()
            if self.some(0.2):
                rule["rewrite"] = r.choice([
                    {"uri": "/"}, {"uri": "/new"}, {"uri": "/new/"}, {"authority": "re.example.com"},
                    {"uri": "/z", "authority": "re.example.com"},
                    {"uriRegexRewrite": {"match": "/([a-z])", "rewrite": "/\\1\\1"}},
                    {"uriRegexRewrite": {"match": "^/a/(.*)$", "rewrite": "/only/\\1"}}])
            if self.some(0.15):
                rule["timeout"] = r.choice(["10s", "0.5s", "1m", "1500ms"])
            if self.some(0.15):
                rule["retries"] = r.choice([{}, {"attempts": 3}, {"attempts": 2, "retryOn": "5xx,503", "perTryTimeout": "2s"},
                                            {"attempts": 1, "backoff": "100ms"}, {"attempts": 4, "retryRemoteLocalities": True},
                                            {"attempts": 2, "retryIgnorePreviousHosts": False}])
            if self.some(0.1):
                rule["fault"] = {"abort": {"httpStatus": r.choice([418, 503]),
                                           "percentage": {"value": r.choice([0, 100, 100])}}}
            elif self.some(0.05):
                rule["fault"] = {"abort": {"httpStatus": 500}}
            if self.some(0.1):
                rule["mirror"] = self.destination(ns)
                if self.some(0.5):
                    rule["mirrorPercentage"] = {"value": r.choice([0, 12.5, 100, 0.01])}
            if self.some(0.2):
                rule["corsPolicy"] = {"allowOrigins": [r.choice([{"exact": "https://a.com"}, {"prefix": "https://"},
                                                                {"regex": "https://[a-z]+\\.com"}, {"exact": "*"}])],
                                      "allowMethods": ["GET", "POST"], "maxAge": "60s"}
                if self.some(0.3):
                    rule["corsPolicy"]["unmatchedPreflights"] = r.choice(["IGNORE", "FORWARD"])
        if self.some(0.2):
            rule["headers"] = self.operations()
            if "redirect" in rule or "directResponse" in rule:
                rule["headers"].pop("request", None)
        return rule

    def virtual_service(self, name):
        r = self.r
        ns = r.choice(["default", "default", "default", "prod"])
        local = [s[1] for s in self.services if s[0] == ns] or ["reviews"]
        pool = [r.choice(local)] * 3 + ["%s.%s.svc.cluster.local" % (s[1], s[0]) for s in self.services] + EXTERNAL + WILD
        hosts = []
        for h in r.sample(pool, r.choice([1, 1, 2, 2])):
            full = h if "." in h else "%s.%s.svc.cluster.local" % (h, ns)
            if all(not overlap(full, o if "." in o else "%s.%s.svc.cluster.local" % (o, ns)) for o in hosts):
                hosts.append(h)
        spec = {"hosts": hosts}
        if self.gateways and self.some(0.6):
            spec["gateways"] = ["%s/%s" % g[:2] for g in r.sample(self.gateways, r.randint(1, len(self.gateways)))]
            if self.some(0.6):
                spec["gateways"].append("mesh")
            elif self.some(0.2):
                spec["hosts"] = hosts = ["*"]
        if self.some(0.1):
            spec["exportTo"] = r.choice([["."], ["*"], ["default"], ["prod", "edge"]])
        for h in hosts:
            self.targets.append((h.replace("*", r.choice(["w", "a", "v.w"])), ns, spec.get("gateways", ["mesh"])))
        spec["http"] = [self.rule(ns) for _ in range(r.choice([1, 2, 2, 3, 4, 5]))]
        if self.some(0.12):
            target = r.choice(["default", "prod"])
            at = r.randrange(len(spec["http"]) + 1)
            entry = {"delegate": {"name": name + "-leaf", "namespace": target}}
            for _ in range(1):
                if self.some(0.7):
                    entry["match"] = [self.match(True) for _ in range(r.choice([1, 2]))]
            if self.some(0.3):
                entry["timeout"] = "7s"
            if self.some(0.2):
                entry["headers"] = {"request": {"set": {"x-root": "r"}}}
            spec["http"].insert(at, entry)
            leaf = {"http": [self.rule(target, True) for _ in range(r.randint(1, 3))]}
            self.doc(NETWORKING, "VirtualService", name + "-leaf", target, leaf)
        self.doc(NETWORKING, "VirtualService", name, ns, spec, meta=self.age())

    def request(self):
        r, q = self.r, {}
        q["method"] = r.choice(METHODS)
        view = r.random()
        if self.gateways and view < 0.4:
            g = r.choice(self.gateways)
            q["gateway"] = "%s/%s" % g[:2]
            q["port"] = r.choice(g[2])
            q["authority"] = r.choice(self.hosts)
            bound = [t for t in self.targets if "%s/%s" % g[:2] in t[2]]
            if bound and self.some(0.8):
                host, ns, _ = r.choice(bound)
                q["authority"] = host if "." in host else "%s.%s.svc.cluster.local" % (host, ns)
                if host == "w":
                    q["authority"] = r.choice(self.hosts)
        else:
            ns = "default" if view < 0.85 else "prod"
            sns, name, ports = r.choice(self.services)
            q["port"] = r.choice(ports) if self.some(0.4) else 80
            aliases = ["%s.%s" % (name, sns), "%s.%s.svc" % (name, sns), "%s.%s.svc.cluster.local" % (name, sns)]
            if sns == ns:
                aliases.append(name)
            q["authority"] = r.choice(aliases)
            called = [t for t in self.targets if "mesh" in t[2]]
            if called and q["port"] != 5000 and self.some(0.7):
                q["authority"], vns, _ = r.choice(called)
                if "." not in q["authority"]:
                    ns = vns
            elif q["port"] != 5000 and self.some(0.1):
                q["authority"] = r.choice(self.hosts)
            if ns != "default":
                q["namespace"] = ns
            if view > 0.95:
                q["source_labels"] = {"app": r.choice(["a", "b"])}
            if 0.8 < view < 0.85:
                q["outbound_policy"] = "registry-only"
        if self.some(0.15):
            q["authority"] += ":%d" % r.choice([q["port"], 80, 9999])
        q["path"] = r.choice(PATHS) + r.choice(QUERIES)
        headers = []
        for _ in range(r.choice([0, 0, 1, 1, 2, 3])):
            headers.append([r.choice(HEADERS).lower() if self.some(0.8) else r.choice(HEADERS), r.choice(VALUES)])
        if q["method"] == "OPTIONS" or self.some(0.05):
            headers.append(["origin", r.choice(["https://a.com", "https://z.org", "x"])])
            if self.some(0.7):
                headers.append(["access-control-request-method", "GET"])
        if headers:
            q["headers"] = headers
        q["random"] = min(round(r.random(), 4), 0.9999)
        return q


def overlap(a, b):
    """Whether two host names of one VirtualService would count as overlapping."""
    if a == b:
        return True
    if a.startswith("*") and b.startswith("*"):
        return a.endswith(b[1:]) or b.endswith(a[1:])
    if a.startswith("*"):
        return b.endswith(a[1:])
    return b.startswith("*") and a.endswith(b[1:])


def text(docs):
    return "---\n".join(yaml.safe_dump(d, sort_keys=False, width=1000) for d in docs)


def disagreements(config, binary):
    """Differences of a judged configuration as [(request, differences)]."""
    pairs = [(r, e) for r, e in zip(config.requests, config.expected)
             if not isinstance(e, str)]
    if config.errors:
        return [] if replay.refused(binary, config.yaml) else [
            (None, [("validate", "refused: " + "; ".join(config.errors), "accepted")])]
    if not pairs:
        return []
    import conformance
    try:
        got = replay.ask(binary, config.yaml, [conformance.clean(r) for r, _ in pairs])
    except (RuntimeError, ValueError, subprocess.TimeoutExpired) as e:
        return [(pairs[0][0], [("run", "decisions", str(e))])]
    out = []
    for (r, e), d in zip(pairs, got):
        differences = expect.compare(e, d)
        if differences:
            out.append((r, differences))
    return out


def leave_out_pods(world, config):
    """Gives headerroute what the world says without Pods, and keeps of the verdicts what does not name endpoints."""
    yaml_without = world.without_pods()
    if yaml_without is None or config.errors:
        return
    config.yaml = yaml_without
    # What a ServiceEntry selects need not run in the cluster, so no template there proves nothing; where its pods run, which
    # decides with `distribute`, no template says.
    distributes = any("distribute:" in text([d]) for d in world.docs if d["kind"] == "DestinationRule")
    selecting = {h for d in world.docs if d["kind"] == "ServiceEntry" and "workloadSelector" in d["spec"] for h in d["spec"]["hosts"]}
    for e in config.expected:
        if isinstance(e, dict):
            e.pop("endpoints", None)
            if (e.get("local_reply") or {}).get("flag") == "UH" and (distributes or (e.get("destination") or {}).get("host") in selecting):
                del e["local_reply"]


def smaller(docs):
    """Every way to leave one thing out of the documents."""
    def without(path):
        copied = copy.deepcopy(docs)
        at = copied
        for step in path[:-1]:
            at = at[step]
        del at[path[-1]]
        return copied

    def walk(node, path, keep):
        if isinstance(node, dict):
            for k in list(node):
                if (len(path), k) not in keep:
                    yield path + [k]
                yield from walk(node[k], path + [k], keep)
        elif isinstance(node, list):
            for i in range(len(node)):
                yield path + [i]
                yield from walk(node[i], path + [i], keep)

    keep = {(1, "apiVersion"), (1, "kind"), (1, "metadata"), (2, "name"), (2, "namespace"), (1, "spec")}
    for path in sorted(walk(docs, [], keep), key=len):
        yield without(path)


def shrink(docs, request, keys, envoy, binary, rounds=30):
    """Smaller documents on which the same keys still differ for the request."""
    for _ in range(rounds):
        found = None
        batch = []
        for candidate in smaller(docs):
            batch.append(candidate)
        for start in range(0, len(batch), 150):
            configs = [judge.Config(str(i), text(c), [dict(request)]) for i, c in enumerate(batch[start:start + 150])]
            judge.judge(configs, envoy)
            for c, docs2 in zip(configs, batch[start:start + 150]):
                if c.errors:
                    continue
                bad = disagreements(c, binary)
                if bad and keys == {d[0].split(".")[0].split("[")[0] for d in bad[0][1]}:
                    found = docs2
                    break
            if found:
                break
        if not found:
            return docs
        docs = found
    return docs


def arguments(p):
    p.add_argument("--seed", type=int, default=None, help="default: drawn from the clock, and printed")
    p.add_argument("--cases", type=int, default=5000)
    p.add_argument("--per-config", type=int, default=50, help="requests for each configuration")
    p.add_argument("--chunk", type=int, default=100, help="configurations judged at once")
    p.add_argument("--headerroute", help="compare with this command; without it the cases are only judged")
    p.add_argument("--save", help="write the checked cases as vectors (.jsonl or .jsonl.gz)")
    p.add_argument("--world", choices=["plain", "wide", "deep", "gateway-api"], default="deep", help="how much of the API the resources use")
    p.add_argument("--keep", help="write configurations that disagree into this folder")
    p.add_argument("--shrink", type=int, default=3, help="disagreements to shrink")


def main(a):
    import conformance
    seed = a.seed if a.seed is not None else int(time.time())
    envoy = conformance.binary()
    print("seed %d, Envoy %s" % (seed, runner.version(envoy)), flush=True)
    start, n, judged, refused, skipped, bad, shrunk = time.time(), 0, 0, 0, 0, 0, 0
    reasons, keys_seen, out = {}, {}, []
    world = World
    if a.world == "wide":
        from generate_wide import WideWorld as world
    elif a.world == "deep":
        from generate_deep import DeepWorld as world
        print("clients connect from addresses of their own: %s" % ("yes" if world.peers else "no, the machine lacks them (see README.md)"))
    elif a.world == "gateway-api":
        from generate_gateway_api import GatewayApiWorld as world
    while judged < a.cases:
        count = min(a.chunk, -(-(a.cases - judged) // a.per_config) + 1)
        worlds = [world("%d/%d" % (seed, n + i), a.per_config) for i in range(count)]
        configs = [judge.Config("generated/%d/%d" % (seed, n + i), text(w.docs), w.requests)
                   for i, w in enumerate(worlds)]
        judge.judge(configs, envoy)
        for w, c in zip(worlds, configs):
            leave_out_pods(w, c)
            if judged >= a.cases:
                break
            entries, skip = conformance.lines(c)
            if c.errors:
                refused += 1
                for e in c.errors:
                    reasons[e.split(": ", 1)[-1][:70]] = reasons.get(e.split(": ", 1)[-1][:70], 0) + 1
                if a.save and refused <= 20:
                    out += entries
            else:
                judged += len(entries) - 1 if entries else 0
                skipped += len(skip)
                for _, _, why in skip:
                    reasons[why[:70]] = reasons.get(why[:70], 0) + 1
                if a.save:
                    out += entries
            if a.headerroute:
                for r, differences in disagreements(c, a.headerroute):
                    bad += 1
                    keys = {d[0].split(".")[0].split("[")[0] for d in differences}
                    label = ",".join(sorted(keys))
                    keys_seen[label] = keys_seen.get(label, 0) + 1
                    if a.keep and keys_seen[label] <= 3:
                        folder = pathlib.Path(a.keep)
                        folder.mkdir(parents=True, exist_ok=True)
                        (folder / ("%s-%d.yaml" % (label, keys_seen[label]))).write_text(
                            "# %s\n" % json.dumps(conformance.clean(r) if r else None)
                            + "".join("# %s: expected %s, got %s\n" % (d[0], json.dumps(d[1]), json.dumps(d[2]))
                                      for d in differences) + text(w.docs))
                    if keys_seen[label] == 1 and r and shrunk < a.shrink:
                        shrunk += 1
                        docs = shrink(w.docs, r, keys, envoy, a.headerroute)
                        print("-- disagreement in %s (config %s), shrunk:" % (label, c.id))
                        print(text(docs), end="")
                        print("-- request " + json.dumps(conformance.clean(r)))
                        final = judge.Config("shrunk", text(docs), [dict(r)])
                        judge.judge([final], envoy)
                        for _, ds in disagreements(final, a.headerroute):
                            for d in ds:
                                print("   %s: expected %s, got %s" % (d[0], json.dumps(d[1]), json.dumps(d[2])), flush=True)
        n += count
        if not judged:
            raise SystemExit("conformance: no case of the first %d configurations was judged: %s" % (n, reasons))
        print("%d configurations, %d cases, %.0f s" % (n, judged, time.time() - start), flush=True)
    if a.save:
        conformance.write(a.save, out)
    for why, k in sorted(reasons.items(), key=lambda e: -e[1])[:20]:
        print("not compared, or refused: %d x %s" % (k, why))
    for label, k in sorted(keys_seen.items(), key=lambda e: -e[1]):
        print("disagreements in %s: %d" % (label, k))
    print("seed %d: %d configurations (%d refused by Istio), %d cases without a verdict" % (seed, n, refused, skipped))
    print("%d passed, %d failed" % (judged - bad, bad) if a.headerroute else "%d cases judged" % judged)
    return 1 if bad else 0
