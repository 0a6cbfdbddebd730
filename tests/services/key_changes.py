"""TLS 1.3 by OpenSSL itself, for what Python's ssl cannot send: KeyUpdates and more tickets than usual, all at once."""
import ctypes
import ctypes.util
import socket
import struct

from conftest import PATIENCE

POINTERS = ("TLS_method", "SSL_CTX_new", "SSL_new", "BIO_s_mem", "BIO_new")


def library(name):
    lib = ctypes.CDLL(ctypes.util.find_library(name))
    for function in POINTERS:
        if hasattr(lib, function):
            getattr(lib, function).restype = ctypes.c_void_p
    return lib


class Tls:
    """Over a connected socket, after the handshake; the server's side if it has a `pair` of certificate and key."""

    def __init__(self, sock, pair=None):
        sock.settimeout(None)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", PATIENCE, 0))
        self.ssl, self.crypto, self.sock = library("ssl"), library("crypto"), sock
        self.context = ctypes.c_void_p(self.ssl.SSL_CTX_new(ctypes.c_void_p(self.ssl.TLS_method())))
        if pair:
            assert self.ssl.SSL_CTX_use_certificate_chain_file(self.context, str(pair[0]).encode()) == 1
            assert self.ssl.SSL_CTX_use_PrivateKey_file(self.context, str(pair[1]).encode(), 1) == 1
        self.tls = ctypes.c_void_p(self.ssl.SSL_new(self.context))
        self.ssl.SSL_set_fd(self.tls, sock.fileno())
        assert (self.ssl.SSL_accept if pair else self.ssl.SSL_connect)(self.tls) == 1
        self.written = ctypes.c_void_p(self.crypto.BIO_new(ctypes.c_void_p(self.crypto.BIO_s_mem())))
        self.ssl.SSL_set0_wbio(self.tls, self.written)

    def change_keys(self, n):
        for _ in range(n):
            assert self.ssl.SSL_key_update(self.tls, 0) == 1 and self.ssl.SSL_do_handshake(self.tls) == 1

    def give_tickets(self, n):
        for _ in range(n):
            assert self.ssl.SSL_new_session_ticket(self.tls) == 1
        assert self.ssl.SSL_do_handshake(self.tls) == 1

    def write(self, data):
        assert self.ssl.SSL_write(self.tls, data, len(data)) == len(data)

    def flush(self):
        """Sends everything since the last time at once."""
        room = ctypes.create_string_buffer(1 << 20)
        n = self.crypto.BIO_read(self.written, room, len(room))
        self.sock.sendall(room.raw[:max(n, 0)])

    def read(self):
        """What comes next; b"" at the end of the connection."""
        room = ctypes.create_string_buffer(65536)
        n = self.ssl.SSL_read(self.tls, room, len(room))
        return room.raw[:max(n, 0)]

    def close(self):
        self.ssl.SSL_free(self.tls)
        self.ssl.SSL_CTX_free(self.context)
        self.sock.close()
