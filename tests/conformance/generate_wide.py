"""A wider world than generate.World: what a hand seldom combines.

ServiceEntries and WorkloadEntries of every resolution, Services of every kind and with pods that are not
ready, EndpointSlices, Nodes and localities, several delegates, mirrors, whole CORS policies, delays and
gRPC aborts, odd paths, queries and cookies, DestinationRules for all of it, TLS servers.
"""
from generate import NAMESPACES, NETWORKING, World

PATHS = ["/a/b/../c", "/a/%2e%2e/b", "/a/%2E/b", "/%7Ea", "/a%5cb", "/a\\b", "/a/b/..", "/a/b/.", "/../a", "/a/%2F/b", "/x/%31", "/a;p/b",
         "/a//../b", "//a", "/a/b//", "/%41", "/a%20b", "/a+b", "/a%25", "/x/1/", "/a/...", "/.a", "/a..b", "/%zz", "/a%", "/x/%e2%82%ac"]
QUERIES = ["?q=1&q=", "?Q=1", "?q==", "?q=1;r=2", "?q=%31", "?q=a+b", "?&q=1", "?q=1&&r=2", "?r=x&q", "?q=1?r=2", "?%71=1", "?q=a%20b&r="]
COOKIES = ["a=1", "session=x; a=1", "a=1;session=x", "session=\"x\"", "sessions=x", "a=1; b=2; session=y", "session=", "session"]
ENTRY_HOSTS = ["shop.example.com", "api.partner.io", "*.partner.io", "db.internal", "a.foo.com", "*.foo.com", "vm.default.svc.cluster.local"]
PLACES = ["eu/a/1", "eu/b/1", "us/a/1", "eu", "us/a", "mars"]


class WideWorld(World):
    def make_services(self):
        super().make_services()
        r = self.r
        for d in self.docs:
            if d["kind"] == "ServiceEntry":
                d["metadata"]["creationTimestamp"] = "2026-01-15T00:00:00Z"
        self.extra = []  # (host, namespace, ports) that destinations and requests may name
        if self.some(0.3):
            for i, zone in enumerate("ab"):
                self.docs.append({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node%d" % i, "labels": {
                    "topology.kubernetes.io/region": "eu", "topology.kubernetes.io/zone": zone}}})
            for d in self.docs:
                if d["kind"] == "Pod" and self.some(0.8):
                    d["spec"] = {"nodeName": "node%d" % r.randint(0, 1)}
        for d in self.docs:
            if d["kind"] == "Pod" and self.some(0.15):
                d["status"]["conditions"] = [{"type": "Ready", "status": r.choice(["False", "True"])}]
            if d["kind"] == "Service":
                self.vary_service(d)
        for i in range(r.choice([0, 1, 1, 2, 3])):
            self.service_entry("se%d" % i)
        if self.some(0.3):
            self.workload_entries()
        if self.some(0.2):
            self.sliced_service()
        if self.some(0.15):
            self.doc("v1", "Service", "alias", "default", {"type": "ExternalName", "ports": [{"name": "http", "port": 80}],
                                                          "externalName": r.choice(["reviews.default.svc.cluster.local", "shop.example.com",
                                                                                    "nowhere.example.net"])})
            self.extra.append(("alias.default.svc.cluster.local", "default", [80]))

    def vary_service(self, d):
        r = self.r
        if self.some(0.08):
            d["spec"]["clusterIP"] = "None"
        if self.some(0.1):
            d["spec"]["trafficDistribution"] = r.choice(["PreferClose", "PreferSameNode"])
        if self.some(0.06):
            d["metadata"]["annotations"] = {"networking.istio.io/exportTo": r.choice([".", "*", "prod", "default,edge"])}
        if self.some(0.08):
            d["spec"]["publishNotReadyAddresses"] = True
        if self.some(0.1):
            d["spec"]["ports"][0]["name"] = r.choice(["tcp", "tls-x", "https", "http2", "grpc-web", "web", "mongo"])
        if self.some(0.1):
            d["spec"]["ports"][0]["appProtocol"] = r.choice(["http", "kubernetes.io/h2c", "grpc", "tcp", "kubernetes.io/ws"])

    def service_entry(self, name):
        r = self.r
        hosts = r.sample(ENTRY_HOSTS, r.choice([1, 1, 2]))
        ns = r.choice(["default", "default", "prod"])
        resolution = r.choice(["NONE", "STATIC", "STATIC", "DNS", "DNS_ROUND_ROBIN"])
        if any(h.startswith("*") for h in hosts) and resolution.startswith("DNS"):
            resolution = "NONE"
        ports = [{"number": 80, "name": "http", "protocol": r.choice(["HTTP", "HTTP", "HTTP2", "GRPC"])}]
        if self.some(0.3):
            ports.append({"number": 9080, "name": "alt", "protocol": "HTTP", "targetPort": 8081})
        if self.some(0.1):
            ports.append({"number": 5000, "name": "raw", "protocol": r.choice(["TCP", "HTTPS", "TLS"])})
        spec = {"hosts": hosts, "ports": ports, "resolution": resolution,
                "location": r.choice(["MESH_EXTERNAL", "MESH_INTERNAL"])}
        if self.some(0.3):
            spec["addresses"] = [r.choice(["240.1.0.%d" % r.randint(1, 9), "240.2.0.0/16"])]
        if resolution == "STATIC" and self.some(0.3):
            spec["workloadSelector"] = {"labels": {"app": r.choice(["vm", "reviews", "ratings"])}}
        elif resolution == "STATIC" or (resolution.startswith("DNS") and self.some(0.5)):
            n = 1 if resolution == "DNS_ROUND_ROBIN" else r.randint(1, 3)
            spec["endpoints"] = [self.workload("10.9.%d.%d" % (len(self.docs) % 250, i + 1)
                                               if resolution == "STATIC" else "ep%d.example.org" % i) for i in range(n)]
        if self.some(0.15):
            spec["exportTo"] = r.choice([["."], ["*"], ["prod"], ["default", "edge"]])
        # Ages of their own: of two entries for one host and equal age, Istio takes either.
        self.doc(NETWORKING, "ServiceEntry", name, ns, spec, meta={"creationTimestamp": "2026-02-%02dT00:00:00Z" % (len(self.docs) % 28 + 1)})
        for h in hosts:
            self.hosts.append(h.replace("*", "w"))
            self.extra.append((h if not h.startswith("*") else h.replace("*", "w"), ns, [p["number"] for p in ports]))
        if self.some(0.5):
            names = r.sample(["v1", "v2"], r.randint(1, 2))
            rule = {"host": r.choice(hosts), "subsets": [{"name": n, "labels": {"version": n}} for n in names]}
            if self.some(0.6):
                rule["trafficPolicy"] = self.policy()
            self.doc(NETWORKING, "DestinationRule", name + "-rule", r.choice([ns, "default"]), rule, meta=self.age())

    def workload(self, address):
        r = self.r
        w = {"address": address, "labels": {"app": r.choice(["vm", "reviews"]), "version": r.choice(["v1", "v2"])}}
        if self.some(0.3):
            w["ports"] = {"http": 8090}
        if self.some(0.3):
            w["weight"] = r.choice([1, 5, 100])
        if self.some(0.4):
            w["locality"] = r.choice(PLACES)
        if self.some(0.1):
            w["network"] = "n1"
        return w

    def workload_entries(self):
        for i in range(self.r.randint(1, 3)):
            spec = self.workload("10.8.0.%d" % (i + 1))
            self.doc(NETWORKING, "WorkloadEntry", "we%d" % i, self.r.choice(["default", "default", "prod"]), spec,
                     meta={"labels": {"app": spec["labels"]["app"], "zone": "z"}} if self.some(0.3) else {})

    def sliced_service(self):
        r = self.r
        self.doc("v1", "Service", "sliced", "default", {"clusterIP": "10.96.7.7", "ports": [{"name": "http", "port": 80}]})
        for s in range(r.randint(1, 2)):
            endpoints = [{"addresses": ["10.7.%d.%d" % (s, i + 1)], "conditions": r.choice([
                {}, {"ready": True}, {"ready": False}, {"ready": False, "serving": True, "terminating": True},
                {"ready": False, "terminating": False}])} for i in range(r.randint(1, 3))]
            self.docs.append({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
                              "metadata": {"name": "sliced-%d" % s, "namespace": "default",
                                           "labels": {"kubernetes.io/service-name": "sliced"}},
                              "ports": [{"name": "http", "port": 8080 + s}], "endpoints": endpoints})
        self.extra.append(("sliced.default.svc.cluster.local", "default", [80]))

    def policy(self):
        r, p = self.r, super().policy()
        if self.some(0.3):
            p["loadBalancer"]["localityLbSetting"] = r.choice([
                {"enabled": False}, {"distribute": [{"from": "eu/*", "to": {"eu/*": 80, "us/*": 20}}]},
                {"distribute": [{"from": "eu/a/*", "to": {"eu/a/*": 100}}, {"from": "us", "to": {"eu/b": 50, "us": 50}}]},
                {"failover": [{"from": "eu", "to": "us"}]}, {"failoverPriority": ["version", "app"]}])
        if self.some(0.3):
            p["outlierDetection"] = r.choice([{"consecutive5xxErrors": 3}, {"minHealthPercent": 40}])
        if self.some(0.1):
            p["connectionPool"] = {"http": {"maxRetries": 5}, "tcp": {"maxConnections": 7}}
        return p

    def make_gateways(self):
        super().make_gateways()
        for d in self.docs:
            if d["kind"] == "Gateway" and self.some(0.12):
                d["spec"]["servers"].append({"port": {"number": 443, "name": "https", "protocol": "HTTPS"}, "hosts": ["*"],
                                             "tls": {"mode": "SIMPLE", "credentialName": "cert"}})

    def match(self, delegate=False):
        r, m = self.r, super().match(delegate)
        if self.some(0.08):
            m.setdefault("headers", {})["cookie"] = r.choice([{"regex": "(.*; )?session=x(;.*)?"}, {"exact": "a=1"}, {"prefix": "session"}, {}])
        if self.some(0.05):
            m.setdefault(r.choice(["headers", "withoutHeaders"]), {})[r.choice(["content-type", ":path", ":method", "host", "Accept", "te", "user-agent"])] = r.choice(
                [{"prefix": "/a"}, {"regex": ".*a.*"}, {}, {"exact": "application/grpc"}])
        if self.some(0.06):
            m["uri"] = self.string(["/a b", "/a%20b", "/a+b", "/%7Ea", "/~a", "/a/c", "/A"], ["/%", "/.", "//", "/a/b"],
                                   ["/[^/]*", "/a(/.*)?", "/.{1,3}", "/\\d*", "/(?i)a.*", "/[[:alpha:]]+", "/a%20.*"])
        return m

    def destination(self, ns):
        if self.extra and self.some(0.25):
            host, _, ports = self.r.choice(self.extra)
            d = {"host": host}
            if self.some(0.4):
                d["subset"] = self.r.choice(["v1", "v2"])
            if self.some(0.5):
                d["port"] = {"number": self.r.choice(ports)}
            return d
        return super().destination(ns)

    def rule(self, ns, delegate=False):
        r, rule = self.r, super().rule(ns, delegate)
        if "route" not in rule:
            return rule
        if self.some(0.1) and "mirror" not in rule:
            rule["mirrors"] = [{"destination": self.destination(ns)} for _ in range(r.randint(1, 2))]
            for m in rule["mirrors"]:
                if self.some(0.5):
                    m["percentage"] = {"value": r.choice([0, 33.3333, 50, 100])}
        if self.some(0.12):
            rule["rewrite"] = {"uriRegexRewrite": r.choice([
                {"match": "/(.*)/(.*)", "rewrite": "/\\2/\\1"}, {"match": "a", "rewrite": "\\0\\0"}, {"match": "^/", "rewrite": "/p/"},
                {"match": "(?i)/A", "rewrite": "/low"}, {"match": "/x/(\\d)(\\d)?", "rewrite": "/n/\\1-\\2"}, {"match": "$", "rewrite": "/end"},
                {"match": "[aeiou]", "rewrite": ""}, {"match": ".*", "rewrite": "x"}, {"match": "/a/?", "rewrite": "\\\\"}])}
            if self.some(0.3):
                rule["rewrite"]["authority"] = "re.example.com:8080"
        if self.some(0.15):
            rule["corsPolicy"] = {"allowOrigins": r.sample([{"exact": "https://a.com"}, {"exact": "*"}, {"prefix": "https://z"},
                                                           {"regex": ".*\\.org"}, {"regex": "*"}][:4], r.randint(1, 2))}
            for k, values in (("allowMethods", [["GET"], ["*"], ["PUT", "DELETE"]]), ("allowHeaders", [["x-a", "X-B"], ["*"]]),
                              ("exposeHeaders", [["x-e"], ["x-e", "x-f"]]), ("maxAge", ["0s", "24h"]), ("allowCredentials", [True, False]),
                              ("unmatchedPreflights", ["IGNORE", "FORWARD"])):
                if self.some(0.4):
                    rule["corsPolicy"][k] = r.choice(values)
        if self.some(0.06):
            rule["fault"] = r.choice([
                {"delay": {"fixedDelay": "0.001s", "percentage": {"value": 100}}},
                {"delay": {"fixedDelay": "1s", "percentage": {"value": 0}}}, {"delay": {"fixedDelay": "2s"}},
                {"abort": {"grpcStatus": "UNAVAILABLE", "percentage": {"value": 100}}},
                {"abort": {"httpStatus": 599, "percentage": {"value": 100}}, "delay": {"fixedDelay": "0.002s", "percentage": {"value": 100}}}])
        if self.some(0.06):
            rule["retries"] = r.choice([{"attempts": 3, "retryOn": "gateway-error,connect-failure"}, {"attempts": 0}, {"attempts": 2, "retryOn": "503,504"},
                                        {"attempts": 2, "retryOn": "reset-before-request, 429"[:20]}])
        return rule

    def virtual_service(self, name):
        super().virtual_service(name)
        r = self.r
        if self.some(0.15):  # a root whose rules live elsewhere, twice over
            spec = next(d["spec"] for d in reversed(self.docs) if d["kind"] == "VirtualService" and d["metadata"]["name"] == name)
            for i in range(r.randint(1, 2)):
                ns = r.choice(["default", "prod", "edge"])
                leaf = "%s-team%d" % (name, i)
                entry = {"delegate": {"name": leaf, "namespace": ns}}
                if self.some(0.7):
                    entry["match"] = [{"uri": {"prefix": r.choice(["/a", "/x", "/"])}}]
                    if self.some(0.3):
                        entry["match"][0]["headers"] = {"x-a": r.choice([{"exact": "1"}, {"prefix": "o"}, {}])}
                for k, v in (("timeout", "3s"), ("rewrite", {"uri": "/root"}), ("retries", {"attempts": 1}),
                             ("corsPolicy", {"allowOrigins": [{"exact": "https://a.com"}]})):
                    if self.some(0.15):
                        entry[k] = v
                spec["http"].insert(r.randrange(len(spec["http"]) + 1), entry)
                if self.some(0.9):
                    body = {"http": [self.rule(ns, True) for _ in range(r.randint(1, 3))]}
                    if self.some(0.15):
                        body["exportTo"] = r.choice([["."], ["*"], ["default"]])
                    self.doc(NETWORKING, "VirtualService", leaf, ns, body, meta=self.age())

    def request(self):
        r, q = self.r, super().request()
        if self.extra and "gateway" not in q and self.some(0.2):
            host, ns, ports = r.choice(self.extra)
            q["authority"], q["port"] = host, r.choice(ports)
            if ns != "default" and self.some(0.5):
                q["namespace"] = ns
        if "gateway" in q and q["port"] == 443:
            q["scheme"] = "https"
        if self.some(0.3):
            q["path"] = r.choice(PATHS) + r.choice(QUERIES + [""] * 6)
        elif self.some(0.2):
            q["path"] = q["path"].split("?")[0].split("#")[0] + r.choice(QUERIES)
        headers = q.setdefault("headers", [])
        if self.some(0.12):
            headers.append(["cookie", r.choice(COOKIES)])
        if self.some(0.05):
            headers.append(["content-type", r.choice(["application/grpc", "application/grpc+proto", "application/json"])])
        if self.some(0.04):
            headers.append(["grpc-timeout", r.choice(["1S", "100m", "5H", "x"])])
        if self.some(0.04):
            headers.append([r.choice(["te", "user-agent", "x-forwarded-for", "x-envoy-retry-on", "keep-alive"]), r.choice(["trailers", "a", "5xx"])])
        if any(h[0] == "origin" for h in headers) and self.some(0.3):
            headers.append(["access-control-request-headers", r.choice(["x-a", "x-a,x-b"])])
        if not headers:
            del q["headers"]
        if self.some(0.12):
            q["locality"] = r.choice(PLACES)
        if self.some(0.03):
            q["namespace"] = r.choice(NAMESPACES)
        q["random"] = min(q["random"], 0.9999)
        return q


