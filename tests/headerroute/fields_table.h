/*
 * Every field of Istio's routing API with YAML that has it and YAML that lacks it (or has another
 * value), and what comes of the difference. One line of YAML a resource, so that places stay the
 * same.
 */
#ifndef HR_TESTS_FIELDS_TABLE_H
#define HR_TESTS_FIELDS_TABLE_H

typedef enum treatment {
    ACTS,    /* routes, clusters or decisions differ */
    WARNED,  /* nothing differs, and a warning names the field */
    WITHOUT, /* nothing differs, in Istio neither */
    REFUSED  /* an error names the field */
} treatment;

typedef struct field_case {
    const char *field;
    treatment expected;
    const char *before, *after;
} field_case;

#define ISTIO(kind, spec)                                                                          \
    "---\napiVersion: networking.istio.io/v1\nkind: " kind "\nmetadata: {name: x}\nspec: {" spec   \
    "}\n"
#define OTHER "{route: [{destination: {host: other}}]}"
#define SHOP "route: [{destination: {host: shop}}]"
#define SUBSET_V1 "route: [{destination: {host: shop, subset: v1}}]"

/* VirtualServices */
#define VS(spec) ISTIO("VirtualService", spec)
#define HTTP(rule) VS("hosts: [shop], http: [{" rule "}, " OTHER "]")
#define MATCH(match) HTTP(SHOP ", match: [{" match "}]")
#define TARGET(destination) HTTP("route: [{destination: {" destination "}}]")
#define SHARE(share)                                                                               \
    HTTP("route: [{destination: {host: shop}, weight: 1}, {destination: {host: other}, " share "}" \
         "]")
#define ON_ROUTE(rest) HTTP(SHOP ", " rest)
#define OPERATIONS(operations) ON_ROUTE("headers: {request: {" operations "}}")
#define REDIRECT(redirect) HTTP("match: [{uri: {prefix: /a}}], redirect: {" redirect "}")
#define ANSWER(answer) HTTP("directResponse: {" answer "}")
#define REWRITE(rewrite) ON_ROUTE("rewrite: {" rewrite "}")
#define RETRY(retry) ON_ROUTE("retries: {attempts: 2, " retry "}")
#define CORS(cors) ON_ROUTE("corsPolicy: {" cors "}")
#define DELAY(delay) ON_ROUTE("fault: {delay: {" delay "}}")
#define ABORT(abort) ON_ROUTE("fault: {abort: {" abort "}}")
#define MIRRORS(mirror) ON_ROUTE("mirrors: [{" mirror "}]")
#define CHILD(meta)                                                                                \
    "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {" meta "}\n"        \
    "spec: {http: [{route: [{destination: {host: shop.default.svc.cluster.local, subset: "         \
    "v2}}]}]}\n"
#define DELEGATE(delegate)                                                                         \
    VS("hosts: [shop], http: [{delegate: {" delegate "}}]")                                        \
    CHILD("name: a") CHILD("name: b") CHILD("name: a, namespace: prod")
#define L4(route) VS("hosts: [shop], http: [" OTHER "], " route)
#define TCP_MATCH(match) L4("tcp: [{match: [{" match "}], route: [{destination: {host: shop}}]}]")
#define TLS_MATCH(match) L4("tls: [{match: [{" match "}], route: [{destination: {host: shop}}]}]")
#define TLS_NAMES(names)                                                                           \
    VS("hosts: [shop, other], http: [" OTHER "], tls: [{match: [{sniHosts: [" names                \
       "]}], route: [{destination: {host: shop}}]}]")

/* DestinationRules */
#define DR(spec) ISTIO("DestinationRule", spec)
#define POLICY(policy) DR("host: shop, trafficPolicy: {" policy "}")
#define TLS_OFF "tls: {mode: DISABLE}"
#define PORT_POLICY(policy) POLICY("portLevelSettings: [{port: {number: 80}, " policy "}]")
#define BALANCER(balancer) POLICY("loadBalancer: {" balancer "}")
#define HASH(hash) BALANCER("consistentHash: {" hash "}")
#define COOKIE(cookie) HASH("httpCookie: {" cookie "}")
#define LOCALITY(locality)                                                                         \
    POLICY("outlierDetection: {consecutive5xxErrors: 1}, loadBalancer: {localityLbSetting: "       \
           "{" locality "}}")
#define TCP_POOL(pool) POLICY("connectionPool: {tcp: {" pool "}}")
#define HTTP_POOL(pool) POLICY("connectionPool: {http: {" pool "}}")
#define H2_POOL(pool) HTTP_POOL("h2UpgradePolicy: UPGRADE, " pool)
#define OUTLIER(outlier) POLICY("outlierDetection: {" outlier "}")
#define CLIENT_TLS(tls) POLICY("tls: {" tls "}")
#define SUBSET(subset)                                                                             \
    DR("host: shop, subsets: [{" subset "}]") VS("hosts: [shop], http: [{" SUBSET_V1 "}]")

/* Gateways, with a VirtualService for them */
#define BOUND                                                                                      \
    "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: bound}\n"     \
    "spec: {hosts: [shop.example.com, a.example.com], gateways: [x], http: [{route: "              \
    "[{destination: {host: shop}}]}]}\n"
#define GATEWAY(spec) ISTIO("Gateway", spec) BOUND
#define SERVER(server) GATEWAY("selector: {istio: edge}, servers: [{" server "}]")
#define PLAIN "port: {number: 80, name: http, protocol: HTTP}, hosts: [shop.example.com]"
#define SECURE(tls)                                                                                \
    SERVER(                                                                                        \
        "port: {number: 443, name: https, protocol: HTTPS}, hosts: [shop.example.com], tls: {" tls \
        "}")
/* Another Gateway on the same port: of the same proxies, or not. */
#define SECOND(istio)                                                                              \
    "---\napiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: too}\n"              \
    "spec: {selector: {istio: " istio                                                              \
    "}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [b.example.com]}]}\n"    \
    "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: second}\n"    \
    "spec: {hosts: [b.example.com], gateways: [too], http: [{route: [{destination: {host: "        \
    "shop}}]}]}\n"
#define FILES "serverCertificate: /c, privateKey: /k"
#define CERTIFICATE(certificate) SECURE("mode: SIMPLE, tlsCertificates: [{" certificate "}]")

/* ServiceEntries and WorkloadEntries, with requests to their host */
#define ENTRY(spec) ISTIO("ServiceEntry", spec)
#define ENTRY_PORT "ports: [{number: 80, name: http, protocol: HTTP}]"
#define OUTSIDE(rest) ENTRY("hosts: [out.example.com], " rest)
#define MEMBER(member) OUTSIDE(ENTRY_PORT ", resolution: STATIC, endpoints: [{" member "}]")
#define ONE_PORT(port)                                                                             \
    OUTSIDE("resolution: STATIC, endpoints: [{address: 10.3.0.1}], ports: [{" port "}]")
#define TWO_PORTS(first, second)                                                                   \
    OUTSIDE("resolution: STATIC, endpoints: [{address: 10.3.0.1, ports: {http: 8}}], ports: "      \
            "[{number: 80, name: " first ", protocol: HTTP}, {number: 81, name: " second           \
            ", protocol: HTTP}]")
#define WORKLOAD(spec)                                                                             \
    OUTSIDE(ENTRY_PORT ", resolution: STATIC, workloadSelector: {labels: {app: vm}}")              \
    "---\napiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: vm}\nspec: "   \
    "{" spec "}\n"
#define STATUS(status)                                                                             \
    "---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: x}\n"           \
    "spec: {hosts: [out.example.com], " ENTRY_PORT ", resolution: STATIC}\nstatus: {" status "}\n"

static const field_case field_cases[] = {
    {"VirtualService.hosts", ACTS, VS("hosts: [other], http: [" OTHER "]"),
     VS("hosts: [shop], http: [" OTHER "]")},
    {"VirtualService.gateways", ACTS, VS("hosts: [shop], http: [" OTHER "]"),
     VS("hosts: [shop], gateways: [edge], http: [" OTHER "]")},
    {"VirtualService.http", ACTS, VS("hosts: [shop], http: [" OTHER "]"),
     VS("hosts: [shop], http: [{" SHOP "}]")},
    {"VirtualService.tls", WARNED, L4(""), TLS_MATCH("sniHosts: [shop]")},
    {"VirtualService.tcp", WARNED, L4(""), TCP_MATCH("port: 9")},
    {"VirtualService.exportTo", ACTS, VS("hosts: [shop], http: [" OTHER "]"),
     VS("hosts: [shop], exportTo: [prod], http: [" OTHER "]")},
    {"Destination.host", ACTS, TARGET("host: shop"), TARGET("host: other")},
    {"Destination.subset", ACTS, TARGET("host: shop"), TARGET("host: shop, subset: v1")},
    {"Destination.port", ACTS, TARGET("host: shop"), TARGET("host: shop, port: {number: 8080}")},
    {"PortSelector.number", ACTS, TARGET("host: shop, port: {number: 80}"),
     TARGET("host: shop, port: {number: 8080}")},

    {"HTTPRoute.name", ACTS, ON_ROUTE(""), ON_ROUTE("name: first")},
    {"HTTPRoute.match", ACTS, ON_ROUTE(""), ON_ROUTE("match: [{uri: {exact: /b}}]")},
    {"HTTPRoute.route", ACTS, HTTP("route: [{destination: {host: other}}]"), HTTP(SHOP)},
    {"HTTPRoute.redirect", ACTS, HTTP(SHOP), HTTP("redirect: {uri: /b}")},
    {"HTTPRoute.directResponse", ACTS, HTTP(SHOP), ANSWER("status: 418")},
    {"HTTPRoute.delegate", ACTS, VS("hosts: [shop], http: [" OTHER "]"), DELEGATE("name: a")},
    {"HTTPRoute.rewrite", ACTS, ON_ROUTE(""), REWRITE("uri: /b")},
    {"HTTPRoute.timeout", ACTS, ON_ROUTE(""), ON_ROUTE("timeout: 3s")},
    {"HTTPRoute.retries", ACTS, ON_ROUTE(""), ON_ROUTE("retries: {attempts: 5}")},
    {"HTTPRoute.fault", ACTS, ON_ROUTE(""), ABORT("httpStatus: 500, percentage: {value: 100}")},
    {"HTTPRoute.mirror", ACTS, ON_ROUTE(""), ON_ROUTE("mirror: {host: other}")},
    {"HTTPRoute.mirrors", ACTS, ON_ROUTE(""), MIRRORS("destination: {host: other}")},
    {"HTTPRoute.mirrorPercent", ACTS, ON_ROUTE("mirror: {host: other}"),
     ON_ROUTE("mirror: {host: other}, mirrorPercent: 7")},
    {"HTTPRoute.mirrorPercentage", ACTS, ON_ROUTE("mirror: {host: other}"),
     ON_ROUTE("mirror: {host: other}, mirrorPercentage: {value: 7}")},
    {"HTTPRoute.corsPolicy", ACTS, ON_ROUTE(""), CORS("allowOrigins: [{exact: http://a}]")},
    {"HTTPRoute.headers", ACTS, ON_ROUTE(""), OPERATIONS("set: {a: b}")},
    {"Delegate.name", ACTS, DELEGATE("name: a"), DELEGATE("name: b")},
    {"Delegate.namespace", ACTS, DELEGATE("name: a"), DELEGATE("name: a, namespace: prod")},
    {"Headers.request", ACTS, ON_ROUTE(""), OPERATIONS("set: {a: b}")},
    {"Headers.response", ACTS, ON_ROUTE(""), ON_ROUTE("headers: {response: {set: {a: b}}}")},
    {"Headers.HeaderOperations.set", ACTS, OPERATIONS(""), OPERATIONS("set: {a: b}")},
    {"Headers.HeaderOperations.add", ACTS, OPERATIONS(""), OPERATIONS("add: {a: b}")},
    {"Headers.HeaderOperations.remove", ACTS, OPERATIONS(""), OPERATIONS("remove: [x-user]")},

    {"TLSRoute.match", WITHOUT, TLS_MATCH("sniHosts: [shop]"),
     TLS_MATCH("sniHosts: [shop], port: 9")},
    {"TLSRoute.route", WITHOUT, TLS_MATCH("sniHosts: [shop]"),
     L4("tls: [{match: [{sniHosts: [shop]}], route: [{destination: {host: other}}]}]")},
    {"TCPRoute.match", WITHOUT, L4("tcp: [{route: [{destination: {host: shop}}]}]"),
     TCP_MATCH("port: 9")},
    {"TCPRoute.route", WITHOUT, TCP_MATCH("port: 9"),
     L4("tcp: [{match: [{port: 9}], route: [{destination: {host: other}}]}]")},
    {"RouteDestination.destination", WITHOUT, TCP_MATCH("port: 9"),
     L4("tcp: [{match: [{port: 9}], route: [{destination: {host: other}}]}]")},
    {"RouteDestination.weight", WITHOUT, TCP_MATCH("port: 9"),
     L4("tcp: [{match: [{port: 9}], route: [{destination: {host: shop}, weight: 5}]}]")},
    {"L4MatchAttributes.destinationSubnets", WITHOUT, TCP_MATCH("port: 9"),
     TCP_MATCH("port: 9, destinationSubnets: [10.0.0.0/8]")},
    {"L4MatchAttributes.port", WITHOUT, TCP_MATCH("port: 9"), TCP_MATCH("port: 8")},
    {"L4MatchAttributes.sourceSubnet", WITHOUT, TCP_MATCH("port: 9"),
     TCP_MATCH("port: 9, sourceSubnet: 10.0.0.0/8")},
    {"L4MatchAttributes.sourceLabels", WITHOUT, TCP_MATCH("port: 9"),
     TCP_MATCH("port: 9, sourceLabels: {a: b}")},
    {"L4MatchAttributes.gateways", WITHOUT, TCP_MATCH("port: 9"),
     TCP_MATCH("port: 9, gateways: [mesh]")},
    {"L4MatchAttributes.sourceNamespace", WITHOUT, TCP_MATCH("port: 9"),
     TCP_MATCH("port: 9, sourceNamespace: prod")},
    {"TLSMatchAttributes.sniHosts", WITHOUT, TLS_NAMES("shop"), TLS_NAMES("shop, other")},
    {"TLSMatchAttributes.destinationSubnets", WITHOUT, TLS_MATCH("sniHosts: [shop]"),
     TLS_MATCH("sniHosts: [shop], destinationSubnets: [10.0.0.0/8]")},
    {"TLSMatchAttributes.port", WITHOUT, TLS_MATCH("sniHosts: [shop]"),
     TLS_MATCH("sniHosts: [shop], port: 9")},
    {"TLSMatchAttributes.sourceLabels", WITHOUT, TLS_MATCH("sniHosts: [shop]"),
     TLS_MATCH("sniHosts: [shop], sourceLabels: {a: b}")},
    {"TLSMatchAttributes.gateways", WITHOUT, TLS_MATCH("sniHosts: [shop]"),
     TLS_MATCH("sniHosts: [shop], gateways: [mesh]")},
    {"TLSMatchAttributes.sourceNamespace", WITHOUT, TLS_MATCH("sniHosts: [shop]"),
     TLS_MATCH("sniHosts: [shop], sourceNamespace: prod")},

    {"HTTPMatchRequest.name", ACTS, MATCH(""), MATCH("name: m")},
    {"HTTPMatchRequest.uri", ACTS, MATCH(""), MATCH("uri: {exact: /b}")},
    {"HTTPMatchRequest.scheme", ACTS, MATCH(""), MATCH("scheme: {exact: https}")},
    {"HTTPMatchRequest.method", ACTS, MATCH(""), MATCH("method: {exact: PUT}")},
    {"HTTPMatchRequest.authority", ACTS, MATCH(""), MATCH("authority: {exact: b}")},
    {"HTTPMatchRequest.headers", ACTS, MATCH(""), MATCH("headers: {x-none: {}}")},
    {"HTTPMatchRequest.port", ACTS, MATCH(""), MATCH("port: 8080")},
    {"HTTPMatchRequest.sourceLabels", ACTS, MATCH(""), MATCH("sourceLabels: {app: b}")},
    {"HTTPMatchRequest.gateways", ACTS, MATCH(""), MATCH("gateways: [edge]")},
    {"HTTPMatchRequest.queryParams", ACTS, MATCH(""), MATCH("queryParams: {none: {}}")},
    {"HTTPMatchRequest.ignoreUriCase", ACTS, MATCH("uri: {exact: /A}"),
     MATCH("uri: {exact: /A}, ignoreUriCase: true")},
    {"HTTPMatchRequest.withoutHeaders", ACTS, MATCH(""), MATCH("withoutHeaders: {x-user: {}}")},
    {"HTTPMatchRequest.sourceNamespace", ACTS, MATCH(""), MATCH("sourceNamespace: prod")},
    {"HTTPMatchRequest.statPrefix", WITHOUT, MATCH(""), MATCH("statPrefix: s")},
    {"StringMatch.exact", ACTS, MATCH("uri: {exact: /a}"), MATCH("uri: {exact: /b}")},
    {"StringMatch.prefix", ACTS, MATCH("uri: {exact: /a}"), MATCH("uri: {prefix: /a}")},
    {"StringMatch.regex", ACTS, MATCH("uri: {exact: /a}"), MATCH("uri: {regex: /b}")},
    {"HTTPRouteDestination.destination", ACTS, TARGET("host: shop"), TARGET("host: other")},
    {"HTTPRouteDestination.weight", ACTS, SHARE("weight: 1"), SHARE("weight: 9")},
    {"HTTPRouteDestination.headers", ACTS, SHARE("weight: 9"),
     SHARE("weight: 9, headers: {request: {set: {a: b}}}")},
    {"HTTPRedirect.uri", ACTS, REDIRECT("authority: b"), REDIRECT("authority: b, uri: /b")},
    {"HTTPRedirect.authority", ACTS, REDIRECT("uri: /b"), REDIRECT("uri: /b, authority: b")},
    {"HTTPRedirect.port", ACTS, REDIRECT("uri: /b"), REDIRECT("uri: /b, port: 81")},
    {"HTTPRedirect.derivePort", ACTS, REDIRECT("scheme: https"),
     REDIRECT("scheme: https, derivePort: FROM_REQUEST_PORT")},
    {"HTTPRedirect.scheme", ACTS, REDIRECT("uri: /b"), REDIRECT("uri: /b, scheme: https")},
    {"HTTPRedirect.redirectCode", ACTS, REDIRECT("uri: /b"),
     REDIRECT("uri: /b, redirectCode: 307")},
    {"HTTPRedirect.prefixRewrite", ACTS, REDIRECT("authority: b"),
     REDIRECT("authority: b, prefixRewrite: /b")},
    {"HTTPDirectResponse.status", ACTS, ANSWER("status: 200"), ANSWER("status: 201")},
    {"HTTPDirectResponse.body", ACTS, ANSWER("status: 200"),
     ANSWER("status: 200, body: {string: b}")},
    {"HTTPBody.string", ACTS, ANSWER("status: 200, body: {string: a}"),
     ANSWER("status: 200, body: {string: b}")},
    {"HTTPBody.bytes", ACTS, ANSWER("status: 200, body: {string: a}"),
     ANSWER("status: 200, body: {bytes: Yg==}")},
    {"HTTPRewrite.uri", ACTS, REWRITE("authority: b"), REWRITE("authority: b, uri: /b")},
    {"HTTPRewrite.authority", ACTS, REWRITE("uri: /b"), REWRITE("uri: /b, authority: b")},
    {"HTTPRewrite.uriRegexRewrite", ACTS, REWRITE("authority: b"),
     REWRITE("authority: b, uriRegexRewrite: {match: a, rewrite: b}")},
    {"RegexRewrite.match", ACTS, REWRITE("uriRegexRewrite: {match: a, rewrite: b}"),
     REWRITE("uriRegexRewrite: {match: c, rewrite: b}")},
    {"RegexRewrite.rewrite", ACTS, REWRITE("uriRegexRewrite: {match: a, rewrite: b}"),
     REWRITE("uriRegexRewrite: {match: a, rewrite: c}")},
    {"HTTPRetry.attempts", ACTS, ON_ROUTE("retries: {attempts: 1}"),
     ON_ROUTE("retries: {attempts: 4}")},
    {"HTTPRetry.perTryTimeout", ACTS, RETRY(""), RETRY("perTryTimeout: 1s")},
    {"HTTPRetry.retryOn", ACTS, RETRY(""), RETRY("retryOn: 5xx")},
    {"HTTPRetry.retryRemoteLocalities", ACTS, RETRY(""), RETRY("retryRemoteLocalities: true")},
    {"HTTPRetry.retryIgnorePreviousHosts", ACTS, RETRY(""),
     RETRY("retryIgnorePreviousHosts: false")},
    {"HTTPRetry.backoff", ACTS, RETRY(""), RETRY("backoff: 99ms")},
    {"CorsPolicy.allowOrigin", ACTS, CORS("maxAge: 1s"),
     CORS("maxAge: 1s, allowOrigin: [http://a]")},
    {"CorsPolicy.allowOrigins", ACTS, CORS("maxAge: 1s"),
     CORS("maxAge: 1s, allowOrigins: [{exact: http://a}]")},
    {"CorsPolicy.allowMethods", ACTS, CORS(""), CORS("allowMethods: [GET]")},
    {"CorsPolicy.allowHeaders", ACTS, CORS(""), CORS("allowHeaders: [b]")},
    {"CorsPolicy.exposeHeaders", ACTS, CORS(""), CORS("exposeHeaders: [b]")},
    {"CorsPolicy.maxAge", ACTS, CORS(""), CORS("maxAge: 9s")},
    {"CorsPolicy.allowCredentials", ACTS, CORS(""), CORS("allowCredentials: true")},
    {"CorsPolicy.unmatchedPreflights", ACTS, CORS("allowOrigins: [{exact: http://b}]"),
     CORS("allowOrigins: [{exact: http://b}], unmatchedPreflights: IGNORE")},
    {"HTTPFaultInjection.delay", ACTS, ABORT("httpStatus: 500"),
     ON_ROUTE("fault: {abort: {httpStatus: 500}, delay: {fixedDelay: 1s}}")},
    {"HTTPFaultInjection.abort", ACTS, DELAY("fixedDelay: 1s"),
     ON_ROUTE("fault: {abort: {httpStatus: 500}, delay: {fixedDelay: 1s}}")},
    {"HTTPFaultInjection.Delay.percent", ACTS, DELAY("fixedDelay: 1s"),
     DELAY("fixedDelay: 1s, percent: 100")},
    {"HTTPFaultInjection.Delay.fixedDelay", ACTS, DELAY("fixedDelay: 1s"), DELAY("fixedDelay: 2s")},
    {"HTTPFaultInjection.Delay.exponentialDelay", REFUSED, DELAY("fixedDelay: 1s"),
     DELAY("exponentialDelay: 1s")},
    {"HTTPFaultInjection.Delay.percentage", ACTS, DELAY("fixedDelay: 1s"),
     DELAY("fixedDelay: 1s, percentage: {value: 100}")},
    {"HTTPFaultInjection.Abort.httpStatus", ACTS, ABORT("httpStatus: 500"),
     ABORT("httpStatus: 501")},
    {"HTTPFaultInjection.Abort.grpcStatus", ACTS, ABORT("httpStatus: 500"),
     ABORT("grpcStatus: UNAVAILABLE")},
    {"HTTPFaultInjection.Abort.http2Error", REFUSED, ABORT("httpStatus: 500"),
     ABORT("http2Error: b")},
    {"HTTPFaultInjection.Abort.percentage", ACTS, ABORT("httpStatus: 500"),
     ABORT("httpStatus: 500, percentage: {value: 100}")},
    {"HTTPMirrorPolicy.destination", ACTS, MIRRORS("destination: {host: shop}"),
     MIRRORS("destination: {host: other}")},
    {"HTTPMirrorPolicy.percentage", ACTS, MIRRORS("destination: {host: other}"),
     MIRRORS("destination: {host: other}, percentage: {value: 3}")},
    {"Percent.value", ACTS, MIRRORS("destination: {host: other}, percentage: {value: 4}"),
     MIRRORS("destination: {host: other}, percentage: {value: 3}")},

    {"DestinationRule.host", ACTS,
     DR("host: other, trafficPolicy: {loadBalancer: {simple: RANDOM}}"),
     DR("host: shop, trafficPolicy: {loadBalancer: {simple: RANDOM}}")},
    {"DestinationRule.trafficPolicy", ACTS, DR("host: shop"), BALANCER("simple: RANDOM")},
    {"DestinationRule.subsets", ACTS, DR("host: shop") HTTP(SUBSET_V1),
     DR("host: shop, subsets: [{name: v1}]") HTTP(SUBSET_V1)},
    {"DestinationRule.exportTo", ACTS, BALANCER("simple: RANDOM"),
     DR("host: shop, exportTo: [\".\"], trafficPolicy: {loadBalancer: {simple: RANDOM}}")},
    {"DestinationRule.workloadSelector", ACTS, BALANCER("simple: RANDOM"),
     DR("host: shop, workloadSelector: {matchLabels: {app: b}}, trafficPolicy: {loadBalancer: "
        "{simple: RANDOM}}")},
    {"TrafficPolicy.loadBalancer", ACTS, POLICY(TLS_OFF), BALANCER("simple: RANDOM")},
    {"TrafficPolicy.connectionPool", ACTS, POLICY(TLS_OFF), TCP_POOL("maxConnections: 3")},
    {"TrafficPolicy.outlierDetection", ACTS, POLICY(TLS_OFF), OUTLIER("consecutive5xxErrors: 3")},
    {"TrafficPolicy.tls", ACTS, POLICY(TLS_OFF), CLIENT_TLS("mode: SIMPLE")},
    {"TrafficPolicy.portLevelSettings", ACTS, POLICY(TLS_OFF),
     PORT_POLICY("loadBalancer: {simple: RANDOM}")},
    {"TrafficPolicy.PortTrafficPolicy.port", ACTS,
     POLICY("portLevelSettings: [{port: {number: 81}, loadBalancer: {simple: RANDOM}}]"),
     PORT_POLICY("loadBalancer: {simple: RANDOM}")},
    {"TrafficPolicy.PortTrafficPolicy.loadBalancer", ACTS, PORT_POLICY(TLS_OFF),
     PORT_POLICY("loadBalancer: {simple: RANDOM}")},
    {"TrafficPolicy.PortTrafficPolicy.connectionPool", ACTS, PORT_POLICY(TLS_OFF),
     PORT_POLICY("connectionPool: {tcp: {maxConnections: 3}}")},
    {"TrafficPolicy.PortTrafficPolicy.outlierDetection", ACTS, PORT_POLICY(TLS_OFF),
     PORT_POLICY("outlierDetection: {consecutive5xxErrors: 3}")},
    {"TrafficPolicy.PortTrafficPolicy.tls", ACTS, PORT_POLICY(TLS_OFF),
     PORT_POLICY("tls: {mode: SIMPLE}")},
    {"TrafficPolicy.tunnel", REFUSED, POLICY(TLS_OFF),
     POLICY("tunnel: {targetHost: b, targetPort: 80}")},
    {"TrafficPolicy.TunnelSettings.protocol", REFUSED, POLICY(TLS_OFF),
     POLICY("tunnel: {protocol: POST, targetHost: b, targetPort: 80}")},
    {"TrafficPolicy.TunnelSettings.targetHost", REFUSED, POLICY(TLS_OFF),
     POLICY("tunnel: {targetHost: b, targetPort: 80}")},
    {"TrafficPolicy.TunnelSettings.targetPort", REFUSED, POLICY(TLS_OFF),
     POLICY("tunnel: {targetHost: b, targetPort: 81}")},
    {"TrafficPolicy.proxyProtocol", WARNED, POLICY(TLS_OFF), POLICY("proxyProtocol: {}")},
    {"TrafficPolicy.ProxyProtocol.version", WARNED, POLICY(TLS_OFF),
     POLICY("proxyProtocol: {version: V2}")},
    {"TrafficPolicy.retryBudget", ACTS, POLICY(TLS_OFF), POLICY("retryBudget: {}")},
    {"TrafficPolicy.RetryBudget.percent", ACTS, POLICY("retryBudget: {}"),
     POLICY("retryBudget: {percent: 5}")},
    {"TrafficPolicy.RetryBudget.minRetryConcurrency", ACTS, POLICY("retryBudget: {}"),
     POLICY("retryBudget: {minRetryConcurrency: 5}")},
    {"TrafficPolicy.RetryBudget.budgetInterval", ACTS, POLICY("retryBudget: {}"),
     POLICY("retryBudget: {budgetInterval: 5s}")},
    {"Subset.name", ACTS, SUBSET("name: v2"), SUBSET("name: v1")},
    {"Subset.labels", ACTS, SUBSET("name: v1"), SUBSET("name: v1, labels: {version: v1}")},
    {"Subset.trafficPolicy", ACTS, SUBSET("name: v1"),
     SUBSET("name: v1, trafficPolicy: {loadBalancer: {simple: RANDOM}}")},
    {"LoadBalancerSettings.simple", ACTS, BALANCER("simple: RANDOM"),
     BALANCER("simple: ROUND_ROBIN")},
    {"LoadBalancerSettings.consistentHash", ACTS, BALANCER(""), HASH("useSourceIp: true")},
    {"LoadBalancerSettings.localityLbSetting", ACTS, OUTLIER("consecutive5xxErrors: 1"),
     LOCALITY("enabled: false")},
    {"LoadBalancerSettings.zoneAwareLbSetting", REFUSED, BALANCER(""),
     BALANCER("zoneAwareLbSetting: {enabled: true}")},
    {"LoadBalancerSettings.warmupDurationSecs", ACTS, BALANCER("simple: ROUND_ROBIN"),
     BALANCER("simple: ROUND_ROBIN, warmupDurationSecs: 5s")},
    {"LoadBalancerSettings.warmup", ACTS, BALANCER("simple: ROUND_ROBIN"),
     BALANCER("simple: ROUND_ROBIN, warmup: {duration: 5s}")},
    {"WarmupConfiguration.duration", ACTS, BALANCER("warmup: {duration: 4s}"),
     BALANCER("warmup: {duration: 5s}")},
    {"WarmupConfiguration.minimumPercent", ACTS, BALANCER("warmup: {duration: 4s}"),
     BALANCER("warmup: {duration: 4s, minimumPercent: 33}")},
    {"WarmupConfiguration.aggression", ACTS, BALANCER("warmup: {duration: 4s}"),
     BALANCER("warmup: {duration: 4s, aggression: 2}")},
    {"LoadBalancerSettings.ConsistentHashLB.httpHeaderName", ACTS, HASH("useSourceIp: true"),
     HASH("httpHeaderName: x-user")},
    {"LoadBalancerSettings.ConsistentHashLB.httpCookie", ACTS, HASH("useSourceIp: true"),
     COOKIE("name: c, ttl: 1s")},
    {"LoadBalancerSettings.ConsistentHashLB.useSourceIp", ACTS, HASH("httpHeaderName: b"),
     HASH("useSourceIp: true")},
    {"LoadBalancerSettings.ConsistentHashLB.httpQueryParameterName", ACTS,
     HASH("useSourceIp: true"), HASH("httpQueryParameterName: q")},
    {"LoadBalancerSettings.ConsistentHashLB.ringHash", ACTS, HASH("useSourceIp: true"),
     HASH("useSourceIp: true, ringHash: {minimumRingSize: 7}")},
    {"LoadBalancerSettings.ConsistentHashLB.maglev", ACTS, HASH("useSourceIp: true"),
     HASH("useSourceIp: true, maglev: {tableSize: 7}")},
    {"LoadBalancerSettings.ConsistentHashLB.minimumRingSize", ACTS, HASH("useSourceIp: true"),
     HASH("useSourceIp: true, minimumRingSize: 7")},
    {"LoadBalancerSettings.ConsistentHashLB.RingHash.minimumRingSize", ACTS,
     HASH("useSourceIp: true, ringHash: {minimumRingSize: 8}"),
     HASH("useSourceIp: true, ringHash: {minimumRingSize: 7}")},
    {"LoadBalancerSettings.ConsistentHashLB.MagLev.tableSize", ACTS,
     HASH("useSourceIp: true, maglev: {tableSize: 11}"),
     HASH("useSourceIp: true, maglev: {tableSize: 7}")},
    {"LoadBalancerSettings.ConsistentHashLB.HTTPCookie.name", ACTS, COOKIE("name: c, ttl: 1s"),
     COOKIE("name: d, ttl: 1s")},
    {"LoadBalancerSettings.ConsistentHashLB.HTTPCookie.path", ACTS, COOKIE("name: c, ttl: 1s"),
     COOKIE("name: c, ttl: 1s, path: /b")},
    {"LoadBalancerSettings.ConsistentHashLB.HTTPCookie.ttl", ACTS, COOKIE("name: c, ttl: 1s"),
     COOKIE("name: c, ttl: 2s")},
    {"LoadBalancerSettings.ConsistentHashLB.HTTPCookie.attributes", REFUSED,
     COOKIE("name: c, ttl: 1s"), COOKIE("name: c, ttl: 1s, attributes: []")},
    {"LoadBalancerSettings.ConsistentHashLB.HTTPCookie.Attribute.name", REFUSED,
     COOKIE("name: c, ttl: 1s"), COOKIE("name: c, ttl: 1s, attributes: [{name: b}]")},
    {"LoadBalancerSettings.ConsistentHashLB.HTTPCookie.Attribute.value", REFUSED,
     COOKIE("name: c, ttl: 1s"), COOKIE("name: c, ttl: 1s, attributes: [{name: b, value: b}]")},
    {"LocalityLoadBalancerSetting.enabled", ACTS, LOCALITY(""), LOCALITY("enabled: false")},
    {"LocalityLoadBalancerSetting.distribute", ACTS, LOCALITY(""),
     LOCALITY("distribute: [{from: eu, to: {eu/b: 100}}]")},
    {"LocalityLoadBalancerSetting.failover", ACTS, LOCALITY(""),
     LOCALITY("failover: [{from: eu, to: us}]")},
    {"LocalityLoadBalancerSetting.failoverPriority", ACTS, LOCALITY(""),
     LOCALITY("failoverPriority: [version]")},
    {"LocalityLoadBalancerSetting.Distribute.from", ACTS,
     LOCALITY("distribute: [{from: us, to: {eu/b: 100}}]"),
     LOCALITY("distribute: [{from: eu, to: {eu/b: 100}}]")},
    {"LocalityLoadBalancerSetting.Distribute.to", ACTS,
     LOCALITY("distribute: [{from: eu, to: {eu/a: 100}}]"),
     LOCALITY("distribute: [{from: eu, to: {eu/b: 100}}]")},
    {"LocalityLoadBalancerSetting.Failover.from", ACTS, LOCALITY("failover: [{from: af, to: us}]"),
     LOCALITY("failover: [{from: eu, to: us}]")},
    {"LocalityLoadBalancerSetting.Failover.to", ACTS, LOCALITY("failover: [{from: eu, to: af}]"),
     LOCALITY("failover: [{from: eu, to: us}]")},
    {"ZoneAwareLoadBalancerSetting.enabled", REFUSED, BALANCER(""),
     BALANCER("zoneAwareLbSetting: {enabled: false}")},
    {"ZoneAwareLoadBalancerSetting.failover", REFUSED, BALANCER(""),
     BALANCER("zoneAwareLbSetting: {failover: []}")},
    {"ZoneAwareLoadBalancerSetting.Failover.from", REFUSED, BALANCER(""),
     BALANCER("zoneAwareLbSetting: {failover: [{from: eu}]}")},
    {"ZoneAwareLoadBalancerSetting.Failover.to", REFUSED, BALANCER(""),
     BALANCER("zoneAwareLbSetting: {failover: [{to: eu}]}")},
    {"ZoneAwareLoadBalancerSetting.failoverPriority", REFUSED, BALANCER(""),
     BALANCER("zoneAwareLbSetting: {failoverPriority: [b]}")},
    {"ZoneAwareLoadBalancerSetting.minClusterSize", REFUSED, BALANCER(""),
     BALANCER("zoneAwareLbSetting: {minClusterSize: 2}")},
    {"ConnectionPoolSettings.tcp", ACTS, HTTP_POOL("maxRetries: 1"),
     POLICY("connectionPool: {http: {maxRetries: 1}, tcp: {maxConnections: 2}}")},
    {"ConnectionPoolSettings.http", ACTS, TCP_POOL("maxConnections: 2"),
     POLICY("connectionPool: {http: {maxRetries: 1}, tcp: {maxConnections: 2}}")},
    {"ConnectionPoolSettings.TCPSettings.maxConnections", ACTS, TCP_POOL(""),
     TCP_POOL("maxConnections: 2")},
    {"ConnectionPoolSettings.TCPSettings.connectTimeout", ACTS, TCP_POOL(""),
     TCP_POOL("connectTimeout: 2s")},
    {"ConnectionPoolSettings.TCPSettings.tcpKeepalive", ACTS, TCP_POOL(""),
     TCP_POOL("tcpKeepalive: {}")},
    {"ConnectionPoolSettings.TCPSettings.TcpKeepalive.probes", ACTS, TCP_POOL("tcpKeepalive: {}"),
     TCP_POOL("tcpKeepalive: {probes: 2}")},
    {"ConnectionPoolSettings.TCPSettings.TcpKeepalive.time", ACTS, TCP_POOL("tcpKeepalive: {}"),
     TCP_POOL("tcpKeepalive: {time: 2s}")},
    {"ConnectionPoolSettings.TCPSettings.TcpKeepalive.interval", ACTS, TCP_POOL("tcpKeepalive: {}"),
     TCP_POOL("tcpKeepalive: {interval: 2s}")},
    {"ConnectionPoolSettings.TCPSettings.maxConnectionDuration", ACTS, TCP_POOL(""),
     TCP_POOL("maxConnectionDuration: 2s")},
    {"ConnectionPoolSettings.TCPSettings.idleTimeout", ACTS, TCP_POOL(""),
     TCP_POOL("idleTimeout: 2s")},
    {"ConnectionPoolSettings.HTTPSettings.http1MaxPendingRequests", ACTS, HTTP_POOL(""),
     HTTP_POOL("http1MaxPendingRequests: 2")},
    {"ConnectionPoolSettings.HTTPSettings.http2MaxRequests", ACTS, HTTP_POOL(""),
     HTTP_POOL("http2MaxRequests: 2")},
    {"ConnectionPoolSettings.HTTPSettings.maxRequestsPerConnection", ACTS, HTTP_POOL(""),
     HTTP_POOL("maxRequestsPerConnection: 2")},
    {"ConnectionPoolSettings.HTTPSettings.maxRetries", ACTS, HTTP_POOL(""),
     HTTP_POOL("maxRetries: 2")},
    {"ConnectionPoolSettings.HTTPSettings.idleTimeout", ACTS, HTTP_POOL(""),
     HTTP_POOL("idleTimeout: 2s")},
    {"ConnectionPoolSettings.HTTPSettings.h2UpgradePolicy", ACTS, HTTP_POOL(""),
     HTTP_POOL("h2UpgradePolicy: UPGRADE")},
    {"ConnectionPoolSettings.HTTPSettings.useClientProtocol", ACTS, HTTP_POOL(""),
     HTTP_POOL("useClientProtocol: true")},
    {"ConnectionPoolSettings.HTTPSettings.maxConcurrentStreams", ACTS,
     HTTP_POOL("h2UpgradePolicy: UPGRADE"), H2_POOL("maxConcurrentStreams: 2")},
    {"ConnectionPoolSettings.HTTPSettings.http2KeepAlive", ACTS,
     HTTP_POOL("h2UpgradePolicy: UPGRADE"), H2_POOL("http2KeepAlive: {interval: 1s, timeout: 1s}")},
    {"ConnectionPoolSettings.HTTPSettings.ConnectionKeepalive.interval", ACTS,
     H2_POOL("http2KeepAlive: {interval: 1s, timeout: 1s}"),
     H2_POOL("http2KeepAlive: {interval: 2s, timeout: 1s}")},
    {"ConnectionPoolSettings.HTTPSettings.ConnectionKeepalive.timeout", ACTS,
     H2_POOL("http2KeepAlive: {interval: 1s, timeout: 1s}"),
     H2_POOL("http2KeepAlive: {interval: 1s, timeout: 2s}")},
    {"OutlierDetection.consecutiveErrors", WARNED, OUTLIER(""), OUTLIER("consecutiveErrors: 3")},
    {"OutlierDetection.splitExternalLocalOriginErrors", ACTS, OUTLIER(""),
     OUTLIER("splitExternalLocalOriginErrors: true")},
    {"OutlierDetection.consecutiveLocalOriginFailures", ACTS,
     OUTLIER("splitExternalLocalOriginErrors: true"),
     OUTLIER("splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 9")},
    {"OutlierDetection.consecutiveGatewayErrors", ACTS, OUTLIER(""),
     OUTLIER("consecutiveGatewayErrors: 9")},
    {"OutlierDetection.consecutive5xxErrors", ACTS, OUTLIER(""),
     OUTLIER("consecutive5xxErrors: 9")},
    {"OutlierDetection.interval", ACTS, OUTLIER(""), OUTLIER("interval: 9s")},
    {"OutlierDetection.baseEjectionTime", ACTS, OUTLIER(""), OUTLIER("baseEjectionTime: 9s")},
    {"OutlierDetection.maxEjectionPercent", ACTS, OUTLIER(""), OUTLIER("maxEjectionPercent: 9")},
    {"OutlierDetection.minHealthPercent", ACTS, OUTLIER(""), OUTLIER("minHealthPercent: 9")},
    {"OutlierDetection.outlierDetectionHttpErrorCodes", ACTS, OUTLIER(""),
     OUTLIER("outlierDetectionHttpErrorCodes: [500]")},
    {"ClientTLSSettings.mode", ACTS, CLIENT_TLS("mode: DISABLE"), CLIENT_TLS("mode: SIMPLE")},
    {"ClientTLSSettings.clientCertificate", ACTS,
     CLIENT_TLS("mode: MUTUAL, clientCertificate: /a, privateKey: /k"),
     CLIENT_TLS("mode: MUTUAL, clientCertificate: /b, privateKey: /k")},
    {"ClientTLSSettings.privateKey", ACTS,
     CLIENT_TLS("mode: MUTUAL, clientCertificate: /a, privateKey: /k"),
     CLIENT_TLS("mode: MUTUAL, clientCertificate: /a, privateKey: /b")},
    {"ClientTLSSettings.caCertificates", ACTS, CLIENT_TLS("mode: SIMPLE"),
     CLIENT_TLS("mode: SIMPLE, caCertificates: /b")},
    {"ClientTLSSettings.credentialName", ACTS, CLIENT_TLS("mode: SIMPLE"),
     CLIENT_TLS("mode: SIMPLE, credentialName: b")},
    {"ClientTLSSettings.subjectAltNames", ACTS, CLIENT_TLS("mode: SIMPLE"),
     CLIENT_TLS("mode: SIMPLE, subjectAltNames: [b]")},
    {"ClientTLSSettings.sni", ACTS, CLIENT_TLS("mode: SIMPLE"), CLIENT_TLS("mode: SIMPLE, sni: b")},
    {"ClientTLSSettings.insecureSkipVerify", ACTS, CLIENT_TLS("mode: SIMPLE"),
     CLIENT_TLS("mode: SIMPLE, insecureSkipVerify: true")},
    {"ClientTLSSettings.caCrl", REFUSED, CLIENT_TLS("mode: SIMPLE"),
     CLIENT_TLS("mode: SIMPLE, caCrl: /b")},

    {"Gateway.servers", ACTS,
     SERVER("port: {number: 80, name: http, protocol: HTTP}, hosts: [b.example.com]"),
     SERVER(PLAIN)},
    {"Gateway.selector", ACTS, SERVER(PLAIN) SECOND("edge"), SERVER(PLAIN) SECOND("inner")},
    {"Server.port", ACTS, SERVER(PLAIN),
     SERVER("port: {number: 443, name: http, protocol: HTTP}, hosts: [shop.example.com]")},
    {"Server.bind", ACTS,
     SERVER(PLAIN "}, {port: {number: 80, name: b, protocol: HTTP}, hosts: [a.example.com]"),
     SERVER(PLAIN "}, {bind: 127.0.0.9, port: {number: 80, name: b, protocol: HTTP}, hosts: "
                  "[a.example.com]")},
    {"Server.hosts", ACTS, SERVER(PLAIN),
     SERVER("port: {number: 80, name: http, protocol: HTTP}, hosts: [a.example.com]")},
    {"Server.tls", ACTS, SERVER(PLAIN), SERVER(PLAIN ", tls: {httpsRedirect: true}")},
    {"Server.defaultEndpoint", WARNED, SERVER(PLAIN),
     SERVER(PLAIN ", defaultEndpoint: \"127.0.0.1:9\"")},
    {"Server.name", WITHOUT, SERVER(PLAIN), SERVER(PLAIN ", name: b")},
    {"Port.number", ACTS, SERVER(PLAIN),
     SERVER("port: {number: 443, name: http, protocol: HTTP}, hosts: [shop.example.com]")},
    {"Port.protocol", ACTS, SERVER(PLAIN),
     SERVER("port: {number: 80, name: http, protocol: TCP}, hosts: [shop.example.com]")},
    {"Port.name", WITHOUT, SERVER(PLAIN),
     SERVER("port: {number: 80, name: b, protocol: HTTP}, hosts: [shop.example.com]")},
    {"Port.targetPort", REFUSED, SERVER(PLAIN),
     SERVER("port: {number: 80, name: http, protocol: HTTP, targetPort: 81}, hosts: "
            "[shop.example.com]")},
    {"ServerTLSSettings.httpsRedirect", ACTS, SERVER(PLAIN ", tls: {}"),
     SERVER(PLAIN ", tls: {httpsRedirect: true}")},
    {"ServerTLSSettings.mode", ACTS, SECURE("mode: SIMPLE, " FILES), SECURE("mode: PASSTHROUGH")},
    {"ServerTLSSettings.serverCertificate", WITHOUT, SECURE("mode: SIMPLE, " FILES),
     SECURE("mode: SIMPLE, serverCertificate: /b, privateKey: /k")},
    {"ServerTLSSettings.privateKey", WITHOUT, SECURE("mode: SIMPLE, " FILES),
     SECURE("mode: SIMPLE, serverCertificate: /c, privateKey: /b")},
    {"ServerTLSSettings.caCertificates", WITHOUT, SECURE("mode: SIMPLE, " FILES),
     SECURE("mode: SIMPLE, " FILES ", caCertificates: /b")},
    {"ServerTLSSettings.caCrl", WITHOUT, SECURE("mode: MUTUAL, " FILES ", caCertificates: /b"),
     SECURE("mode: MUTUAL, " FILES ", caCertificates: /b, caCrl: /b")},
    {"ServerTLSSettings.credentialName", WITHOUT, SECURE("mode: SIMPLE, " FILES),
     SECURE("mode: SIMPLE, credentialName: b")},
    {"ServerTLSSettings.credentialNames", WITHOUT, SECURE("mode: SIMPLE, " FILES),
     SECURE("mode: SIMPLE, credentialNames: [b]")},
    {"ServerTLSSettings.caCertCredentialName", WITHOUT, SECURE("mode: MUTUAL, credentialName: b"),
     SECURE("mode: MUTUAL, credentialName: b, caCertCredentialName: b")},
    {"ServerTLSSettings.tlsCertificates", WITHOUT, SECURE("mode: SIMPLE, " FILES),
     CERTIFICATE(FILES)},
    {"ServerTLSSettings.TLSCertificate.serverCertificate", WITHOUT, CERTIFICATE(FILES),
     CERTIFICATE("serverCertificate: /b, privateKey: /k")},
    {"ServerTLSSettings.TLSCertificate.privateKey", WITHOUT, CERTIFICATE(FILES),
     CERTIFICATE("serverCertificate: /c, privateKey: /b")},
    {"ServerTLSSettings.TLSCertificate.caCertificates", WITHOUT, CERTIFICATE(FILES),
     CERTIFICATE(FILES ", caCertificates: /b")},
    {"ServerTLSSettings.subjectAltNames", WITHOUT, SECURE("mode: SIMPLE, " FILES),
     SECURE("mode: SIMPLE, " FILES ", subjectAltNames: [b]")},
    {"ServerTLSSettings.verifyCertificateSpki", WITHOUT, SECURE("mode: SIMPLE, " FILES),
     SECURE("mode: SIMPLE, " FILES ", verifyCertificateSpki: [b]")},
    {"ServerTLSSettings.verifyCertificateHash", WITHOUT, SECURE("mode: SIMPLE, " FILES),
     SECURE("mode: SIMPLE, " FILES ", verifyCertificateHash: [b]")},
    {"ServerTLSSettings.minProtocolVersion", WITHOUT, SECURE("mode: SIMPLE, " FILES),
     SECURE("mode: SIMPLE, " FILES ", minProtocolVersion: TLSV1_3")},
    {"ServerTLSSettings.maxProtocolVersion", WITHOUT, SECURE("mode: SIMPLE, " FILES),
     SECURE("mode: SIMPLE, " FILES ", maxProtocolVersion: TLSV1_3")},
    {"ServerTLSSettings.cipherSuites", WITHOUT, SECURE("mode: SIMPLE, " FILES),
     SECURE("mode: SIMPLE, " FILES ", cipherSuites: [ECDHE-RSA-AES128-GCM-SHA256]")},
    {"ServerTLSSettings.insecureSkipVerify", WITHOUT, SECURE("mode: SIMPLE, " FILES),
     SECURE("mode: SIMPLE, " FILES ", insecureSkipVerify: true")},

    {"ServiceEntry.hosts", ACTS, OUTSIDE(ENTRY_PORT), ENTRY("hosts: [b.example.com], " ENTRY_PORT)},
    {"ServiceEntry.addresses", ACTS, OUTSIDE(ENTRY_PORT),
     OUTSIDE(ENTRY_PORT ", addresses: [10.9.9.9]")},
    {"ServiceEntry.ports", ACTS, OUTSIDE(ENTRY_PORT),
     OUTSIDE("ports: [{number: 81, name: http, protocol: HTTP}]")},
    {"ServiceEntry.location", WITHOUT, OUTSIDE(ENTRY_PORT),
     OUTSIDE(ENTRY_PORT ", location: MESH_INTERNAL")},
    {"ServiceEntry.resolution", ACTS, OUTSIDE(ENTRY_PORT), OUTSIDE(ENTRY_PORT ", resolution: DNS")},
    {"ServiceEntry.endpoints", ACTS, OUTSIDE(ENTRY_PORT ", resolution: STATIC"),
     MEMBER("address: 10.3.0.1")},
    {"ServiceEntry.workloadSelector", ACTS, OUTSIDE(ENTRY_PORT ", resolution: STATIC"),
     OUTSIDE(ENTRY_PORT ", resolution: STATIC, workloadSelector: {labels: {app: shop}}")},
    {"ServiceEntry.exportTo", ACTS, OUTSIDE(ENTRY_PORT), OUTSIDE(ENTRY_PORT ", exportTo: [prod]")},
    {"ServiceEntry.subjectAltNames", WITHOUT, OUTSIDE(ENTRY_PORT),
     OUTSIDE(ENTRY_PORT ", subjectAltNames: [b]")},
    {"ServicePort.number", ACTS, ONE_PORT("number: 80, name: http, protocol: HTTP"),
     ONE_PORT("number: 81, name: http, protocol: HTTP")},
    {"ServicePort.protocol", ACTS, ONE_PORT("number: 80, name: b, protocol: HTTP"),
     ONE_PORT("number: 80, name: b, protocol: TCP")},
    {"ServicePort.name", ACTS, TWO_PORTS("http", "b"), TWO_PORTS("b", "http")},
    {"ServicePort.targetPort", ACTS, ONE_PORT("number: 80, name: http, protocol: HTTP"),
     ONE_PORT("number: 80, name: http, protocol: HTTP, targetPort: 8")},
    {"ServiceEntryStatus.conditions", WITHOUT, STATUS(""), STATUS("conditions: [{type: b}]")},
    {"ServiceEntryStatus.validationMessages", WITHOUT, STATUS(""),
     STATUS("validationMessages: [{level: INFO}]")},
    {"ServiceEntryStatus.observedGeneration", WITHOUT, STATUS(""), STATUS("observedGeneration: 3")},
    {"ServiceEntryStatus.addresses", WITHOUT, STATUS(""), STATUS("addresses: []")},
    {"ServiceEntryAddress.value", WITHOUT, STATUS(""), STATUS("addresses: [{value: 240.240.0.1}]")},
    {"ServiceEntryAddress.host", WITHOUT, STATUS(""),
     STATUS("addresses: [{host: out.example.com, value: 240.240.0.1}]")},
    {"WorkloadEntry.address", ACTS, MEMBER("address: 10.3.0.1"), MEMBER("address: 10.3.0.2")},
    {"WorkloadEntry.ports", ACTS, MEMBER("address: 10.3.0.1"),
     MEMBER("address: 10.3.0.1, ports: {http: 8}")},
    {"WorkloadEntry.labels", ACTS, WORKLOAD("address: 10.3.0.1, labels: {app: b}"),
     WORKLOAD("address: 10.3.0.1, labels: {app: vm}")},
    {"WorkloadEntry.network", ACTS, MEMBER("address: 10.3.0.1"),
     MEMBER("address: 10.3.0.1, network: b")},
    {"WorkloadEntry.locality", ACTS, MEMBER("address: 10.3.0.1"),
     MEMBER("address: 10.3.0.1, locality: us/b")},
    {"WorkloadEntry.weight", ACTS, MEMBER("address: 10.3.0.1"),
     MEMBER("address: 10.3.0.1, weight: 7")},
    {"WorkloadEntry.serviceAccount", WITHOUT, MEMBER("address: 10.3.0.1"),
     MEMBER("address: 10.3.0.1, serviceAccount: b")},
};

#endif
