"""A world beyond generate_wide.WideWorld: what proxies set and see, and what a repository leaves out.

Rules on headers that a proxy sets or removes, formatter commands in header values, Sidecars, and configurations
whose workloads are Deployments instead of Pods: Istio gets the Pods that they would make, headerroute the Deployments.
"""
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
FORMATS = ["%REQ(x-user)%", "%REQ(X-NONE?x-a)%", "%REQ(:METHOD)%", "%REQ(:PATH)%", "%REQ(:AUTHORITY)%", "a-%PROTOCOL%-b", "%RESPONSE_CODE%",
           "%RESPONSE_FLAGS%", "%PATH(NQ)%", "%PATH(WQ:ORIG)%", "%QUERY_PARAM(q)%", "%BYTES_RECEIVED%", "100%%", "%UPSTREAM_HOST%",
           "%REQ(x-none)%", "%REQUESTED_SERVER_NAME%", "%DOWNSTREAM_TLS_VERSION%", "%RESPONSE_CODE_DETAILS%", "%REQ(x-b)%/%REQ(x-a)%"]


class DeepWorld(WideWorld):
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
        return m

    def operations(self):
        out = super().operations()
        if self.some(0.5):
            level = out.setdefault("request" if self.some(0.8) else "response", {})
            for _ in range(self.r.choice([1, 1, 2])):
                level.setdefault(self.r.choice(["set", "set", "add"]), {})[self.r.choice(["x-format", "x-format-b"])] = self.r.choice(FORMATS)
        return out

    def request(self):
        q = super().request()
        if self.some(0.25):
            for name in self.r.sample(sorted(EDGE), self.r.choice([1, 1, 2])):
                q.setdefault("headers", []).append([name, self.r.choice(EDGE[name][1])])
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
