"""Loading, views and routing."""
from __future__ import annotations

import os
from dataclasses import dataclass, fields
from typing import Any, Mapping

from . import lowlevel as c
from .decision import Decision
from .errors import ConfigError, Diagnostic, RouteError
from .explanation import Event, Explanation
from .request import Claims, claim_pairs, connection_facts, Headers, checked_port, draw_numbers, header_pairs, ports_to_try, split_url, utf8


@dataclass(frozen=True)
class Yaml:
    """YAML text with a name for messages, for load()."""

    text: str | bytes
    name: str = "<text>"


@dataclass(frozen=True)
class Stats:
    """How much was loaded."""

    virtual_services: int
    destination_rules: int
    gateways: int
    services: int
    service_entries: int
    workloads: int
    routes: int
    clusters: int
    bytes: int  #: memory held by the table
    gateway_api_routes: int  #: HTTPRoutes and GRPCRoutes


def load(*sources: str | os.PathLike[str] | bytes | Yaml, domain: str | None = None, root_namespace: str | None = None,
         namespace: str | None = None, lint: bool = False, max_bytes: int = 0, max_depth: int = 0,
         max_nodes: int = 0, recursive: bool = False, lenient: bool = False) -> Table:
    """Loads files, folders and YAML texts as one configuration.

    A str with a line break in it, and bytes, are YAML; any other str and every os.PathLike is a path. Of a
    folder, its own ``*.yaml``, ``*.yml`` and ``*.json`` are read, but not kustomization.yaml; subfolders are read only
    with ``recursive``.

    domain: the cluster's DNS domain ("cluster.local"); root_namespace: Istio's ("istio-system");
    namespace: of resources that name none ("default"); lint: also report rules that are probably a mistake (``warnings``);
    recursive: read the subfolders of folders, too; lenient: pass over files that are not Kubernetes resources, such as
    values.yaml and Helm templates, with a warning instead of an error;
    max_bytes of one file, max_depth and max_nodes of YAML: 0 is the C library's own limit.

    Raises ConfigError with the place of every error, also if a file cannot be read.
    """
    if not sources:
        raise TypeError("load() needs at least one file, folder or text")
    for limit in (max_bytes, max_depth, max_nodes):
        if limit < 0:
            raise ValueError("limits are not negative")
    code, handle, found = c.hr_load(tuple(map(_source, sources)), domain, root_namespace, namespace,
                                    max_bytes, max_depth, max_nodes, int(lint), int(recursive), int(lenient))
    errors, warnings = _diagnostics(found)
    if code == c.HR_ENOMEM:
        raise MemoryError(c.hr_strerror(code))
    if code != c.HR_OK or handle is None:
        raise ConfigError(errors or (Diagnostic("error", None, 0, 0, "", c.hr_strerror(code)),), warnings)
    return Table(handle, warnings)


def _source(source: str | os.PathLike[str] | bytes | Yaml) -> tuple[bytes | None, bytes | None, str | bytes | None]:
    """(path, name, text) for the C library."""
    if isinstance(source, Yaml):
        return None, os.fsencode(source.name), utf8(source.text)
    if isinstance(source, bytes) or isinstance(source, str) and "\n" in source:
        return None, b"<text>", utf8(source)
    if isinstance(source, (str, os.PathLike)):
        return os.fsencode(source), None, None
    raise TypeError(f"load() takes paths, YAML text and Yaml(), not {type(source).__name__}")


def _diagnostics(found: c.hr_diagnostics | None) -> tuple[tuple[Diagnostic, ...], tuple[Diagnostic, ...]]:
    errors: list[Diagnostic] = []
    warnings: list[Diagnostic] = []
    for i in range(c.hr_diagnostics_count(found) if found is not None else 0):
        d = c.hr_diagnostics_get(found, i)
        is_error = d.severity == c.HR_SEVERITY_ERROR
        (errors if is_error else warnings).append(Diagnostic(
            "error" if is_error else "warning", d.file, d.line, d.column, d.field or "", d.message or "", d.code or ""))
    return tuple(errors), tuple(warnings)


# The options of a view in the order of _Core's key; the names are those of hr_view_options_set.
_OPTIONS = ("gateway", "port", "namespace", "outbound_policy", "repeated_headers", "locality", "path_normalization")


class _Core:
    """A view in C, with the scratches that are not in use. It has no reference to its Table, which keeps it: without a
    circle, a table is freed with its last user and not by the next garbage collection."""

    def __init__(self, table: c.hr_table, labels: tuple[tuple[str, str], ...], *values: str | int | None) -> None:
        options = tuple((name, str(value) if isinstance(value, int) else utf8(value))
                        for name, value in zip(_OPTIONS, values) if value is not None and value != 0)
        code, handle, refused = c.hr_view_open(table, options, labels)
        if refused is not None:
            name, value = options[refused[0]]
            raise ValueError(f"{name}: expected {refused[1]}, got {value!r}")
        gateway, port = values[:2]
        if code == c.HR_ENOMEM:
            raise MemoryError(c.hr_strerror(code))
        if code == c.HR_ENOENT:
            server = f" on port {port}" if port else ""
            raise RouteError(f"there is no Gateway '{gateway}' with an HTTP server{server}", code)
        if code != c.HR_OK or handle is None:
            raise RouteError(f"no view of gateway '{gateway}', port {port}: {c.hr_strerror(code)}", code)
        self.handle = handle
        self._scratches: list[c.hr_scratch] = []

    def take_scratch(self) -> c.hr_scratch:
        try:
            return self._scratches.pop()  # atomic under the interpreter's lock, as append is
        except IndexError:
            code, scratch = c.hr_scratch_new()
        if scratch is None:
            raise MemoryError(c.hr_strerror(code))
        return scratch

    def give_scratch(self, scratch: c.hr_scratch) -> None:
        self._scratches.append(scratch)


class View:
    """A table as one data plane sees it: a caller's sidecar, or a Gateway's proxies. Created by Table.view();
    immutable; may be used by any number of threads."""

    def __init__(self, table: Table, core: _Core) -> None:
        self.table, self._core = table, core

    def route(self, method: str, url: str, headers: Headers = (), *, random: float = 0.0,
              draws: Mapping[str, float] | None = None, peer_address: str | None = None,
              trusted_proxies: int = 0, request_id: str | None = None,
              facts: Mapping[str, str] | None = None,
              claims: Claims | None = None) -> Decision:
        """See Table.route()."""
        connection = connection_facts(peer_address, trusted_proxies, request_id, facts)
        return self._decide(method, url, headers, random, draws, connection, claim_pairs(claims), None)

    def explain(self, method: str, url: str, headers: Headers = (), *, random: float = 0.0,
                draws: Mapping[str, float] | None = None, peer_address: str | None = None,
                trusted_proxies: int = 0, request_id: str | None = None,
                facts: Mapping[str, str] | None = None,
                claims: Claims | None = None) -> Explanation:
        """See Table.explain()."""
        events: list[tuple[object, ...]] = []
        connection = connection_facts(peer_address, trusted_proxies, request_id, facts)
        decision = self._decide(method, url, headers, random, draws, connection, claim_pairs(claims), events)
        return Explanation(decision, tuple(map(Event.of, events)))

    def _decide(self, method: str, url: str, headers: Headers, random: float, draws: Mapping[str, float] | None,
                connection: tuple[str | None, int, int, str | None, tuple[tuple[str | bytes, str | bytes], ...]],
                claims: tuple[tuple[str | bytes, str | bytes], ...], events: list[tuple[object, ...]] | None) -> Decision:
        scheme, authority, path = split_url(url)
        host, pairs = header_pairs(headers)
        weight, delay, abort, mirror = draw_numbers(random, draws)
        scratch = self._core.take_scratch()
        code, text = c.hr_decide(self._core.handle, scratch, utf8(method), scheme,
                                 utf8(authority if host is None else host), utf8(authority), utf8(path), pairs, weight, delay, abort, mirror,
                                 *connection, claims, events)
        self._core.give_scratch(scratch)
        if code == c.HR_ENOMEM:
            raise MemoryError(c.hr_strerror(code))
        if code != c.HR_OK or text is None:
            raise RouteError(text or c.hr_strerror(code), code)
        return Decision(text, self.table)


class Table:
    """An accepted configuration, compiled. Created by load(); immutable; may be used by any number of threads."""

    # More views than a program keeps in use. A program that creates a new one for each request must not
    # exhaust the memory.
    _MAX_VIEWS = 256

    def __init__(self, handle: c.hr_table, warnings: tuple[Diagnostic, ...]) -> None:
        self._handle = handle
        self.warnings = warnings  #: findings of load() that are not errors
        self._cores: dict[tuple[object, ...], _Core] = {}

    @property
    def gateways(self) -> dict[str, tuple[int, ...]]:
        """Each Gateway's name, "namespace/name", with its servers' ports."""
        info = c.hr_gateway_info()
        found = {}
        for i in range(c.hr_table_gateway_count(self._handle)):
            if c.hr_table_gateway(info, self._handle, i) == c.HR_OK:
                found[info.name] = c.hr_gateway_ports(info)
        return found

    @property
    def stats(self) -> Stats:
        stats = c.hr_stats()
        c.hr_table_stats(stats, self._handle)
        return Stats(**{f.name: getattr(stats, f.name) for f in fields(Stats)})

    def view(self, *, gateway: str | None = None, port: int | None = None, namespace: str | None = None,
             source_labels: Mapping[str, str] | None = None, outbound_policy: str = "allow-any",
             repeated_headers: str = "joined", locality: str | None = None,
             path_normalization: str = "base") -> View:
        """The view of a caller's sidecar ("mesh", the default), or of the Gateway "namespace/name".

        port: the service port called, or the Gateway server's; default 80, or the port of the Gateway's first
        HTTP server where it has none on 80. namespace: of the proxy (a sidecar's is "default", a Gateway's its
        own). source_labels: of the proxy's pod. outbound_policy: what a sidecar does with unknown hosts,
        "allow-any" or "registry-only". repeated_headers: how a header that comes more than once is matched,
        "joined" with commas (Envoy up to 1.38) or "each" value by itself (from 1.39 on). locality: where the proxy
        runs, "region/zone/subzone", for localityLbSetting; default: what the topology labels among source_labels
        say. path_normalization: the mesh's, "base" (Istio's default), "none", "merge-slashes" or
        "decode-and-merge-slashes".

        Raises RouteError if there is no such Gateway, or it has no HTTP server on that port.
        """
        return self._view(0 if port is None else checked_port(port), gateway, namespace, source_labels,
                          outbound_policy, repeated_headers, locality, path_normalization)

    def _view(self, port: int, gateway: str | None, namespace: str | None, source_labels: Mapping[str, str] | None,
              outbound_policy: str, repeated_headers: str, locality: str | None, path_normalization: str) -> View:
        labels = tuple(sorted((source_labels or {}).items()))
        key = (labels, gateway or "mesh", port, namespace, outbound_policy, repeated_headers, locality, path_normalization)
        core = self._cores.get(key)
        if core is None:
            core = _Core(self._handle, *key)
            if len(self._cores) >= self._MAX_VIEWS:
                self._cores.clear()
            self._cores[key] = core
        return View(self, core)

    def _view_for(self, url: str, port: int | None, gateway: str | None, *rest: Any) -> View:
        ports = ports_to_try(url, gateway) if port is None else (checked_port(port),)
        for candidate in ports[:-1]:
            try:
                return self._view(candidate, gateway, *rest)
            except RouteError as e:
                if e.code != c.HR_ENOENT:
                    raise
        return self._view(ports[-1], gateway, *rest)

    def route(self, method: str, url: str, headers: Headers = (), *, gateway: str | None = None,
              port: int | None = None, namespace: str | None = None,
              source_labels: Mapping[str, str] | None = None, outbound_policy: str = "allow-any",
              repeated_headers: str = "joined", locality: str | None = None, path_normalization: str = "base",
              random: float = 0.0, draws: Mapping[str, float] | None = None, peer_address: str | None = None,
              trusted_proxies: int = 0, request_id: str | None = None,
              facts: Mapping[str, str] | None = None,
              claims: Claims | None = None) -> Decision:
        """Decides one request.

        headers: a mapping, or pairs where a name occurs twice; ``Host`` replaces the URL's authority, but not as
            the address that the client connects to.
        port: default the URL's (whatever Host says), else 80 (of a Gateway without such a server: view()'s default). gateway,
        namespace, source_labels, outbound_policy, repeated_headers, locality, path_normalization: see view().
        random: the number in [0, 1) that settles weights, faults and mirrors; draws: a number for each, by name
        ("weight", "delay", "abort", "mirror"). Same numbers, same decision.

        peer_address: where the request comes from, "ADDRESS" or "ADDRESS:PORT"; None: unknown. trusted_proxies: how
        many proxies in front are believed (numTrustedProxies). request_id: the fresh x-request-id of a request that
        gets one. facts: values of formatter commands in header values, such as {"HOSTNAME": "gw-1"}.
        claims: the payload of the request's validated token, for rules on @request.auth.claims, such as
        {"sub": "x", "groups": ["dev", "ops"], "user": {"role": "admin"}}.

        Raises RouteError for a request that no HTTP parser would pass.
        """
        view = self._view_for(url, port, gateway, namespace, source_labels, outbound_policy, repeated_headers,
                              locality, path_normalization)
        return view.route(method, url, headers, random=random, draws=draws, peer_address=peer_address,
                          trusted_proxies=trusted_proxies, request_id=request_id, facts=facts, claims=claims)

    def explain(self, method: str, url: str, headers: Headers = (), *, gateway: str | None = None,
                port: int | None = None, namespace: str | None = None,
                source_labels: Mapping[str, str] | None = None, outbound_policy: str = "allow-any",
                repeated_headers: str = "joined", locality: str | None = None, path_normalization: str = "base",
                random: float = 0.0, draws: Mapping[str, float] | None = None, peer_address: str | None = None,
                trusted_proxies: int = 0, request_id: str | None = None,
                facts: Mapping[str, str] | None = None,
                claims: Claims | None = None) -> Explanation:
        """route() with every rule it tried, and which condition failed with which value."""
        view = self._view_for(url, port, gateway, namespace, source_labels, outbound_policy, repeated_headers,
                              locality, path_normalization)
        return view.explain(method, url, headers, random=random, draws=draws, peer_address=peer_address,
                            trusted_proxies=trusted_proxies, request_id=request_id, facts=facts, claims=claims)

    def __repr__(self) -> str:
        s = self.stats
        return (f"<headerroute.Table: {s.virtual_services} VirtualServices, {s.destination_rules} DestinationRules, "
                f"{s.gateways} Gateways, {s.services} Services>")
