"""An upstream server as a process of its own, so that it can be killed and frozen. It writes every request
that it has read to a ledger, at once, and answers what the id in the path asks for:

    replica.py LEDGER HOST PORT NAME

/w/ID/SIZE/MS/DO: after MS milliseconds a body of SIZE bytes made of the ID (body_of), or the request's own body.
DO is one of `ok`, `chunked`, `reset` (half of the answer, then RST), `malformed`, `surplus` (an unsolicited
answer after the first), `drip` (byte by byte), `silent` (no answer ever).
"""
import asyncio
import os
import socket
import struct
import sys


def body_of(ident, size):
    unit = (ident + "|").encode()
    return (unit * (size // len(unit) + 1))[:size]


class Replica(asyncio.Protocol):
    ledger, name, connections = -1, "", 0

    def connection_made(self, transport):
        Replica.connections += 1
        self.transport, self.number, self.buffer, self.busy = transport, Replica.connections, b"", False
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data):
        self.buffer += data
        if not self.busy:
            self.take()

    def take(self):
        head, end, rest = self.buffer.partition(b"\r\n\r\n")
        if not end:
            return
        lines = head.decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ")
        fields = dict(line.split(": ", 1) for line in lines[1:])
        length = int(fields.get("content-length", "0"))
        if len(rest) < length:
            return
        body, self.buffer, self.busy = rest[:length], rest[length:], True
        asked = target.split("/")[2:]
        ident, size, ms, do = asked + ["0", "0", "0", "ok"][len(asked):]
        os.write(Replica.ledger, f"{ident} {method} {self.name} {self.number}\n".encode())
        asyncio.ensure_future(self.answer(ident, body if method == "POST" else body_of(ident, int(size)), int(ms) / 1000, do))

    async def answer(self, ident, body, seconds, do):
        if seconds > 0:
            await asyncio.sleep(seconds)
        fields = f"HTTP/1.1 200 OK\r\nX-Id: {ident}\r\nX-Who: {self.name}\r\n".encode()
        raw = fields + b"Content-Length: %d\r\n\r\n" % len(body) + body
        if do == "chunked":
            middle = len(body) // 2
            parts = [b"%x\r\n%s\r\n" % (len(p), p) for p in (body[:middle], body[middle:]) if p]
            raw = fields + b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(parts) + b"0\r\n\r\n"
        elif do == "malformed":
            raw = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"
        elif do == "surplus":
            raw += b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"
        if do == "silent":
            return
        if do == "reset":
            self.transport.write(raw[:len(raw) - (len(body) + 1) // 2])
            await asyncio.sleep(0.02)
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.transport.abort()
            return
        if do == "drip":
            for byte in raw:
                self.transport.write(bytes([byte]))
                await asyncio.sleep(0.001)
        else:
            self.transport.write(raw)
        self.busy = False
        if self.buffer:
            self.take()


async def serve(host, port):
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Replica, host, port, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    Replica.ledger = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    Replica.name = sys.argv[4]
    asyncio.run(serve(sys.argv[2], int(sys.argv[3])))
