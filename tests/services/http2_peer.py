"""An upstream server of HTTP/2 that does as a test says, on python3-h2: well-behaved, slow, hostile, gone."""
import socket
import ssl
import struct
import threading

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.settings


class Request:
    def __init__(self, stream, headers, connection):
        self.stream, self.headers, self.connection = stream, headers, connection
        self.body, self.trailers, self.ended, self.reset = b"", [], False, None

    def header(self, name):
        return next((v for n, v in self.headers if n == name), None)


class Connection:
    """Every method may be called from any thread."""

    def __init__(self, sock, number, settings, takes):
        self.sock, self.number, self.takes = sock, number, takes
        self.lock, self.requests, self.open = threading.Condition(), {}, True
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        self.h2.initiate_connection()
        if settings:
            self.h2.update_settings(settings)
        self.settled = settings is None
        self.flush()

    def flush(self):
        data = self.h2.data_to_send()
        if data:
            self.sock.sendall(data)

    def raw(self, *frames):
        with self.lock:
            self.flush()
            self.sock.sendall(b"".join(f if isinstance(f, bytes) else f.serialize() for f in frames))

    def head(self, request, status=200, *headers, end=False):
        with self.lock:
            self.h2.send_headers(request.stream, [(":status", str(status)), *headers], end_stream=end)
            self.flush()

    def send(self, request, data, end=False):
        """Waits for the window."""
        while True:
            with self.lock:
                self.lock.wait_for(lambda: not self.open or request.reset is not None or not data
                                   or self.h2.local_flow_control_window(request.stream) > 0)
                if not self.open or request.reset is not None:
                    raise EOFError
                room = min(self.h2.local_flow_control_window(request.stream), self.h2.max_outbound_frame_size)
                piece, data = data[:room], data[room:]
                self.h2.send_data(request.stream, piece, end_stream=end and not data)
                self.flush()
            if not data:
                return

    def trailers(self, request, *fields):
        with self.lock:
            self.h2.send_headers(request.stream, list(fields), end_stream=True)
            self.flush()

    def answer(self, request, body=b"", status=200, *headers):
        self.head(request, status, *headers, end=not body)
        if body:
            self.send(request, body, end=True)

    def reset_stream(self, request, code):
        with self.lock:
            self.h2.reset_stream(request.stream, code)
            self.flush()

    def go_away(self, last=None, code=0):
        """`last`: the last stream that is served; None: the newest."""
        last = max(self.requests, default=0) if last is None else last
        payload = struct.pack(">II", last, code)
        self.raw(len(payload).to_bytes(3, "big") + b"\x07\x00\x00\x00\x00\x00" + payload)

    def cut(self):
        """Closes with RST instead of FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.shutdown(socket.SHUT_RD)  # the thread that reads closes it

    def close(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def echo(connection, request):
    connection.answer(request, request.body, 200, ("x-path", request.header(":path")), ("x-connection", str(connection.number)))


class Http2Peer:
    """`behave` is called on a thread of its own for each request: when it is complete, or with `at_head` as soon as its
    head has come. `takes` false: content is not acknowledged, so that the client's window closes."""

    def __init__(self, behave=echo, host="127.0.0.1", port=0, at_head=False, settings=None, takes=True, tls=None, on_connect=None):
        self.behave, self.at_head, self.settings, self.takes, self.tls = behave, at_head, settings, takes, tls
        self.on_connect = on_connect
        self.requests, self.connections, self.all, self.lock, self.closing = [], 0, [], threading.Lock(), False
        self.pings = 0
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((host, port))
        self.listener.listen(512)
        self.host, self.port = host, self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self):
        return f"http://{self.host}:{self.port}"

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                if self.closing:
                    sock.close()
                    return
                self.connections += 1
                number = self.connections
            threading.Thread(target=self._serve, args=(sock, number), daemon=True).start()

    def _behave(self, connection, request):
        try:
            self.behave(connection, request)
        except (EOFError, OSError, h2.exceptions.ProtocolError):
            pass

    def _event(self, connection, event):
        stream = getattr(event, "stream_id", None)
        request = connection.requests.get(stream)
        begin = False
        if isinstance(event, h2.events.RequestReceived):
            request = connection.requests[stream] = Request(stream, event.headers, connection)
            with self.lock:
                self.requests.append(request)
            begin = self.at_head
        elif isinstance(event, h2.events.PingReceived):
            self.pings += 1
        elif request is None:
            return
        elif isinstance(event, h2.events.DataReceived):
            request.body += event.data
            if connection.takes:
                connection.h2.acknowledge_received_data(event.flow_controlled_length, stream)
        elif isinstance(event, h2.events.TrailersReceived):
            request.trailers = event.headers
        elif isinstance(event, h2.events.StreamEnded):
            request.ended = True
            begin = not self.at_head
        elif isinstance(event, h2.events.StreamReset):
            request.reset = int(event.error_code)
        if begin:
            threading.Thread(target=self._behave, args=(connection, request), daemon=True).start()

    def _serve(self, sock, number):
        connection = None
        try:
            if self.tls:
                sock = self.tls.wrap_socket(sock, server_side=True)
            connection = Connection(sock, number, self.settings, self.takes)
            with self.lock:
                self.all.append(connection)
            if self.on_connect:
                self.on_connect(connection)
            while True:
                data = sock.recv(65536)
                if not data:
                    break
                with connection.lock:
                    for event in connection.h2.receive_data(data):
                        self._event(connection, event)
                    connection.flush()
                    connection.lock.notify_all()
        except (OSError, ssl.SSLError, h2.exceptions.ProtocolError):
            pass
        finally:
            if connection:
                with connection.lock:
                    connection.open = False
                    connection.lock.notify_all()
            sock.close()

    def open_connections(self):
        return [c for c in self.all if c.open]

    def close(self):
        with self.lock:
            self.closing = True
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        for connection in self.all:
            connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
