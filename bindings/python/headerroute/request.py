"""A request as Python has it, in the form that the C library takes."""
from __future__ import annotations

import ipaddress
import re
from typing import Any, Iterable, Mapping, Union

from . import lowlevel as c
from .errors import RouteError

Headers = Union[Mapping[str, Union[str, bytes]], Iterable[tuple[str, Union[str, bytes]]]]

Claims = Mapping[str, Any]  # the payload of a JSON web token


def utf8(text: str | bytes) -> str | bytes:
    """Returns a str that C can read, or bytes: lone surrogates (PEP 383) become the bytes that they represent."""
    if isinstance(text, str):
        return text if text.isascii() else text.encode("utf-8", "surrogateescape")
    if isinstance(text, bytes):
        return text
    raise TypeError(f"expected str or bytes, got {type(text).__name__}")


_SCHEME = re.compile(r"([^/?#:]*)://")
_HOST_AND_PATH = re.compile(r"(?:[^/?#]*@)?([^/?#@]+)([^#]*)")
_PORT = re.compile(r":(\d+)$")


def split_url(url: str) -> tuple[str, str, str]:
    """(scheme, authority, path with query) as a client sends them: no user, no fragment. As curl has it,
    a URL without a scheme is http's."""
    m = _SCHEME.match(url)
    scheme, rest = (m[1].lower(), url[m.end():]) if m else ("http", url)
    m = _HOST_AND_PATH.match(rest)
    if not m:
        raise RouteError(f"'{url}' names no host: http://HOST[:PORT]/PATH is expected", c.HR_EREQUEST)
    authority, path = m.groups()
    if scheme not in ("http", "https"):
        raise RouteError(f"'{url}': the scheme is neither http nor https", c.HR_EREQUEST)
    return scheme, authority, path if path.startswith("/") else "/" + path


def ports_to_try(url: str, gateway: str | None) -> tuple[int, ...]:
    """The ports that a view for `url` may have, best first; 0 is the library's default. A sidecar is asked on
    the port that the URL names. A Gateway is reached under any address and port there is, so that its own
    default comes after the URL's."""
    scheme, authority, _ = split_url(url)
    m = _PORT.search(authority)
    named = (checked_port(int(m[1])),) if m else ()
    if gateway in (None, "mesh"):
        return named or (0,)
    return named + ((443,) if scheme == "https" else ()) + (0,)


def checked_port(port: int) -> int:
    if not 1 <= port <= 65535:
        raise RouteError(f"port {port} is not between 1 and 65535", c.HR_EREQUEST)
    return port


def _without_blanks(value: str | bytes) -> str | bytes:
    if isinstance(value, str):
        return value.strip(" \t")
    return value.strip(b" \t")


def header_pairs(headers: Headers) -> tuple[str | bytes | None, tuple[tuple[str | bytes, str | bytes], ...]]:
    """(Host or None, the others): the library takes the authority apart from the headers."""
    host: str | bytes | None = None
    pairs: list[tuple[str | bytes, str | bytes]] = []
    for name, value in headers.items() if isinstance(headers, Mapping) else headers:
        encoded, trimmed = utf8(name), _without_blanks(utf8(value))
        if encoded.lower() in ("host", b"host"):
            host = trimmed
        else:
            pairs.append((encoded, trimmed))
    return host, tuple(pairs)


_DRAW_NAMES = ("weight", "delay", "abort", "mirror")


def draw_numbers(random: float, draws: Mapping[str, float] | None) -> list[float]:
    unknown = set(draws or ()) - set(_DRAW_NAMES)
    if unknown:
        raise ValueError(f"no draw is called '{sorted(unknown)[0]}': {', '.join(_DRAW_NAMES)} are")
    values = [float((draws or {}).get(name, random)) for name in _DRAW_NAMES]
    for value in values:
        if not 0 <= value < 1:
            raise ValueError(f"a draw is at least 0 and less than 1, not {value}")
    return values


def connection_facts(peer: str | None, trusted_proxies: int, request_id: str | None, facts: Mapping[str, str] | None,
                     ) -> tuple[str | None, int, int, str | None, tuple[tuple[str | bytes, str | bytes], ...]]:
    """(address, port, trusted proxies, request id, facts) of the connection that a request comes over."""
    address, port = split_peer(peer) if peer is not None else (None, 0)
    if not 0 <= trusted_proxies <= 1000:
        raise ValueError(f"trusted_proxies is at least 0 and at most 1000, not {trusted_proxies}")
    pairs = tuple((utf8(name), utf8(value)) for name, value in (facts or {}).items())
    return address, port, trusted_proxies, request_id, pairs


def claim_pairs(claims: Claims | None) -> tuple[tuple[str | bytes, str | bytes], ...]:
    """("[a][b]", text) of each text in the payload of a token; of a list, one for each. Numbers, booleans and None match
    nothing in Envoy."""
    return tuple(_claims_below("", claims or {}))


def _claims_below(name: str, value: Any) -> Iterable[tuple[str | bytes, str | bytes]]:
    if isinstance(value, str):
        yield utf8(name), utf8(value)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _claims_below(f"{name}[{key}]", inner)
    elif isinstance(value, (list, tuple)):
        yield from ((utf8(name), utf8(item)) for item in value if isinstance(item, str))


def split_peer(peer: str) -> tuple[str, int]:
    """"ADDRESS", "ADDRESS:PORT" or "[ADDRESS]:PORT" in its parts; the port is 0 where there is none."""
    m = re.fullmatch(r"\[(.*)\]:(\d{1,5})|([^:]*):(\d{1,5})", peer)
    address, port = (peer, 0) if not m else (m[1] or m[3], int(m[2] or m[4]))
    try:
        return str(ipaddress.ip_address(address)), port if not port else checked_port(port)
    except ValueError:
        raise ValueError(f"peer_address is ADDRESS or ADDRESS:PORT, not '{peer}'") from None
