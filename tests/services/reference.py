"""A strict reader of HTTP/1.1 requests, slow and plain, by RFC 9112 alone: what a stream of bytes holds before the
first thing that is not well-formed. Whatever a gateway passes on must be among it."""
import re

TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
REQUEST_LINE = re.compile(rb"(" + TOKEN + rb") ([!-~\x80-\xff]+) HTTP/1\.([0-9])")
FIELD = re.compile(rb"(" + TOKEN + rb"):[ \t]*((?:[\t !-~\x80-\xff]*[!-~\x80-\xff])?)[ \t]*")
CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})(;[\t !-~\x80-\xff]*)?")


def unchunked(data):
    """(body, rest), or None."""
    body = b""
    while True:
        line, end, data = data.partition(b"\r\n")
        match = CHUNK_LINE.fullmatch(line)
        if not end or not match:
            return None
        size = int(match[1], 16)
        if size == 0:
            break
        if len(data) < size + 2 or data[size:size + 2] != b"\r\n":
            return None
        body, data = body + data[:size], data[size + 2:]
    while not data.startswith(b"\r\n"):
        line, end, data = data.partition(b"\r\n")
        if not end or not re.match(TOKEN + rb":[\t !-~\x80-\xff]*$", line):
            return None
    return body, data[2:]


def one_request(data):
    """((method, target, body), rest, the connection goes on), or None."""
    # RFC 9112, section 2.2: an empty line before the request line is ignored.
    head, end, rest = data.removeprefix(b"\r\n").partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    start = REQUEST_LINE.fullmatch(lines[0])
    fields = [FIELD.fullmatch(line) for line in lines[1:]]
    if not end or not start or not all(fields) or b"\n" in head.replace(b"\r\n", b""):
        return None

    def all_of(name):
        return [f[2] for f in fields if f[1].lower() == name]
    lengths, codings, hosts = all_of(b"content-length"), all_of(b"transfer-encoding"), all_of(b"host")
    if len(lengths) > 1 or len(codings) > 1 or (lengths and codings) or len(hosts) > 1 or (start[3] != b"0" and not hosts):
        return None
    body = b""
    if lengths:
        if not re.fullmatch(rb"[0-9]+", lengths[0]) or len(rest) < int(lengths[0]):
            return None
        body, rest = rest[:int(lengths[0])], rest[int(lengths[0]):]
    elif codings:
        found = unchunked(rest) if codings[0].lower() == b"chunked" and start[3] != b"0" else None
        if found is None:
            return None
        body, rest = found
    options = b",".join(all_of(b"connection")).lower()
    goes_on = b"close" not in options and (start[3] != b"0" or b"keep-alive" in options)
    target = start[2].decode("latin-1")
    if not target.startswith("/") and target != "*":
        target = re.sub("^http://[^/]*", "", target, flags=re.IGNORECASE) or "/"
    return (start[1].decode(), target, body), rest, goes_on


def requests_of(data):
    found, goes_on = [], True
    while goes_on and (one := one_request(data)):
        request, data, goes_on = one
        found.append(request)
    return found
