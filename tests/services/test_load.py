"""64 keep-alive clients, each with pictures of its own that it checks; then nothing is left over."""
import json
import base64
import threading
import time

import numpy

import pictures
from conftest import PATIENCE, SANITIZE, wait_until

CLIENTS = 64
SECONDS = 8


class Load:
    def __init__(self, server, name, seconds):
        self.server, self.name, self.end = server, name, time.monotonic() + seconds
        self.good = self.busy = 0
        self.wrong, self.lock = [], threading.Lock()

    def client(self, number):
        array = pictures.disc(40 + number % 7, 36 + number % 5, number)
        body = pictures.json_body(pictures.encode(array))
        expected = pictures.reference(array, 1)[0]
        connection = self.server.connect(timeout=PATIENCE * 3)
        turn = mine = 0
        try:
            # Each until it has had its picture: a busy machine may need longer for the first of all.
            while time.monotonic() < (self.end if mine > 0 else self.end + PATIENCE):
                turn += 1
                name = f"{self.name}-{number}-{turn}"
                connection.request("POST", "/predict?job_id=" + name, body,
                                   {"content-type": "application/json", "x-request-id": name})
                answer = connection.getresponse()
                data = answer.read()
                ok = answer.getheader("x-request-id") == name
                if answer.status == 200:
                    out = pictures.decode(base64.b64decode(json.loads(data)["img_none_bg_base64"]))
                    ok = ok and numpy.array_equal(out, expected)
                else:
                    ok = ok and answer.status == 503 and int(answer.getheader("retry-after")) >= 1
                mine += ok and answer.status == 200
                with self.lock:
                    self.good += ok and answer.status == 200
                    self.busy += ok and answer.status == 503
                    if not ok:
                        self.wrong.append((name, answer.status, data[:200]))
        except OSError as problem:
            with self.lock:
                self.wrong.append((number, problem))
        connection.close()

    def run(self):
        threads = [threading.Thread(target=self.client, args=(i,)) for i in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return self


def test_64_clients_get_their_own_pictures_and_memory_stays_flat(start):
    server = start("headerroute-predict", "--iterations", 1)
    first = Load(server, "first", SECONDS / 2).run()
    assert not first.wrong, first.wrong[:3]
    settled = server.rss()
    second = Load(server, "second", SECONDS).run()
    assert not second.wrong, second.wrong[:3]
    assert first.good >= CLIENTS and second.good >= CLIENTS
    quiet = wait_until(lambda: (lambda m: m if m["headerroute_http_connections"] == 1 else None)(server.metrics()),
                       "all clients are gone")
    for name in ("headerroute_jobs_queued", "headerroute_jobs_running", "headerroute_work_memory_bytes",
                 "headerroute_upload_memory_bytes", "headerroute_answer_memory_bytes", "headerroute_log_lines_dropped_total"):
        assert quiet[name] == 0, name
    served = quiet['headerroute_http_requests_total{code="200",method="POST"}']
    assert served == first.good + second.good
    sent = first.good + first.busy + second.good + second.busy
    ids = wait_until(lambda: (lambda x: x if len(x) >= sent else None)(
        [x["request_id"] for x in server.log() if x["path"].startswith("/predict")]), "all are logged")
    assert len(ids) == len(set(ids)) == sent
    if not SANITIZE:  # a sanitizer keeps what was freed
        assert server.rss() < settled + (8 << 20), (settled, server.rss())
    print(f"{second.good / SECONDS:.0f} pictures a second, {server.rss() >> 20} MiB", end=" ")
