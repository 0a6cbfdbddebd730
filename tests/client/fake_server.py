"""A server that speaks proxy's API and does as a test says: cuts nothing, but sends each client its own
picture back as PNG, so that a mixed-up answer shows."""
import base64
import io
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from PIL import Image

HEALTHY = {"proxy_server": {"health": "ok"}, "predict_server": {"health": "ok"}}


def png_of(picture):
    out = io.BytesIO()
    with Image.open(io.BytesIO(picture)) as image:
        image.convert("RGB").save(out, "PNG")
    return out.getvalue()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        with self.server.lock:
            self.server.connections += 1

    def log_message(self, *args):
        pass

    def answer(self, status, body, headers=()):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        for name, value in {"Via": ", ".join(f"1.1 {n}" for n in self.server.via), **dict(headers)}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        with self.server.lock:
            self.server.asked.append((self.path, dict(self.headers.items())))
        self.answer(*self.server.gets.get(self.path, (404, {"status": "ng", "detail": "no such page"})))

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.lock:
            number = len(self.server.posted)
            self.server.posted.append((self.path, dict(self.headers.items()), body))
        if self.server.on_post and self.server.on_post(self, number, body):
            return
        if self.headers["Content-Type"] == "application/json":
            png = png_of(base64.b64decode(json.loads(body)["image"]))
            self.answer(200, {"status": "ok", "img_none_bg_base64": base64.b64encode(png).decode()})
        else:
            self.answer(200, png_of(body), {"Content-Type": "image/png"})


class FakeServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.connections, self.asked, self.posted = 0, [], []
        self.gets = {"/health": (200, HEALTHY), "/metadata": (200, {"iterations": 1})}
        self.via = ["predict-pod1", "proxy-pod1", "gateway"]
        self.on_post = None  # (handler, number of the request, body) -> true: it has answered
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def port(self):
        return self.server_address[1]

    def close(self):
        self.shutdown()
        self.server_close()
