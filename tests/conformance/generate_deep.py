"""A world beyond generate_wide.WideWorld: what proxies set and see, and what a repository leaves out.

Rules on headers that a proxy sets or removes, formatter commands in header values, Sidecars, and configurations
whose workloads are Deployments instead of Pods: Istio gets the Pods that they would make, headerroute the Deployments.
Where the machine has the addresses of PEERS, clients connect from them, gateways trust proxies in front, and
x-forwarded-for, x-forwarded-proto and x-envoy-external-address are compared as well.
"""
import runner
from generate import NAMESPACES, NETWORKING, text
from generate_wide import WideWorld

HEX = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"
EDGE = {  # header -> conditions on it, values that clients send
    "x-forwarded-proto": ([{"exact": "http"}, {"exact": "https"}, {"regex": "https?"}, {}], ["http", "https", "HTTPS"]),
    "x-request-id": ([{}, {"regex": HEX}, {"exact": "mine"}], ["mine", "00000000-0000-4000-8000-000000000001"]),
    "x-forwarded-client-cert": ([{}, {"prefix": "By="}], ["By=spiffe://a/ns/b", ""]),
    "x-envoy-internal": ([{}, {"exact": "true"}], ["true", "false"]),
    "x-envoy-decorator-operation": ([{}, {"exact": "op"}], ["op"]),
    "x-envoy-original-path": ([{}, {"prefix": "/"}], ["/old"]),
    "x-envoy-max-retries": ([{}], ["3"]),
    "te": ([{}, {"exact": "trailers"}], ["trailers", "gzip", "gzip, trailers", ""]),
}
PEERS = ["10.200.0.7", "198.51.100.7", "203.0.113.9"]
CLIENTS = ["192.0.2.1", "10.1.1.1", "192.0.2.1, 198.51.100.2", "192.0.2.1,10.0.0.2 , 203.0.113.5", "2001:db8::1", "unknown", "192.0.2.1:80",
           "", "192.0.2.1,", "a, 192.0.2.9", "10.200.0.7"]
AT_PEER = {
    "x-forwarded-for": ([{}, {"prefix": "192.0.2."}, {"regex": ".*,.*"}, {"exact": "198.51.100.7"}, {"regex": "([^,]+,){2}.*"}], CLIENTS),
    "x-envoy-external-address": ([{}, {"exact": "198.51.100.7"}, {"exact": "192.0.2.1"}, {"prefix": "10."}], ["192.0.2.77", "x"]),
}
AT_PEER_FORMATS = ["%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%",
                   "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(16)%", "%REQ(x-forwarded-for)%", "%REQ(x-envoy-external-address)%",
                   "%REQ(x-forwarded-proto)%"]
FORMATS = ["%REQ(x-user)%", "%REQ(X-NONE?x-a)%", "%REQ(:METHOD)%", "%REQ(:PATH)%", "%REQ(:AUTHORITY)%", "a-%PROTOCOL%-b", "%RESPONSE_CODE%",
           "%RESPONSE_FLAGS%", "%PATH(NQ)%", "%PATH(WQ:ORIG)%", "%QUERY_PARAM(q)%", "%BYTES_RECEIVED%", "100%%", "%UPSTREAM_HOST%",
           "%REQ(x-none)%", "%REQUESTED_SERVER_NAME%", "%DOWNSTREAM_TLS_VERSION%", "%RESPONSE_CODE_DETAILS%", "%REQ(x-b)%/%REQ(x-a)%"]


class DeepWorld(WideWorld):
    peers = runner.can_bind(PEERS)

    def make_gateways(self):
        super().make_gateways()
        # A TLS server's table runs without TLS, as behind a proxy, and its peer is not the client's.
        self.with_peers = self.peers and not any(d["kind"] == "Gateway" and any(s["port"]["number"] == 443 for s in d["spec"]["servers"])
                                                 for d in self.docs)
        self.trusted = self.r.choice([0, 0, 1, 1, 2])

    def make_services(self):
        super().make_services()
        r = self.r
        taken = set()
        for i in range(r.choice([0, 0, 1, 1, 2])):
            ns = r.choice(NAMESPACES[:2] + ["istio-system"])
            labels = r.choice([None, None, {"app": "a"}, {"app": "b"}]) if ns != "istio-system" else None
            if (ns, str(labels)) in taken:
                continue  # Istio takes the oldest; ages are the wide world's to vary
            taken.add((ns, str(labels)))
            self.sidecar("sidecar%d" % i, ns, labels)

    def sidecar(self, name, ns, labels):
        r = self.r
        local = [s[1] for s in self.services if s[0] == ns] or ["reviews"]
        hosts = [["./*"], ["*/*"], ["./*", "istio-system/*"], ["prod/*"], ["default/*"], ["~/*"], ["*/*.foo.com", "./*"],
                 ["*/*.default.svc.cluster.local"], ["./%s.%s.svc.cluster.local" % (r.choice(local), ns)],
                 ["default/%s.default.svc.cluster.local" % r.choice(["reviews", "ratings"]), "*/shop.example.com"]]
        egress = [{"hosts": r.choice(hosts)}]
        if self.some(0.25):
            egress.insert(0, {"port": {"number": r.choice([80, 9080]), "protocol": "HTTP", "name": "http-egress"}, "hosts": r.choice(hosts)})
        spec = {"egress": egress}
        if labels:
            spec["workloadSelector"] = {"labels": labels}
        if self.some(0.25):
            spec["outboundTrafficPolicy"] = {"mode": r.choice(["REGISTRY_ONLY", "ALLOW_ANY"])}
        self.doc(NETWORKING, "Sidecar", name, ns, spec)

    def match(self, delegate=False):
        m = super().match(delegate)
        if self.some(0.15):
            name = self.r.choice(sorted(EDGE))
            m.setdefault("headers" if self.some(0.7) else "withoutHeaders", {})[name] = self.r.choice(EDGE[name][0])
        if self.with_peers and self.some(0.15):
            name = self.r.choice(sorted(AT_PEER))
            m.setdefault("headers" if self.some(0.7) else "withoutHeaders", {})[name] = self.r.choice(AT_PEER[name][0])
        return m

    def operations(self):
        out = super().operations()
        if self.some(0.5):
            level = out.setdefault("request" if self.some(0.8) else "response", {})
            for _ in range(self.r.choice([1, 1, 2])):
                level.setdefault(self.r.choice(["set", "set", "add"]), {})[self.r.choice(["x-format", "x-format-b"])] = self.r.choice(
                    FORMATS + (AT_PEER_FORMATS if self.with_peers else []))
        return out

    def request(self):
        q = super().request()
        if self.some(0.25):
            for name in self.r.sample(sorted(EDGE), self.r.choice([1, 1, 2])):
                q.setdefault("headers", []).append([name, self.r.choice(EDGE[name][1])])
        if self.with_peers:
            q["peer_address"] = self.r.choice(PEERS)
            if "gateway" in q and self.trusted:
                q["trusted_proxies"] = self.trusted
            if self.some(0.4):
                for name in self.r.choice([["x-forwarded-for"], ["x-forwarded-for"], ["x-forwarded-for", "x-forwarded-for"], sorted(AT_PEER)]):
                    q.setdefault("headers", []).append([name, self.r.choice(AT_PEER[name][1])])
        return q

    def without_pods(self):
        """The YAML with Deployments instead of Pods for a third of the configurations, or None: where a pod is not ready or an
        EndpointSlice is loaded, the endpoints are known."""
        if hash_of(self) % 3 or any(d["kind"] == "EndpointSlice" or (d["kind"] == "Pod" and "conditions" in d["status"]) for d in self.docs):
            return None
        return text([d if d["kind"] != "Pod" else deployment(d) for d in self.docs])


def hash_of(world):
    return sum(len(d["metadata"]["name"]) for d in world.docs) + len(world.docs)


def deployment(pod):
    template = {"metadata": {"labels": pod["metadata"]["labels"]}, "spec": {"containers": [{"name": "c", "image": "x"}]}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {k: pod["metadata"][k] for k in ("name", "namespace")},
            "spec": {"selector": {"matchLabels": pod["metadata"]["labels"]}, "template": template}}
