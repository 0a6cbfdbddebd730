"""An HTTP/2 client for tests: one connection whose every frame a test decides on (python3-h2 keeps the protocol's state)."""
import socket
import time

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import hpack
from conftest import PATIENCE
from hyperframe.frame import HeadersFrame

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
CANCEL, REFUSED_STREAM, ENHANCE_YOUR_CALM, NO_ERROR, PROTOCOL_ERROR = 8, 7, 11, 0, 1


def head(method="GET", path="/", *more, authority="test", scheme="http"):
    return [(":method", method), (":scheme", scheme), (":authority", authority), (":path", path), *more]


class _Connection(h2.connection.H2Connection):
    """python3-h2 refuses to go on after GOAWAY. Streams that are open then are still served (RFC 9113, section 6.8)."""

    def _receive_goaway_frame(self, frame):
        event = h2.events.ConnectionTerminated()
        event.error_code, event.last_stream_id = frame.error_code, frame.last_stream_id
        return [], [event]


class Stream:
    def __init__(self, number):
        self.number, self.status, self.headers, self.body = number, None, [], b""
        self.informed, self.trailers, self.ended, self.reset = [], None, False, None

    def header(self, name):
        return next((v for n, v in self.headers if n == name), None)

    def trailer(self, name):
        return next((v for n, v in self.trailers or [] if n == name), None)

    @property
    def over(self):
        return self.ended or self.reset is not None


class Http2:
    """`takes` false: content that comes in is not acknowledged, so that the server's window closes."""

    def __init__(self, port, host="127.0.0.1", context=None, server_name="test", settings=None, takes=True, receive_buffer=None):
        self.sock = socket.socket()
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(PATIENCE)
        self.sock.connect((host, port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context:
            self.sock = context.wrap_socket(self.sock, server_hostname=server_name)
        self.takes, self.streams, self.goaways, self.closed = takes, {}, [], False
        # What a test sends may break every rule, on purpose.
        self.h2 = _Connection(h2.config.H2Configuration(
            client_side=True, header_encoding="utf-8", validate_outbound_headers=False, normalize_outbound_headers=False))
        self.h2.initiate_connection()
        if settings:
            self.h2.update_settings(settings)
        self.flush()

    def flush(self):
        data = self.h2.data_to_send()
        if data:
            self.sock.sendall(data)

    def raw(self, *frames):
        """Frames of hyperframe, or bytes, around the state of the protocol."""
        self.flush()
        self.sock.sendall(b"".join(f if isinstance(f, bytes) else f.serialize() for f in frames))

    def open(self, headers, end=True):
        stream = Stream(self.h2.get_next_available_stream_id())
        self.streams[stream.number] = stream
        self.h2.send_headers(stream.number, headers, end_stream=end)
        self.flush()
        return stream

    def send(self, stream, data, end=False):
        """Sends all of it, waiting for the window."""
        while data or end:
            room = min(self.h2.local_flow_control_window(stream.number), self.h2.max_outbound_frame_size)
            if data and room <= 0:
                self.read()
                if stream.over or self.closed:
                    return
                continue
            piece, data = data[:room], data[room:]
            self.h2.send_data(stream.number, piece, end_stream=end and not data)
            self.flush()
            if not data:
                return

    def reset(self, stream, code=CANCEL):
        self.h2.reset_stream(stream.number, code)
        self.flush()

    def _event(self, event):
        stream = self.streams.get(getattr(event, "stream_id", None))
        if isinstance(event, h2.events.ConnectionTerminated):
            self.goaways.append(int(event.error_code))
        elif stream is None:
            return
        elif isinstance(event, h2.events.InformationalResponseReceived):
            stream.informed.append(event.headers)
        elif isinstance(event, h2.events.ResponseReceived):
            stream.status, stream.headers = int(dict(event.headers)[":status"]), event.headers[1:]
        elif isinstance(event, h2.events.TrailersReceived):
            stream.trailers = event.headers
        elif isinstance(event, h2.events.DataReceived):
            stream.body += event.data
            if self.takes:
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            stream.ended = True
        elif isinstance(event, h2.events.StreamReset):
            stream.reset = int(event.error_code)

    def read(self):
        """Takes what has come, or waits for it."""
        try:
            data = self.sock.recv(65536)
        except (ConnectionResetError, BrokenPipeError):
            data = b""
        if not data:
            self.closed = True
            return
        for event in self.h2.receive_data(data):
            self._event(event)
        try:
            self.flush()
        except OSError:
            pass  # the end comes with the next read

    def until(self, condition):
        end = time.monotonic() + PATIENCE
        while not condition():
            assert not self.closed, "the connection ended"
            assert time.monotonic() < end, "it did not happen in time"
            self.read()

    def wait(self, stream):
        self.until(lambda: stream.over)
        return stream

    def call(self, method="GET", path="/", *more, body=None, **kwargs):
        stream = self.open(head(method, path, *more, **kwargs), end=body is None)
        if body is not None:
            self.send(stream, body, end=True)
        return self.wait(stream)

    def wait_closed(self):
        """Reads to the end of the connection."""
        while not self.closed:
            self.read()

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def headers_frame(number, fields, *flags):
    frame = HeadersFrame(number)
    # Never indexed: the state of compression stays as python3-h2 knows it.
    frame.data = hpack.Encoder().encode([hpack.NeverIndexedHeaderTuple(n, v) for n, v in fields])
    for flag in flags or ("END_STREAM", "END_HEADERS"):
        frame.flags.add(flag)
    return frame


def goaways(data):
    """The codes of the GOAWAY frames in what a server sent."""
    codes = []
    while len(data) >= 9:
        length, kind = int.from_bytes(data[:3], "big"), data[3]
        if kind == 7:
            codes.append(int.from_bytes(data[13:17], "big"))
        data = data[9 + length:]
    return codes


def to_the_end(sock):
    """All that the server sends before it ends the connection."""
    data = b""
    try:
        while more := sock.recv(65536):
            data += more
    except ConnectionResetError:
        pass
    return data
