"""Raw sockets: what no well-behaved HTTP client would send."""
import socket
import time


def connect(server, timeout=20):
    sock = socket.create_connection(server.address, timeout=timeout)
    return sock


_surplus = {}


def read_answer(sock):
    """One answer: (status, {field: value}, body). The end or a reset before it: (None, {}, what came)."""
    data = _surplus.pop(sock, b"")
    try:
        while b"\r\n\r\n" not in data:
            part = sock.recv(65536)
            if not part:
                return None, {}, data
            data += part
        head, _, body = data.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ")[1])
        fields = {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in lines[1:])}
        length = int(fields.get("content-length", 0))
        while len(body) < length:
            part = sock.recv(65536)
            if not part:
                break
            body += part
        if body[length:]:
            _surplus[sock] = body[length:]  # the beginning of the next answer
        return status, fields, body[:length]
    except (ConnectionResetError, BrokenPipeError):
        return None, {}, data


def send_raw(server, data, timeout=20):
    """Sends bytes on a connection of their own and reads one answer."""
    with connect(server, timeout) as sock:
        try:
            sock.sendall(data)
        except (ConnectionResetError, BrokenPipeError):
            pass
        return read_answer(sock)


def is_closed(sock, seconds=20):
    """Does the server close the connection?"""
    sock.settimeout(seconds)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if not sock.recv(65536):
                return True
        except ConnectionResetError:
            return True
        except (TimeoutError, socket.timeout):
            return False
    return False
