"""Random configurations of the Kubernetes Gateway API, beside VirtualServices and DestinationRules.

Gateways with several listeners (hostnames, ports, TLS, allowedRoutes), HTTPRoutes and GRPCRoutes with
every match, filter and kind of backend, parents in the mesh, ReferenceGrants. What the API server would
refuse by a rule in CEL is not generated: a repeated filter, a redirect beside backends, a prefix
replaced without a single PathPrefix match.
"""
from generate import METHODS, NETWORKING, World

API = "gateway.networking.k8s.io/v1"
GROUP = "gateway.networking.k8s.io"
SPACES = ["default", "prod", "edge"]
LISTENER_HOSTS = ["*.example.com", "a.example.com", "*.a.example.com", "foo.com", "*.com", "b.a.example.com", "*.foo.com"]
ROUTE_HOSTS = ["a.example.com", "*.example.com", "b.a.example.com", "*.a.example.com", "foo.com", "x.foo.com", "*.com", "other.org", "*.foo.com"]
CALLED = ["a.example.com", "b.a.example.com", "c.b.a.example.com", "z.example.com", "example.com", "foo.com", "x.foo.com", "other.org", "x.com", "A.Example.com"]
EXACT = ["/", "/a", "/a/b", "/ab", "/x/1", "/a/", "/b", "/A"]
PREFIX = ["/", "/", "/a", "/a/", "/a/b", "/b", "/x", "/x/1", "/A", "/a.b"]
REGEX = ["/a.*", "/x/[0-9]+", "/.*", "/[ab]", "/a/b|/b/a", "(?i)/A/B", "/(a|b)/.*", "/x/\\d"]
PATHS = ["/", "/a", "/a/", "/a/b", "/a/b/c", "/ab", "/A/b", "/b", "/b/a", "/x/1", "/x/22", "/x/y", "/a//b", "/a/../b", "/%61", "/a.b", "/x/1/2"]
QUERIES = ["", "", "", "?q=1", "?q=2&r=1", "?q", "?Q=1", "?q=1&q=2", "?r=a"]
HEADERS = ["x-a", "x-b", "X-A", "x-user", "accept", "version"]
VALUES = ["1", "2", "one", "ones", "One", "two words"]
VALUE_REGEX = ["[0-9]+", "one.*", ".*", "1|2", "(?i)ONE", ".+"]
SERVICES = ["a.B", "c.d.E", "F", "r.x"]
CALLS = ["Get", "Put", "Ping", "Done"]
ORIGINS = ["https://a.com", "https://*.a.com", "http://*", "*", "https://b.com:8443", "https://*"]


class GatewayApiWorld(World):
    def __init__(self, seed, per_config):
        self.parents = []  # the parentRefs of Gateways' listeners: (namespace, name, listeners, kind)
        self.views = []    # (namespace, name, [ports])
        self.entries = []  # ServiceEntries: (namespace, name, hosts)
        self.paths = []    # what the rules of routes match
        self.calls = []    # names by which a parent in the mesh is called: (host, namespace)
        self.named = []    # hostnames of routes
        super().__init__(seed, per_config)

    # ---- resources around the routes ----

    def make_services(self):
        super().make_services()
        r = self.r
        for i, ns in enumerate(SPACES):
            if self.some(0.93):
                labels = {"team": r.choice(["red", "blue"])}
                if self.some(0.4):
                    labels["stage"] = "live"
                self.docs.append({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ns, "labels": labels}})
        if self.some(0.5):
            ns = r.choice(SPACES)
            hosts = r.sample(["shop.example.org", "db.internal", "api.partner.io"], r.choice([1, 1, 2]))
            self.doc(NETWORKING, "ServiceEntry", "entry", ns, {
                "hosts": hosts, "resolution": "STATIC", "location": "MESH_EXTERNAL",
                "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}], "endpoints": [{"address": "10.9.0.1"}]})
            self.entries.append((ns, "entry", hosts))
        for i, chance in enumerate([0.8, 0.6, 0.5, 0.3]):
            if self.some(chance):
                self.grant("grant%d" % i)

    def grant(self, name):
        r = self.r
        to = [{"group": "", "kind": "Service"}]
        if self.some(0.2):
            to[0]["name"] = r.choice(self.services)[1]
        if self.some(0.3):
            to.append({"group": "", "kind": "Secret"})
        self.doc(GROUP + "/v1beta1", "ReferenceGrant", name, r.choice(SPACES), {
            "from": [{"group": GROUP, "kind": k, "namespace": n}
                     for k in r.sample(["HTTPRoute", "GRPCRoute", "Gateway"], r.choice([1, 2, 3]))
                     for n in r.sample(SPACES, r.choice([1, 2]))], "to": to})

    def make_gateways(self):
        r = self.r
        if self.some(0.3):
            self.docs.append({"apiVersion": API, "kind": "GatewayClass", "metadata": {"name": "own"},
                              "spec": {"controllerName": "istio.io/gateway-controller"}})
            self.docs.append({"apiVersion": API, "kind": "GatewayClass", "metadata": {"name": "foreign"},
                              "spec": {"controllerName": "example.com/controller"}})
            classes = ["istio", "own", "own", "foreign"]
        else:
            classes = ["istio"]
        for i in range(r.choice([1, 1, 1, 2, 2])):
            self.gateway("gw%d" % i, r.choice(SPACES), r.choice(classes))
        if self.some(0.25):  # an Istio Gateway for the same proxies
            ns, name, ports = r.choice(self.views) if self.views else ("default", "gw0", [80])
            if self.some(0.25):
                ns = r.choice(SPACES)
            self.doc(NETWORKING, "Gateway", "beside", ns, {
                "selector": {GROUP + "/gateway-name": name},
                "servers": [{"port": {"number": 80, "name": "http", "protocol": "HTTP"},
                             "hosts": [r.choice(["*", "*/*", "*.com", "foo.com", "*.example.com"])]}]}, meta=self.age())
            self.gateways.append((ns, "beside", [80]))

    def listener(self, name):
        r = self.r
        port = r.choice([80, 80, 80, 8080, 443])
        l = {"name": name, "port": port, "protocol": "HTTPS" if port == 443 else "HTTP"}
        if self.some(0.55):
            l["hostname"] = r.choice(LISTENER_HOSTS)
        if port == 443:
            ref = {"name": "cert"}
            if self.some(0.15):
                ref["namespace"] = r.choice(SPACES)
            l["tls"] = {"certificateRefs": [ref]}
        allowed = {}
        if self.some(0.75):
            where = r.choice(["All", "All", "All", "Same", "Selector", "Selector"])
            allowed["namespaces"] = {"from": where}
            if where == "Selector":
                allowed["namespaces"]["selector"] = self.selector()
        if self.some(0.15):
            allowed["kinds"] = [{"kind": k} for k in r.choice([["HTTPRoute"], ["GRPCRoute"], ["HTTPRoute", "GRPCRoute"], ["TCPRoute"]])]
            if self.some(0.5):
                for k in allowed["kinds"]:
                    k["group"] = GROUP
        if allowed:
            l["allowedRoutes"] = allowed
        return l

    def selector(self):
        r = self.r
        chosen = {}
        if self.some(0.6):
            chosen["matchLabels"] = {"team": r.choice(["red", "blue"])}
        if self.some(0.5):
            chosen["matchExpressions"] = [r.choice([
                {"key": "team", "operator": "In", "values": ["red", "green"]}, {"key": "team", "operator": "NotIn", "values": ["blue"]},
                {"key": "stage", "operator": "Exists"}, {"key": "stage", "operator": "DoesNotExist"},
                {"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["prod", "edge"]}])]
        return chosen

    def gateway(self, name, ns, of_class):
        r = self.r
        listeners = {}  # of which each has a port, protocol and hostname of its own
        for i in range(r.choice([1, 1, 2, 2, 3, 4])):
            l = self.listener("l%d" % i)
            listeners.setdefault((l["port"], l.get("hostname")), l)
        listeners = list(listeners.values())
        r.shuffle(listeners)
        spec = {"gatewayClassName": of_class, "listeners": listeners}
        if self.some(0.12):
            spec["addresses"] = self.addresses(name, ns)
        ports = {l["port"] for l in listeners}
        if self.some(0.35):
            ports |= self.listener_sets(name, ns, spec)
        self.doc(API, "Gateway", name, ns, spec, meta=self.age())
        self.parents.append((ns, name, listeners, "Gateway"))
        if of_class != "foreign":
            self.views.append((ns, name, sorted(ports)))

    def listener_sets(self, gateway, ns, spec):
        """ListenerSets, which the Gateway allows or not. Returns their ports."""
        r, ports = self.r, set()
        if self.some(0.9):
            where = r.choice(["All", "All", "All", "Same", "Selector", "None"])
            spec["allowedListeners"] = {"namespaces": {"from": where}}
            if where == "Selector":
                spec["allowedListeners"]["namespaces"]["selector"] = self.selector()
        for i in range(r.choice([1, 1, 2, 3])):
            space = ns if self.some(0.4) else r.choice(SPACES)
            listeners = {}
            for k in range(r.choice([1, 1, 2, 3])):
                l = self.listener("l%d" % k)
                if self.some(0.2):
                    l.update(port=8081, protocol="HTTP")
                    l.pop("tls", None)
                listeners.setdefault((l["port"], l.get("hostname")), l)
            listeners = list(listeners.values())
            name = "%s-set%d" % (gateway, i)
            parent = {"name": gateway}
            if space != ns or self.some(0.2):
                parent["namespace"] = ns
            if self.some(0.2):
                parent["group"], parent["kind"] = GROUP, "Gateway"
            self.doc(API, "ListenerSet", name, space, {"parentRef": parent, "listeners": listeners}, meta=self.age())
            self.parents.append((space, name, listeners, "ListenerSet"))
            ports |= {l["port"] for l in listeners}
        return ports

    def addresses(self, name, ns):
        """A Service whose pods are the proxies, and addresses that Istio cannot use."""
        r = self.r
        space = ns if self.some(0.75) else r.choice(SPACES)
        service = name + "-ingress"
        self.doc("v1", "Service", service, space, {"clusterIP": "10.96.9.%d" % len(self.docs), "selector": {"app": service}, "ports": [
            {"name": "http", "port": 80}, {"name": "http-b", "port": 8080}, {"name": "https", "port": 443}]})
        self.doc("v1", "Pod", service, space, meta={"labels": {"app": service}}, status={"podIP": "10.3.0.%d" % len(self.docs)})
        full = "%s.%s.svc.cluster.local" % (service, space)
        own = {"type": "Hostname", "value": service if space == ns and self.some(0.5) else full}
        return r.choice([[own], [own], [own, {"type": "IPAddress", "value": "10.0.0.9"}], [{"type": "IPAddress", "value": "10.0.0.9"}],
                         [{"type": "IPAddress", "value": "10.0.0.8"}, {"type": "IPAddress", "value": "10.0.0.9"}]])

    def virtual_service(self, name):
        if name == "vs0":  # World calls this for each VirtualService, of which there is at least one
            for i in range(self.r.choice([1, 2, 2, 3, 3, 4, 5])):
                self.route("route%d" % i)
        if self.some(0.25):
            super().virtual_service(name)

    # ---- routes ----

    def route(self, name):
        r = self.r
        grpc = self.some(0.2)
        ns = r.choice(SPACES)
        spec = {"parentRefs": self.parent_refs(ns)}
        if self.some(0.65):
            spec["hostnames"] = r.sample(ROUTE_HOSTS, r.choice([1, 1, 2, 3]))
            self.named += spec["hostnames"]
        if grpc or not self.some(0.02):
            rules = [self.grpc_rule(ns) if grpc else self.http_rule(ns) for _ in range(r.choice([1, 1, 2, 3, 4]))]
            names = ["first", "second", "third", "fourth"]
            for rule in rules:
                if self.some(0.15):
                    rule["name"] = names.pop(r.randrange(len(names)))
            spec["rules"] = rules
        self.doc(API, "GRPCRoute" if grpc else "HTTPRoute", name, ns, spec, meta=self.age())

    def parent_refs(self, ns):
        r, out = self.r, []
        for _ in range(r.choice([1, 1, 1, 2, 3])):
            ref = self.mesh_parent(ns) if self.some(0.3) else self.gateway_parent(ns)
            # References to one parent have all a section or none, all a port or none, and differ in them.
            def parent(o):
                return o.get("kind", "Gateway"), o["name"], o.get("namespace", ns)

            def distinct(o):
                given = [key for key in ("sectionName", "port") if key in ref]
                return given == [key for key in ("sectionName", "port") if key in o] and any(o[key] != ref[key] for key in given)
            if not all(distinct(o) for o in out if parent(o) == parent(ref)):
                continue
            out.append(ref)
        return out

    def gateway_parent(self, ns):
        r = self.r
        space, name, listeners, kind = r.choice(self.parents)
        ref = {"name": name if self.some(0.97) else "gone"}
        if space != ns or self.some(0.2):
            ref["namespace"] = space
        if kind == "ListenerSet" or self.some(0.2):
            ref["group"], ref["kind"] = GROUP, kind
        if self.some(0.3):
            ref["sectionName"] = r.choice(listeners)["name"] if self.some(0.95) else "l9"
        if self.some(0.12):
            ref["port"] = r.choice(listeners)["port"] if self.some(0.9) else 9999
        return ref

    def mesh_parent(self, ns):
        r = self.r
        if self.entries and self.some(0.2):
            space, name, hosts = r.choice(self.entries)
            ref = {"group": "networking.istio.io", "kind": "ServiceEntry", "name": name}
            self.calls += [(h, ns) for h in hosts]
            ports = [80]
        else:
            space, name, ports = r.choice(self.services)
            ref = {"group": "", "kind": "Service", "name": name if self.some(0.97) else "gone"}
            self.calls.append(("%s.%s.svc.cluster.local" % (name, space), ns))
        if space != ns or self.some(0.2):
            ref["namespace"] = space
        if self.some(0.25):
            ref["port"] = r.choice(ports + [81] * self.some(0.2))
        return ref

    def header_matches(self):
        r, out, seen = self.r, [], set()
        for name in r.sample(HEADERS, r.choice([1, 1, 2])):
            if name.lower() in seen:
                continue
            seen.add(name.lower())
            m = {"name": name, "value": r.choice(VALUES)}
            if self.some(0.35):
                m["type"], m["value"] = "RegularExpression", r.choice(VALUE_REGEX)
            elif self.some(0.2):
                m["type"] = "Exact"
            out.append(m)
        return out

    def http_match(self, kind=None):
        r, m = self.r, {}
        if kind or self.some(0.75):
            kind = kind or r.choice(["PathPrefix", "PathPrefix", "Exact", "RegularExpression"])
            value = r.choice({"PathPrefix": PREFIX, "Exact": EXACT, "RegularExpression": REGEX}[kind])
            m["path"] = {"value": value}
            if kind != "PathPrefix" or self.some(0.6):
                m["path"]["type"] = kind
            if kind != "RegularExpression":
                self.paths.append(value)
        if self.some(0.3):
            m["headers"] = self.header_matches()
        if self.some(0.2):
            m["queryParams"] = [{"name": q, "value": r.choice(["1", "2", "a"])} for q in r.sample(["q", "r", "Q"], r.choice([1, 1, 2]))]
            if self.some(0.3):
                m["queryParams"][0].update(type="RegularExpression", value=r.choice(["[0-9]+", ".*", "1|a"]))
        if self.some(0.2):
            m["method"] = r.choice(["GET", "POST", "OPTIONS", "PUT"])
        return m

    def http_rule(self, ns):
        r, rule = self.r, {}
        replaced = self.some(0.15)
        if replaced:
            rule["matches"] = [self.http_match("PathPrefix")]
        elif self.some(0.85):
            rule["matches"] = [self.http_match() for _ in range(r.choice([1, 1, 1, 2, 3]))]
        filters = []
        if self.some(0.2):
            filters.append({"type": "RequestHeaderModifier", "requestHeaderModifier": self.modifier()})
        if self.some(0.12):
            filters.append({"type": "ResponseHeaderModifier", "responseHeaderModifier": self.modifier()})
        redirect = self.some(0.1)
        if redirect:
            filters.append({"type": "RequestRedirect", "requestRedirect": self.redirect(replaced)})
        elif replaced or self.some(0.12):
            filters.append({"type": "URLRewrite", "urlRewrite": self.rewrite(replaced)})
        for _ in range(r.choice([0] * 8 + [1, 1, 2])):
            filters.append(self.mirror(ns))
        if self.some(0.12):
            filters.append({"type": "CORS", "cors": self.cors()})
        if self.some(0.008):
            filters.append({"type": "ExtensionRef", "extensionRef": {"group": "example.com", "kind": "Filter", "name": "f"}})
        r.shuffle(filters)
        if filters:
            rule["filters"] = filters
        if not redirect and self.some(0.95):
            rule["backendRefs"] = self.backends(ns)
        if self.some(0.15):
            rule["timeouts"] = r.choice([{"request": "10s"}, {"request": "0s"}, {"request": "10s", "backendRequest": "2s"},
                                         {"backendRequest": "1500ms"}, {"request": "1m", "backendRequest": "0s"}, {"request": "1h2m3s4ms"}])
        if self.some(0.12):
            rule["retry"] = r.choice([{}, {"attempts": 3}, {"codes": [500, 503], "attempts": 1}, {"codes": [503], "backoff": "100ms"},
                                      {"attempts": 2, "backoff": "1s"}, {"attempts": 1, "codes": [500]}])
        if self.some(0.05):
            rule["sessionPersistence"] = {"sessionName": "s", "type": "Cookie"}
        return rule

    def modifier(self):
        r, out = self.r, {}
        names = ["x-a", "X-New", "x-b", "accept", "x-user"]
        if self.some(0.6):
            out["set"] = [{"name": n, "value": r.choice(["s", "set value", "a%%b", "%REQ(x-user)%"])} for n in r.sample(names, r.choice([1, 1, 2]))]
        if self.some(0.5):
            out["add"] = [{"name": n, "value": r.choice(["p", "q"])} for n in r.sample(names, r.choice([1, 1, 2]))]
        if self.some(0.4):
            out["remove"] = r.sample(names, r.choice([1, 2]))
        return out

    def redirect(self, replaced):
        r, d = self.r, {}
        for key, values in (("scheme", ["http", "https"]), ("hostname", ["to.example.com"]), ("port", [80, 443, 8443, 8080]),
                            ("statusCode", [301, 302, 303, 307, 308])):
            if self.some(0.4):
                d[key] = r.choice(values)
        if replaced and self.some(0.7):
            d["path"] = {"type": "ReplacePrefixMatch", "replacePrefixMatch": r.choice(["/", "/to", "/to/", ""])}
        elif self.some(0.3):
            d["path"] = {"type": "ReplaceFullPath", "replaceFullPath": r.choice(["/", "/full", "/full/path"])}
        return d

    def rewrite(self, replaced):
        r, w = self.r, {}
        if self.some(0.3):
            w["hostname"] = "re.example.com"
        if replaced and self.some(0.8):
            w["path"] = {"type": "ReplacePrefixMatch", "replacePrefixMatch": r.choice(["/", "/to", "/to/", "", "/t/o"])}
        elif self.some(0.7):
            w["path"] = {"type": "ReplaceFullPath", "replaceFullPath": r.choice(["/", "/full", "/full/path"])}
        return w

    def mirror(self, ns):
        r, m = self.r, {"backendRef": self.backend(ns)}
        for k in ("weight", "filters"):
            m["backendRef"].pop(k, None)
        if self.some(0.3):
            m["percent"] = r.choice([0, 1, 42, 100])
        elif self.some(0.3):
            m["fraction"] = r.choice([{"numerator": 1}, {"numerator": 0}, {"numerator": 1, "denominator": 1000}, {"numerator": 5, "denominator": 5},
                                      {"numerator": 1, "denominator": 3}])
        return {"type": "RequestMirror", "requestMirror": m}

    def cors(self):
        r = self.r
        c = {"allowOrigins": r.choice([["*"], r.sample([o for o in ORIGINS if o != "*"], r.choice([1, 1, 2]))])}
        for key, values in (("allowMethods", [["GET"], ["*"], ["PUT", "DELETE"]]), ("allowHeaders", [["x-a", "X-B"], ["*"]]),
                            ("exposeHeaders", [["x-e"], ["x-e", "x-f"], ["*"]]), ("maxAge", [1, 600]), ("allowCredentials", [True, False])):
            if self.some(0.4):
                c[key] = r.choice(values)
        return c

    def backend(self, ns):
        r = self.r
        kind = r.random()
        if kind < 0.03:
            return {"group": "example.com", "kind": "Thing", "name": "thing", "port": 80}
        if kind < 0.08:
            hosts = [h for _, _, hosts in self.entries for h in hosts] + ["%s.%s.svc.cluster.local" % (s[1], s[0]) for s in self.services[:1]]
            return {"group": "networking.istio.io", "kind": "Hostname", "name": r.choice(hosts + ["nowhere.example.net"]), "port": 80}
        space, name, ports = r.choice(self.services)
        b = {"name": name if self.some(0.96) else "gone", "port": r.choice(ports) if self.some(0.96) else 4242}
        if kind < 0.1:
            b.update(group="multicluster.x-k8s.io", kind="ServiceImport")
        elif kind < 0.2:
            b.update(group="", kind="Service")
        if space != ns or self.some(0.1):
            b["namespace"] = space
        return b

    def backends(self, ns, grpc=False):
        r = self.r
        n = r.choice([1, 1, 1, 2, 2, 3])
        # Sums of 100, 3 and 7 mostly: one random value suits every route of a table.
        weights = {1: [None, None, None, 1, 5, 0], 2: [(50, 50), (1, 2), (0, 100), (3, 4), (None, 2), (10, 90), (None, 0), (0, 0)],
                   3: [(None, None, None), (10, 30, 60), (1, 2, 4), (0, 100, 0), (0, 1, 2)]}[n]
        chosen = r.choice(weights)
        out = []
        for w in (chosen if n > 1 else [chosen]):
            b = self.backend(ns)
            if w is not None:
                b["weight"] = w
            if self.some(0.12):
                side = r.choice(["Request", "Request", "Response"])
                b["filters"] = [{"type": side + "HeaderModifier", side.lower() + "HeaderModifier": self.modifier()}]
            out.append(b)
        return out

    def grpc_rule(self, ns):
        r, rule = self.r, {}
        if self.some(0.85):
            rule["matches"] = [self.grpc_match() for _ in range(r.choice([1, 1, 2]))]
        filters = []
        if self.some(0.2):
            filters.append({"type": "RequestHeaderModifier", "requestHeaderModifier": self.modifier()})
        if self.some(0.15):
            filters.append({"type": "ResponseHeaderModifier", "responseHeaderModifier": self.modifier()})
        if self.some(0.12):
            filters.append(self.mirror(ns))
        if filters:
            rule["filters"] = filters
        if self.some(0.95):
            rule["backendRefs"] = self.backends(ns)
        return rule

    def grpc_match(self):
        r, m = self.r, {}
        if self.some(0.8):
            pattern = self.some(0.25)
            method = {}
            if self.some(0.75):
                method["service"] = r.choice(["a\\..*", "[a-c].*", "r\\.x"] if pattern else SERVICES)
            if not method or self.some(0.6):
                method["method"] = r.choice(["G.*", "P[a-z]+", ".*"] if pattern else CALLS)
            if pattern:
                method["type"] = "RegularExpression"
            m["method"] = method
        if not m or self.some(0.25):
            m["headers"] = self.header_matches()
        return m

    # ---- requests ----

    def request(self):
        r = self.r
        if (self.targets or self.gateways) and self.some(0.15):
            return super().request()
        q = {"method": r.choice(METHODS)}
        if self.views and self.some(0.75 if self.calls else 0.95):
            ns, name, ports = r.choice(self.views)
            q["gateway"], q["port"] = "%s/%s" % (ns, name), r.choice(ports)
            q["authority"] = r.choice(CALLED)
            if self.named and self.some(0.5):
                q["authority"] = r.choice(self.named).replace("*", r.choice(["w", "v.w"]))
            if q["port"] == 443:
                q["scheme"] = "https"
        else:
            host, ns = r.choice(self.calls) if self.calls and self.some(0.9) else ("%s.%s.svc.cluster.local" % tuple(r.choice(self.services)[1::-1]), "default")
            q["authority"], q["port"] = host, 80
            if self.some(0.2):
                q["port"] = 9080
            if self.some(0.3):
                ns = r.choice(SPACES)
            if ns != "default":
                q["namespace"] = ns
        if self.some(0.12):
            q["authority"] += ":%d" % r.choice([q["port"], 80, 9999])
        if self.some(0.15):
            q["method"], q["path"] = "POST", "/%s/%s" % (r.choice(SERVICES), r.choice(CALLS))
        elif self.paths and self.some(0.5):
            q["path"] = r.choice(self.paths) + r.choice(["", "", "/", "/z", "z"])
            q["path"] = q["path"].replace("//", "/") + r.choice(QUERIES)
        else:
            q["path"] = r.choice(PATHS) + r.choice(QUERIES)
        headers = []
        for _ in range(r.choice([0, 0, 1, 1, 2])):
            headers.append([r.choice(HEADERS).lower(), r.choice(VALUES)])
        if q["method"] == "OPTIONS" or self.some(0.06):
            headers.append(["origin", r.choice(["https://a.com", "https://x.a.com", "http://c.org", "nonsense", "https://b.com:8443"])])
            if self.some(0.7):
                headers.append(["access-control-request-method", "GET"])
        if q["path"].count("/") == 2 and q["method"] == "POST" and self.some(0.5):
            headers.append(["content-type", "application/grpc"])
        if headers:
            q["headers"] = headers
        q["random"] = min(round(r.random(), 4), 0.9999)
        return q
