"""One keep-alive connection to the system, and the interpretation of its answers."""
import base64
import binascii
import http.client
import json
import time
from urllib.parse import urlencode

from .errors import PictureError, RunError
from .pictures import format_of

# No cut-out of an image that the servers accept is larger. The limit bounds the memory of this program.
MAX_ANSWER_BYTES = 256 * 1024 * 1024
# The longest Retry-After of a busy server for which this program waits.
MAX_RETRY_AFTER_S = 10.0


class Answer:
    """Status, headers (lower-case names, repeated ones joined) and body of one call."""

    def __init__(self, status, headers, body, milliseconds):
        self.status, self.headers, self.body, self.milliseconds = status, headers, body, milliseconds

    @property
    def via(self):
        """Names of the hops, in the order they added themselves: '1.1 a, 1.1 b' is ['a', 'b']."""
        hops = (part.split() for part in self.headers.get("via", "").split(","))
        return [words[1] for words in hops if len(words) >= 2]

    def json(self):
        return json.loads(self.body.decode("utf-8"))

    def detail(self):
        """Returns the server's sentence about a failure, or the start of its answer."""
        try:
            value = self.json()
            if isinstance(value, dict) and isinstance(value.get("detail"), str):
                return value["detail"]
        except ValueError:
            pass
        text = self.body[:200].decode("utf-8", "replace").strip()
        return " ".join(text.split()) or "no body"


class Server:
    """Used by one thread. Reconnects automatically; every call may raise OSError or HTTPException."""

    def __init__(self, host, port, headers, timeout):
        self.address = f"{host}:{port}"
        self.headers = headers
        self._connection = http.client.HTTPConnection(host, port, timeout=timeout)

    def close(self):
        self._connection.close()

    def call(self, method, path, body=None, headers=None):
        sent = {**self.headers, **(headers or {})}
        begin = time.monotonic()
        reused = self._connection.sock is not None
        try:
            return self._once(method, path, body, sent, begin)
        except (BrokenPipeError, ConnectionResetError, http.client.RemoteDisconnected):
            # A kept connection may have been closed by the server while it was idle: that is no
            # failure of this request. A fresh connection that breaks is one.
            self._connection.close()
            if not reused:
                raise
        return self._once(method, path, body, sent, begin)

    def _once(self, method, path, body, headers, begin):
        try:
            self._connection.request(method, path, body=body, headers=headers)
            response = self._connection.getresponse()
            data = response.read(MAX_ANSWER_BYTES + 1)
            if len(data) > MAX_ANSWER_BYTES:
                raise http.client.HTTPException(f"an answer of more than {MAX_ANSWER_BYTES} bytes")
            if response.length:  # http.client does not report a body that ends before its length
                raise http.client.IncompleteRead(data, response.length)
        except BaseException:
            self._connection.close()
            raise
        joined = {}
        for name, value in response.getheaders():
            name = name.lower()
            joined[name] = f"{joined[name]}, {value}" if name in joined else value
        return Answer(response.status, joined, data, (time.monotonic() - begin) * 1000)


def why(error):
    """Returns a network failure as text: some of Python's exceptions have none."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, http.client.IncompleteRead):
        return "the answer broke off"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def check_health(server):
    """Returns the answer of /health; raises RunError if a server is not healthy."""
    answer = _ask(server, "/health")
    sick = [name for name, health in _healths(answer) if health != "ok"]
    if sick:
        raise RunError(f"{server.address} is up, but not healthy: {', '.join(sick)}")
    return answer


def check_metadata(server):
    """Returns the answer of /metadata. A 404 is not an error, since an ingress may not route this path."""
    return _ask(server, "/metadata", optional=True)


def _ask(server, path, optional=False):
    try:
        answer = server.call("GET", path)
    except (OSError, http.client.HTTPException) as e:
        raise RunError(f"no server answers at {server.address}: {why(e)}") from None
    if optional and answer.status == 404:
        return answer
    if answer.status != 200:
        raise RunError(f"{server.address}{path} answered {answer.status}: {answer.detail()}")
    try:
        answer.json()
    except ValueError:
        raise RunError(f"{server.address}{path} did not answer JSON: is this the right server?") from None
    return answer


def _healths(answer):
    """(name, health) of predict's {"health": ...} and of proxy's {"proxy_server": {"health": ...}, ...}."""
    value = answer.json()
    if not isinstance(value, dict):
        return [("/health", "unknown")]
    if "health" in value:
        return [("server", value["health"])]
    return [(name, part.get("health") if isinstance(part, dict) else None) for name, part in value.items()] \
        or [("/health", "unknown")]


def predict(server, name, picture, rect=None, raw=False, retries=2, sleep=time.sleep):
    """Sends one image; returns (answer, PNG). Raises PictureError for any answer except a 200 with an image;
    its `answer` is that answer, if there was one."""
    path = "/predict" + (f"?{urlencode({'rect': rect})}" if rect else "")
    if raw:
        headers, body = {"Content-Type": format_of(name)[0], "Accept": "image/png"}, picture
    else:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        body = json.dumps({"image": base64.b64encode(picture).decode("ascii")}).encode("ascii")
    for attempt in range(retries + 1):
        try:
            answer = server.call("POST", path, body, headers)
        except (OSError, http.client.HTTPException) as e:
            raise PictureError(why(e)) from None
        wait = _retry_after(answer)
        if wait is None or attempt == retries:
            break
        sleep(wait)
    try:
        return answer, _picture_of(answer, raw)
    except PictureError as e:
        e.answer = answer
        raise


def _retry_after(answer):
    """Returns the seconds of a busy server's Retry-After; None if there is none, or if it is too long."""
    try:
        seconds = float(answer.headers["retry-after"]) if answer.status == 503 else None
    except (KeyError, ValueError):
        return None
    return seconds if seconds is not None and 0 <= seconds <= MAX_RETRY_AFTER_S else None


def _picture_of(answer, raw):
    if answer.status != 200:
        raise PictureError(f"answered {answer.status}: {answer.detail()}")
    if raw and answer.headers.get("content-type", "").startswith("image/png"):
        return answer.body
    try:
        value = answer.json()
        if value["status"] != "ok":
            raise PictureError(f"answered 200 with status '{value['status']}': {answer.detail()}")
        return base64.b64decode(value["img_none_bg_base64"], validate=True)
    except (ValueError, KeyError, TypeError, binascii.Error):
        raise PictureError("the answer is not the JSON that a predict server gives") from None
