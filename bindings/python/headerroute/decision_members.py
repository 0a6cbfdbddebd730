"""The members of a decision and of its parts. Written by scripts/decision_schema.py; do not edit."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping

Pair = tuple[str, str]


@dataclass(frozen=True)
class Endpoint:
    name: str | None  #: pod or workload
    address: str
    port: int
    labels: Mapping[str, str]
    weight: int


@dataclass(frozen=True)
class Workload:
    """A Deployment, StatefulSet, Job, Rollout or the like."""

    kind: str
    name: str  #: namespace/name
    source: str | None  #: file:line


@dataclass(frozen=True)
class Rule:
    """The resource that has the rule."""

    kind: str  #: VirtualService, HTTPRoute or GRPCRoute
    name: str  #: namespace/name


@dataclass(frozen=True)
class Destination:
    host: str  #: fully qualified
    subset: str | None
    port: int


@dataclass(frozen=True)
class Upstream:
    """The request that the upstream receives."""

    path: str  #: with the query, after normalization and rewrite
    authority: str
    headers: tuple[Pair, ...]  #: after all operations, names in lower case, without proxy_headers
    proxy_headers: Mapping[str, str]  #: headers that the proxy sets before routing


@dataclass(frozen=True)
class Retries:
    attempts: int
    retry_on: tuple[str, ...]
    status_codes: tuple[int, ...]
    per_try_timeout_ms: int | None
    backoff_ms: int
    remote_localities: bool
    ignore_previous_hosts: bool


@dataclass(frozen=True)
class Redirect:
    code: int
    location: str


@dataclass(frozen=True)
class DirectResponse:
    status: int
    body: str | None


@dataclass(frozen=True)
class LocalReply:
    """The data plane's own answer, with Envoy's response flag."""

    status: int
    flag: str | None
    body: str


@dataclass(frozen=True)
class HeaderOperations:
    """In the order Envoy applies them: all of remove, then set, then add."""

    remove: tuple[str, ...]
    set: tuple[Pair, ...]
    add: tuple[Pair, ...]


@dataclass(frozen=True)
class Mirror:
    cluster: str
    percentage: float
    fires: bool


@dataclass(frozen=True)
class Fault:
    delay_ms: int | None
    delay_fires: bool
    abort_status: int | None
    abort_grpc_status: str | None
    abort_fires: bool


@dataclass(frozen=True)
class Cors:
    allow_origins: tuple[Mapping[str, str], ...]
    allow_methods: tuple[str, ...]
    allow_headers: tuple[str, ...]
    expose_headers: tuple[str, ...]
    max_age_s: int | None
    allow_credentials: bool | None
    forward_unmatched_preflights: bool
    origin_allowed: bool  #: for this request
    preflight: bool  #: this request is answered as a preflight


@dataclass(frozen=True)
class HashPolicy:
    kind: str  #: "header", "cookie", "source_ip" or "query_parameter"
    name: str | None
    ttl_ms: int | None
    path: str | None


class Members:
    """What to do with one request."""

    action: str  #: "route", "redirect", "direct_response", "no_route" or "passthrough"
    virtual_service: str | None  #: namespace/name; a service's default route and rules of other kinds have none
    rule: Rule | None
    route_name: str | None
    #: in spec.http of the VirtualService that wrote the rule, in spec.rules of an HTTPRoute
    route_index: int | None
    match_index: int | None  #: in that route's match list, if it has one
    source: str | None  #: file:line of the rule
    delegate: str | None  #: namespace/name of the rule's writer, if the root delegates to it
    root_route_index: int | None  #: in spec.http of virtual_service itself
    root_source: str | None  #: file:line of that rule, if it names a delegate
    cluster: str | None  #: outbound|PORT|SUBSET|FQDN, as Istio names it
    destination: Destination | None
    labels: Mapping[str, str]  #: the subset's
    endpoints: tuple[Endpoint, ...]  #: ready members of the cluster, in the order of the configuration
    endpoints_known: bool  #: false: no Pod, EndpointSlice or workload shows what the endpoints are
    workloads: tuple[Workload, ...]  #: if the endpoints are unknown: what makes the pods that would be endpoints
    upstream: Upstream | None  #: the request that the upstream receives
    timeout_ms: int | None
    retries: Retries | None
    redirect: Redirect | None
    direct_response: DirectResponse | None
    local_reply: LocalReply | None  #: the data plane's own answer, with Envoy's response flag
    closes_connection: bool  #: the data plane closes the connection without an answer
    #: one a level (destination, route), in the order they are applied
    request_headers: tuple[HeaderOperations, ...]
    response_headers: tuple[HeaderOperations, ...]
    mirrors: tuple[Mirror, ...]
    fault: Fault | None
    cors: Cors | None
    hash_policy: tuple[HashPolicy, ...]
    load_balancer: str | None  #: "LEAST_REQUEST", "ROUND_ROBIN", "RANDOM", "PASSTHROUGH", "RING_HASH" or "MAGLEV"
    caveats: tuple[str, ...]  #: sentences on what the decision does not take into account


#: The classes of members that are objects, or tuples of objects.
OBJECTS: dict[str, type[Any]] = {
    "rule": Rule,
    "destination": Destination,
    "endpoints": Endpoint,
    "workloads": Workload,
    "upstream": Upstream,
    "retries": Retries,
    "redirect": Redirect,
    "direct_response": DirectResponse,
    "local_reply": LocalReply,
    "request_headers": HeaderOperations,
    "response_headers": HeaderOperations,
    "mirrors": Mirror,
    "fault": Fault,
    "cors": Cors,
    "hash_policy": HashPolicy,
}
