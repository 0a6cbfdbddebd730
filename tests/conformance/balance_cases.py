"""What the balancers are judged on: resources, a caller, and the keys that its requests carry."""

ADDRESS = "127.78.%d.%d"


class Case:
    """`keys`: (kind, name, n); kinds: header, cookie, cookies (made by Envoy), query, source, none. `down`: numbers
    of endpoints (in the order of the load assignment) that Envoy knows to be unhealthy, as ejected ones are."""

    def __init__(self, name, yaml, keys=None, locality="", labels=None, authority="models.example.com", down=()):
        self.down = down
        self.name, self.yaml, self.keys = name, yaml, keys
        self.locality, self.labels, self.authority = locality, labels or {}, authority


def entry(endpoints, host="models.example.com"):
    """A ServiceEntry; an endpoint is (address, port, weight, locality, labels), from the left as needed."""
    out = ["apiVersion: networking.istio.io/v1", "kind: ServiceEntry",
           "metadata: {name: %s, namespace: default}" % host.replace(".", "-"), "spec:", "  hosts: [%s]" % host,
           "  location: MESH_INTERNAL", "  resolution: STATIC",
           "  ports: [{number: 80, name: http, protocol: HTTP}]", "  endpoints:"]
    for e in endpoints:
        address, port, weight, locality, labels = (tuple(e) + (None,) * 5)[:5]
        out.append('  - address: "%s"' % address)
        if port:
            out.append("    ports: {http: %d}" % port)
        if weight:
            out.append("    weight: %d" % weight)
        if locality:
            out.append("    locality: " + locality)
        if labels:
            out.append("    labels: {%s}" % ", ".join('%s: "%s"' % i for i in labels.items()))
    return "\n".join(out) + "\n"


def rule(balancer, host="models.example.com", more=""):
    return ("---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: %s, namespace: default}\n"
            "spec:\n  host: %s\n  trafficPolicy:\n    loadBalancer: %s\n%s" % (host.replace(".", "-"), host, balancer, more))


def plain(n, weights=None, net=0):
    return [(ADDRESS % (net, i + 1), 8080, weights[i] if weights else None) for i in range(n)]


HEADER = "httpHeaderName: x-user"
BY_USER = ("header", "x-user", 1200)
OUTLIER = "    outlierDetection: {consecutive5xxErrors: 3}\n"
SPREAD = [(ADDRESS % (9, 1), 8080, 1, "eu/a/1"), (ADDRESS % (9, 2), 8080, 3, "eu/a/1"), (ADDRESS % (9, 3), 8080, 1, "eu/b/1"),
          (ADDRESS % (9, 4), 8080, 1, "us/a/1"), (ADDRESS % (9, 5), 8080, 2, "us/b/1"), (ADDRESS % (9, 6), 8080, 1, "asia/a")]
RACKS = [(ADDRESS % (9, 11), 8080, 1, "eu/a/1", {"rack": "r1", "row": "w1"}), (ADDRESS % (9, 12), 8080, 1, "eu/a/1", {"rack": "r2", "row": "w1"}),
         (ADDRESS % (9, 13), 8080, 2, "eu/b/1", {"rack": "r1", "row": "w2"}), (ADDRESS % (9, 14), 8080, 1, "us/a/1", {"rack": "r2", "row": "w2"})]
SHARES = ('{%slocalityLbSetting: {distribute: [{from: eu/*, to: {"eu/a/*": 60, "eu/b/*": 10, "us/*": 30}}, '
          '{from: us, to: {us: 100}}]}}')


def pods(ready):
    """A Service over pods of three nodes in two zones; `ready` says which pods are."""
    out = ["apiVersion: v1\nkind: Service\nmetadata: {name: shop, namespace: default}\n"
           "spec: {clusterIP: 10.96.0.1, selector: {app: shop}, ports: [{name: http, port: 80, targetPort: 8080}]}\n"]
    for i, zone in enumerate("aab"):
        out.append("apiVersion: v1\nkind: Node\nmetadata: {name: node%d, labels: {topology.kubernetes.io/region: eu, "
                   "topology.kubernetes.io/zone: %s}}\n" % (i, zone))
    for i, is_ready in enumerate(ready):
        out.append("apiVersion: v1\nkind: Pod\nmetadata: {name: shop-%d, namespace: default, labels: {app: shop}}\n"
                   "spec: {nodeName: node%d}\nstatus: {podIP: %s, conditions: [{type: Ready, status: \"%s\"}]}\n"
                   % (i, i % 3, ADDRESS % (10, i + 1), is_ready))
    return "---\n".join(out)


def policy(kind):
    return "{consistentHash: {%s}}" % kind


CASES = [
    Case("ring-three", entry(plain(3)) + rule(policy(HEADER)), BY_USER),
    Case("ring-ten", entry(plain(10)) + rule(policy(HEADER)), BY_USER),
    Case("ring-weights", entry(plain(3, [1, 2, 5])) + rule(policy(HEADER)), BY_USER),
    Case("ring-steep-weights", entry(plain(4, [100, 1, 7, 33])) + rule(policy(HEADER)), BY_USER),
    Case("ring-of-one", entry(plain(5)) + rule(policy(HEADER + ", ringHash: {minimumRingSize: 1}")), BY_USER),
    Case("ring-of-37", entry(plain(7, [1, 1, 2, 3, 5, 8, 13])) + rule(policy(HEADER + ", ringHash: {minimumRingSize: 37}")), BY_USER),
    Case("ring-of-5000", entry(plain(6, [3, 3, 3, 1, 1, 1])) + rule(policy(HEADER + ", ringHash: {minimumRingSize: 5000}")), BY_USER),
    Case("ring-deprecated-size", entry(plain(4)) + rule(policy(HEADER + ", minimumRingSize: 128")), BY_USER),
    Case("ring-ports", entry([("127.78.0.1", 8080 + i) for i in range(4)] + [("::1", 8090), ("::1", 8091)]) + rule(policy(HEADER)), BY_USER),
    Case("maglev-101", entry(plain(5)) + rule(policy(HEADER + ", maglev: {tableSize: 101}")), BY_USER),
    Case("maglev-default", entry(plain(7)) + rule(policy(HEADER + ", maglev: {tableSize: 65537}")), BY_USER),
    Case("maglev-weights", entry(plain(5, [1, 2, 3, 4, 10])) + rule(policy(HEADER + ", maglev: {tableSize: 1009}")), BY_USER),
    Case("maglev-ports", entry([("127.78.0.1", 8080 + i, i + 1) for i in range(4)] + [("::1", 8090), ("::1", 8091)])
         + rule(policy(HEADER + ", maglev: {tableSize: 503}")), BY_USER),
    Case("cookie", entry(plain(4)) + rule(policy('httpCookie: {name: session, ttl: 0s}')), ("cookie", "session", 1100)),
    Case("cookie-ttl", entry(plain(4)) + rule(policy('httpCookie: {name: session, path: /, ttl: 60s}')), ("cookie", "session", 1100)),
    Case("cookie-made", entry(plain(4)) + rule(policy('httpCookie: {name: session, path: /, ttl: 60s}')), ("cookies", "session", 1000)),
    Case("query", entry(plain(4)) + rule(policy("httpQueryParameterName: user")), ("query", "user", 1100)),
    Case("query-maglev", entry(plain(4)) + rule(policy("httpQueryParameterName: user, maglev: {tableSize: 997}")), ("query", "user", 1100)),
    Case("source-ip", entry(plain(5)) + rule(policy("useSourceIp: true")), ("source", "", 1000)),
    Case("two-policies", entry(plain(4)) + "---\n" + entry(plain(3, net=1), "other.example.com")
         + rule(policy(HEADER)) + rule(policy("httpQueryParameterName: user"), "other.example.com")
         + "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: split, namespace: default}\n"
           "spec: {hosts: [models.example.com], http: [{route: [{destination: {host: models.example.com}, weight: 50}, "
           "{destination: {host: other.example.com}, weight: 50}]}]}\n", ("header+query", "x-user", 1100)),
    Case("distribute-ring", entry(SPREAD) + rule(SHARES % (policy(HEADER)[1:-1] + ", ")), BY_USER, "eu/a/1"),
    Case("distribute-maglev", entry(SPREAD) + rule(SHARES % (policy(HEADER + ", maglev: {tableSize: 997}")[1:-1] + ", ")), BY_USER, "eu/b/1"),
    Case("failover-ring", entry(SPREAD) + rule("{consistentHash: {%s}, localityLbSetting: {failover: [{from: eu, to: us}]}}" % HEADER,
                                               more=OUTLIER), BY_USER, "eu/a/1"),
    Case("unready-ring", pods(["True", "False", "True", "False", "True"])
         + rule("{consistentHash: {%s}}" % HEADER, "shop", OUTLIER), BY_USER, "eu/a", authority="shop"),
    Case("unready-maglev", pods(["False", "False", "True", "True", "True"])
         + rule("{consistentHash: {%s, maglev: {tableSize: 211}}}" % HEADER, "shop", OUTLIER), BY_USER, "eu/a", authority="shop"),
]

# Endpoints that are out while Istio lists them: rings and tables without them, or with all in a panic.
MAGLEV = HEADER + ", maglev: {tableSize: %d}"
CASES += [
    Case("down-ring", entry(plain(3)) + rule(policy(HEADER)), BY_USER, down=[1]),
    Case("down-ring-of-two", entry(plain(2)) + rule(policy(HEADER)), BY_USER, down=[0]),
    Case("down-ring-half", entry(plain(8)) + rule(policy(HEADER)), BY_USER, down=[0, 3, 4, 7]),
    Case("down-ring-weights", entry(plain(5, [1, 2, 5, 7, 3])) + rule(policy(HEADER)), BY_USER, down=[0, 3]),
    Case("down-ring-small", entry(plain(6, [1, 1, 2, 3, 5, 8])) + rule(policy(HEADER + ", ringHash: {minimumRingSize: 19}")), BY_USER, down=[1, 5]),
    Case("down-maglev", entry(plain(5)) + rule(policy(MAGLEV % 1009)), BY_USER, down=[2]),
    Case("down-maglev-default", entry(plain(7)) + rule(policy(MAGLEV % 65537)), BY_USER, down=[0, 6]),
    Case("down-maglev-weights", entry(plain(5, [1, 2, 3, 4, 10])) + rule(policy(MAGLEV % 503)), BY_USER, down=[4, 1]),
    Case("down-failover-ring", entry(SPREAD) + rule("{consistentHash: {%s}, localityLbSetting: {failover: [{from: eu, to: us}]}}" % HEADER,
                                                    more=OUTLIER), BY_USER, "eu/a/1", down=[0]),
    Case("down-failover-maglev", entry(SPREAD) + rule("{consistentHash: {%s}, localityLbSetting: {failover: [{from: eu, to: us}]}}" % (MAGLEV % 211),
                                                      more=OUTLIER), BY_USER, "eu/a/1", down=[0, 1]),
    Case("down-distribute-ring", entry(SPREAD) + rule(SHARES % (policy(HEADER)[1:-1] + ", ")), BY_USER, "eu/a/1", down=[0]),
    Case("down-distribute-maglev", entry(SPREAD) + rule(SHARES % (policy(MAGLEV % 997)[1:-1] + ", ")), BY_USER, "eu/a/1", down=[2]),
    Case("down-distribute-ring-locality", entry(SPREAD) + rule(SHARES % (policy(HEADER)[1:-1] + ", ")), BY_USER, "eu/a/1", down=[2]),
    Case("down-panic-ring", entry(plain(4)) + rule(policy(HEADER), more=OUTLIER.replace("3}", "3, minHealthPercent: 60}")), BY_USER, down=[0, 2]),
    Case("down-no-panic-ring", entry(plain(4)) + rule(policy(HEADER), more=OUTLIER.replace("3}", "3, minHealthPercent: 50}")), BY_USER, down=[0, 2]),
    Case("down-much-panic-maglev", entry(plain(4)) + rule(policy(MAGLEV % 101), more=OUTLIER.replace("3}", "3, minHealthPercent: 90}")), BY_USER, down=[3, 1]),
    Case("down-panic-maglev", entry(plain(4)) + rule(policy(MAGLEV % 101), more=OUTLIER.replace("3}", "3, minHealthPercent: 90}")), BY_USER, down=[3]),
]

# Priorities and weights only: what a proxy receives, wherever it runs.
PLACES = ["", "eu/a/1", "eu/a/2", "eu/b/1", "eu", "us/b/1", "asia/a", "mars"]
SETTINGS = [
    ("nothing", "{simple: ROUND_ROBIN}", ""),
    ("outlier", "{simple: ROUND_ROBIN}", OUTLIER),
    ("off", "{localityLbSetting: {enabled: false}}", OUTLIER),
    ("on", "{localityLbSetting: {enabled: true}}", OUTLIER),
    ("failover", "{localityLbSetting: {failover: [{from: eu, to: us}, {from: us, to: asia}]}}", OUTLIER),
    ("failover-alone", "{localityLbSetting: {failover: [{from: eu, to: us}]}}", ""),
    ("distribute", SHARES % "", ""),
    ("distribute-any", '{localityLbSetting: {distribute: [{from: "*", to: {"*": 100}}]}}', OUTLIER),
    ("distribute-narrow", '{localityLbSetting: {distribute: [{from: eu/a/1, to: {eu/a/1: 99, us/b/1: 1}}]}}', ""),
]
PRIORITIES = [
    ("rack", "[rack]"), ("row-rack", "[row, rack]"), ("stated", '["rack=r2", row]'),
    ("network", "[topology.istio.io/network, topology.kubernetes.io/region, topology.kubernetes.io/zone]"),
    ("hostname", "[kubernetes.io/hostname, topology.kubernetes.io/zone]"),
]
for title, balancer, more in SETTINGS:
    for place in PLACES:
        CASES.append(Case("place-%s-%s" % (title, place.replace("/", "-") or "unknown"),
                          entry(SPREAD) + rule(balancer, more=more), None, place))
for title, labels in PRIORITIES:
    for extra in ("", ", failover: [{from: eu, to: us}]"):
        if extra and "topology.kubernetes" in labels:
            continue
        for place, own in (("eu/a/1", {"rack": "r1", "row": "w1"}), ("us/a", {"rack": "r2"}), ("", {})):
            CASES.append(Case("labels-%s%s-%s" % (title, "-failover" if extra else "", place.replace("/", "-") or "unknown"),
                              entry(RACKS) + rule("{localityLbSetting: {failoverPriority: %s%s}}" % (labels, extra), more=OUTLIER),
                              None, place, own))
for wish in ("PreferClose", "PreferSameZone", "PreferSameNode"):
    for place in ("", "eu/a", "eu/b", "us/a"):
        CASES.append(Case("traffic-%s-%s" % (wish.lower(), place.replace("/", "-") or "unknown"),
                          pods(["True", "False", "True", "True", "True"]).replace("spec: {clusterIP", "spec: {trafficDistribution: %s, clusterIP" % wish, 1),
                          None, place, {"kubernetes.io/hostname": "node0"} if wish.endswith("Node") else {}, "shop"))
