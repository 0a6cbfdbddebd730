"""Sends a folder: several threads, each with its own connection, take images from one queue."""
import os
import queue
import threading

from . import pictures
from .errors import PictureError
from .server import Server, predict


class Result:
    """The result of one image."""

    def __init__(self, name):
        self.name, self.error, self.answer = name, None, None

    @property
    def ok(self):
        return self.error is None

    def as_dict(self):
        answer = self.answer
        return {
            "file": self.name,
            "ok": self.ok,
            "error": self.error,
            "status": answer.status if answer else None,
            "milliseconds": round(answer.milliseconds, 1) if answer else None,
            "via": answer.via if answer else [],
            "request_id": answer.headers.get("x-request-id") if answer else None,
            "server_timing": answer.headers.get("server-timing") if answer else None,
        }


def send_one(server, options, name, expectation):
    result = Result(name)
    try:
        picture = pictures.read_picture(os.path.join(options.in_images_dir, name))
        result.answer, png = predict(server, name, picture, options.rect, options.raw, options.retries)
        if expectation:
            expectation.check(result.answer.via)
        pictures.save_picture(options.out_images_dir, name, pictures.encode_as(name, png))
    except PictureError as e:
        result.error = str(e)
        result.answer = getattr(e, "answer", result.answer)
    return result


def send_folder(options, headers, names, expectation, on_result):
    """Sends `names`; calls on_result(result) on the caller's thread, in the order of completion."""
    todo, done = queue.SimpleQueue(), queue.SimpleQueue()
    for name in names:
        todo.put(name)
    stop = threading.Event()

    def work():
        server = Server(options.host, options.port, headers, options.timeout)
        try:
            while not stop.is_set():
                done.put(send_one(server, options, todo.get_nowait(), expectation))
        except queue.Empty:
            pass
        except BaseException as e:  # an internal error must not leave the caller waiting
            done.put(e)
        finally:
            server.close()

    # Daemon threads: an interrupted run must not wait for answers that may never arrive.
    for _ in range(min(options.concurrency, len(names))):
        threading.Thread(target=work, daemon=True).start()
    try:
        for _ in names:
            result = done.get()
            if isinstance(result, BaseException):
                raise result
            on_result(result)
    finally:
        stop.set()
