"""A DNS server on loopback, over UDP, whose answers a test changes while it runs."""
import ipaddress
import socket
import struct
import threading

NXDOMAIN, SERVFAIL, SILENT = "NXDOMAIN", "SERVFAIL", "SILENT"
A, AAAA = 1, 28


def _name(packet, at):
    labels = []
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]].decode().lower())
        at += 1 + packet[at]
    return ".".join(labels), at + 1


class NameServer:
    """names: name -> list of addresses, or NXDOMAIN, SERVFAIL, SILENT; unknown names are NXDOMAIN."""

    def __init__(self, ttl=1):
        self.ttl, self.names, self.asked, self._lock = ttl, {}, [], threading.Lock()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def set(self, name, answer):
        with self._lock:
            self.names[name] = answer

    def times_asked(self, name):
        with self._lock:
            return self.asked.count(name)

    def _serve(self):
        while True:
            try:
                packet, client = self.socket.recvfrom(4096)
            except OSError:
                return
            name, end = _name(packet, 12)
            kind = struct.unpack("!H", packet[end:end + 2])[0]
            with self._lock:
                known = self.names.get(name, NXDOMAIN)
                self.asked.append(name)
            if known == SILENT:
                continue
            addresses = [] if isinstance(known, str) else [
                a for a in map(ipaddress.ip_address, known) if (A if a.version == 4 else AAAA) == kind]
            code = {NXDOMAIN: 3, SERVFAIL: 2}.get(known if isinstance(known, str) else "", 0)
            reply = packet[:2] + struct.pack("!HHHHH", 0x8180 | code, 1, len(addresses), 0, 0) + packet[12:end + 4]
            for address in addresses:
                reply += struct.pack("!HHHIH", 0xC00C, kind, 1, self.ttl, len(address.packed)) + address.packed
            self.socket.sendto(reply, client)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
