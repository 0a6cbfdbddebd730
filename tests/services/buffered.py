"""The bytes of a connection as a test asks for them: the client's end and the peer's."""


class Buffered:
    """What has come and was not taken stays in `buffer`. Raises EOFError where the connection ends too early."""

    def __init__(self, sock):
        self.sock, self.buffer = sock, b""

    def send(self, data):
        self.sock.sendall(data)

    def _more(self):
        data = self.sock.recv(65536)
        if not data:
            raise EOFError("the connection ended")
        self.buffer += data

    def _take(self, n):
        while len(self.buffer) < n:
            self._more()
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def _until(self, end):
        while end not in self.buffer:
            self._more()
        data, _, self.buffer = self.buffer.partition(end)
        return data

    def _line(self):
        return self._until(b"\r\n")
