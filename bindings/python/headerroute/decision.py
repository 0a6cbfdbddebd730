"""A decision: the attributes are those of docs/decision.schema.json, name by name."""
from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Mapping, NoReturn

Pair = tuple[str, str]


@dataclass(frozen=True)
class Destination:
    host: str  #: fully qualified
    subset: str | None
    port: int


@dataclass(frozen=True)
class Endpoint:
    name: str | None  #: pod or workload
    address: str
    port: int
    labels: Mapping[str, str]
    weight: int


@dataclass(frozen=True)
class Upstream:
    """The request that the upstream receives."""

    path: str  #: with query, after normalisation and rewrite
    authority: str
    headers: tuple[Pair, ...]  #: after all operations, names in lower case, without those of proxy_headers
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


# Attributes that are objects, or lists of objects, of a class above.
_OBJECTS = {
    "destination": Destination, "endpoints": Endpoint, "upstream": Upstream, "retries": Retries,
    "redirect": Redirect, "direct_response": DirectResponse, "local_reply": LocalReply,
    "request_headers": HeaderOperations, "response_headers": HeaderOperations, "mirrors": Mirror, "fault": Fault,
    "cors": Cors, "hash_policy": HashPolicy,
}


def _frozen(value: Any) -> Any:
    """JSON's lists as tuples, all the way down; maps stay maps."""
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _build(kind: type, value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_build(kind, item) for item in value)
    return None if value is None else kind(**{k: _frozen(v) for k, v in value.items()})


class Decision:
    """What to do with one request. All values are copies: a decision outlives the next one and may be used
    by another thread. It keeps its table alive as ``table``. Decisions are equal if their JSON is equal."""

    action: str  #: "route", "redirect", "direct_response", "no_route" or "passthrough"
    virtual_service: str | None  #: "namespace/name"
    route_name: str | None
    route_index: int | None
    match_index: int | None
    source: str | None  #: "file:line" of the rule
    delegate: str | None  #: "namespace/name" of the VirtualService that wrote the rule, if the root delegates to it
    root_route_index: int | None  #: in spec.http of ``virtual_service`` itself
    cluster: str | None  #: "outbound|PORT|SUBSET|FQDN"
    destination: Destination | None
    labels: Mapping[str, str]  #: the subset's
    endpoints: tuple[Endpoint, ...]
    upstream: Upstream | None
    timeout_ms: int | None
    retries: Retries | None
    redirect: Redirect | None
    direct_response: DirectResponse | None
    local_reply: LocalReply | None
    closes_connection: bool  #: the data plane closes the connection without an answer
    request_headers: tuple[HeaderOperations, ...]  #: one a level, in the order they are applied
    response_headers: tuple[HeaderOperations, ...]
    mirrors: tuple[Mirror, ...]
    fault: Fault | None
    cors: Cors | None
    hash_policy: tuple[HashPolicy, ...]
    load_balancer: str | None
    table: Any  #: the Table that decided; Any, since table.py imports this module
    json: str  #: one line, as `headerroute route --json` prints it

    def __init__(self, text: str, table: object) -> None:
        self.__dict__.update(json=text, table=table)

    def __getattr__(self, name: str) -> Any:
        # Called by the first read of each attribute: many callers read one, or none.
        if name not in Decision.__annotations__:
            raise AttributeError(f"a Decision has no attribute '{name}'")
        values = self.__dict__
        if "_fields" not in values:
            values["_fields"] = self.to_dict()
        value = values["_fields"][name]
        # Two threads may both get here; they store equal values.
        return values.setdefault(name, _build(_OBJECTS[name], value) if name in _OBJECTS else _frozen(value))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a Decision cannot be changed")

    __delattr__ = __setattr__  # type: ignore[assignment]

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *Decision.__annotations__})

    def to_dict(self) -> dict[str, Any]:
        """A fresh dict as docs/decision.schema.json has it."""
        fields: dict[str, Any] = json.loads(self.json)
        return fields

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Decision):
            return NotImplemented
        return self.json == other.json

    def __hash__(self) -> int:
        return hash(self.json)

    def __repr__(self) -> str:
        where = f" to {self.cluster}" if self.cluster else ""
        rule = f" by {self.source}" if self.source else ""
        return f"<headerroute.Decision: {self.action}{where}{rule}>"
