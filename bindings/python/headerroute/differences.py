"""What a change to the rules changes, for all requests."""
from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import Any, Iterable, Mapping

from . import lowlevel as c
from .errors import RouteError
from .request import checked_port, utf8
from .table import Table


@dataclass(frozen=True)
class Where:
    """One condition of a region."""

    field: str  #: "method", "scheme", "authority", "path", "headers[NAME]" or "queryParams[NAME]"
    op: str  #: "exact", "prefix", "suffix", "regex" or "present"
    value: str | None  #: None for "present"
    negated: bool
    words: str | None  #: for a regex of several host names: text for people

    def __str__(self) -> str:
        kind, bracket, name = self.field.partition("[")
        field = f"{'header' if kind == 'headers' else 'query parameter'} {name[:-1]}" if bracket else kind
        if self.op == "present":
            return f"{field} {'absent' if self.negated else 'present'}"
        if self.words is not None:
            return f"{field} {'not ' if self.negated else ''}{self.words}"
        if self.op == "exact" and bracket:
            return f'{field} {"!=" if self.negated else "="} "{self.value}"'
        return f"{field} {'not ' if self.negated else ''}{'' if self.op == 'exact' else self.op + ' '}{self.value}"


@dataclass(frozen=True)
class Rule:
    """The rule that decides on one side."""

    virtual_service: str | None  #: None: no rule, or the default route of a service
    route_index: int
    match_index: int
    file: str | None
    line: int

    def __str__(self) -> str:
        if self.virtual_service is None:
            return "no rule of a VirtualService"
        match = "" if self.match_index < 0 else f".match[{self.match_index}]"
        return f"{self.virtual_service} http[{self.route_index}]{match}  {self.file}:{self.line}"


def _safe(text: str) -> str:
    """The text without what a terminal would obey, hide or misread; a lone surrogate is a byte that is not UTF-8."""
    return "".join(c if c.isprintable() else f"\\x{ord(c) - 0xDC00:02x}" if 0xDC80 <= ord(c) < 0xDD00
                   else f"\\x{ord(c):02x}" if ord(c) < 0x80 else f"\\u{{{ord(c):x}}}" for c in text)


def _quoted(word: str) -> str:
    """The word for a shell: bash and zsh read the same bytes from it, and a terminal can print it."""
    if word.isprintable():
        return shlex.quote(word)
    return "$'" + "".join(c if c.isprintable() and c not in "'\\" else f"\\{c}" if c in "'\\" else
                          "".join(f"\\x{byte:02x}" for byte in c.encode("utf-8", "surrogateescape")) for c in word) + "'"


@dataclass(frozen=True)
class Witness:
    """A request that the two sides decide differently, as a client sends it."""

    method: str
    scheme: str
    authority: str
    path: str
    headers: tuple[tuple[str, str], ...]
    claims: tuple[tuple[str, str], ...]  #: of its token, by names such as "[user][role]"
    draws: Mapping[str, float]

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"

    def curl(self) -> str:
        """A command that sends the request."""
        method: dict[str, list[str]] = {"GET": [], "HEAD": ["-I"]}
        words = ["curl", *method.get(self.method, ["-X", self.method])]
        words += ["-g"] if any(c in "[]{}" for c in self.path) else []
        words += ["--path-as-is"] if re.search(r"/\.\.?(/|$)", self.path.partition("?")[0]) else []
        for name, value in self.headers:
            words += ["-H", f"{name}: {value}" if value else f"{name};"]
        claims = ", ".join(f"{name}={value}" for name, value in self.claims)
        return " ".join(map(_quoted, words + [self.url])) + (f"  # with a token of {_safe(claims)}" if claims else "")


@dataclass(frozen=True)
class ComparedView:
    """Whose data plane was compared."""

    gateway: str  #: "mesh" or "namespace/name"
    port: int
    namespace: str  #: "any other namespace": one that the files do not name, compared for all such
    source_labels: Mapping[str, str]
    regions: int  #: all that were compared
    changed: int  #: those with different decisions
    undecided: int

    def __str__(self) -> str:
        if self.gateway != "mesh":
            return f"gateway {self.gateway} port {self.port}"
        labels = " ".join(f"{name}={value}" for name, value in self.source_labels.items())
        kind = "" if self.namespace.startswith("any other namespace") else "namespace "
        return f"mesh, {kind}{self.namespace}{', labels ' + labels if labels else ''}, port {self.port}"


@dataclass(frozen=True)
class Region:
    """Requests that one rule decides before, and another or a changed one after."""

    view: ComparedView
    where: tuple[Where, ...]  #: conditions that hold together
    exceptions: tuple[tuple[Where, ...], ...]  #: a request that meets all of one is not in the region
    changed: tuple[str, ...]  #: the parts of a decision that differ: "destination", "timeout", ...
    before: Rule
    after: Rule
    witness: Witness

    def __str__(self) -> str:
        where = ", ".join(map(str, self.where)) or "all requests"
        if self.exceptions:
            where += "; except " + " or ".join(" and ".join(map(str, e)) for e in self.exceptions)
        return (f"{_safe(where)}\n  before  {self.before}\n  after   {self.after}\n  changed {', '.join(self.changed)}\n"
                f"  e.g.    {self.witness.curl()}")


@dataclass(frozen=True)
class Undecided:
    """Something that was not decided."""

    view: ComparedView | None
    reason: str
    before: Rule
    after: Rule

    def __str__(self) -> str:
        return f"not decided: {self.reason}\n  before  {self.before}\n  after   {self.after}"


@dataclass(frozen=True)
class Diff:
    """The differences of two tables. It is true if a request changes or something was not decided."""

    views: tuple[ComparedView, ...]
    regions: tuple[Region, ...]
    undecided: tuple[Undecided, ...]
    complete: bool  #: proven: no request outside of the regions is decided differently

    def __bool__(self) -> bool:
        return bool(self.regions) or not self.complete

    def assert_unchanged(self) -> None:
        """Raises AssertionError with every region and its example unless it is proven that no request changes."""
        if self:
            raise AssertionError(str(self))

    def __str__(self) -> str:
        if not self:
            return f"no request changes ({len(self.views)} views compared)"
        lines = []
        for view in self.views:
            found = [str(r) for r in self.regions if r.view == view] + [str(u) for u in self.undecided if u.view == view]
            if found:
                lines.append(f"{view}: {view.changed} of {view.regions} regions of requests change")
                lines += ["  " + line for text in found for line in text.splitlines()]
        lines += [str(u) for u in self.undecided if u.view is None]
        return "\n".join(lines)


def diff(before: Table, after: Table, *, only: Iterable[str] = (), gateway: str | None = None, port: int | None = None,
         namespace: str | None = None, source_labels: Mapping[str, str] | None = None, outbound_policy: str = "allow-any",
         repeated_headers: str = "joined", path_normalization: str = "base") -> Diff:
    """Compares two tables for all requests.

    only: the parts of a decision to compare, such as ("destination", "weights"); default: all that a decision shows.
    gateway, port, namespace, source_labels: one view, as for Table.view(); default: every view that either table defines.

    Raises RouteError if neither table has the view, ValueError for an unknown part or option.
    """
    bits = _change_bits(only)
    one = gateway is not None or port is not None or namespace is not None or bool(source_labels)
    options = {"gateway": gateway, "port": None if port is None else str(checked_port(port)), "namespace": namespace,
               "outbound_policy": outbound_policy, "repeated_headers": repeated_headers, "path_normalization": path_normalization}
    code, complete, views, regions, undecided = c.hr_compare(
        before._handle, after._handle, bits, int(one), tuple((k, utf8(v)) for k, v in options.items() if v is not None),
        tuple(sorted((source_labels or {}).items())))
    if code == c.HR_ENOMEM:
        raise MemoryError(c.hr_strerror(code))
    if code == c.HR_ENOENT:
        raise RouteError(f"neither side has the Gateway '{gateway}' with an HTTP server on that port", code)
    if code != c.HR_OK:
        raise RouteError(c.hr_strerror(code), code)
    made = tuple(map(_view, views))
    return Diff(made, tuple(_region(made, r) for r in regions), tuple(_undecided(made, u) for u in undecided), bool(complete))


def _change_bits(only: Iterable[str]) -> int:
    names = c.hr_change_names()
    unknown = sorted(set([only] if isinstance(only, str) else only) - set(names))
    if unknown:
        raise ValueError(f"unknown part of a decision '{unknown[0]}': expected {', '.join(names)}")
    return sum(1 << names.index(name) for name in set([only] if isinstance(only, str) else only))


def _view(t: Any) -> ComparedView:
    return ComparedView(t[0], t[1], t[2], dict(t[3]), *t[4:])


def _region(views: tuple[ComparedView, ...], t: Any) -> Region:
    view, where, exceptions, changed, before, after, witness = t
    method, scheme, authority, path, headers, claims, draws = witness
    return Region(views[view], _where(where), tuple(map(_where, exceptions)), changed, Rule(*before), Rule(*after),
                  Witness(method, scheme, authority, path, headers, claims, dict(zip(("weight", "delay", "abort", "mirror"), draws))))


def _where(conditions: Any) -> tuple[Where, ...]:
    return tuple(Where(field, op, value, bool(negated), words) for field, op, value, negated, words in conditions)


def _undecided(views: tuple[ComparedView, ...], t: Any) -> Undecided:
    view, reason, before, after = t
    return Undecided(views[view] if view < len(views) else None, reason, Rule(*before), Rule(*after))
