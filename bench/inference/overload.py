#!/usr/bin/env python3
"""What becomes of predict when it is asked for more than it can do: several times its capacity, for a while.

First the capacity: a few clients that ask again as soon as they have their answer. Then an open load: requests come at
their times whether or not answers do, each on a connection that is free or new. Servers on one core, the load on another.
Counts are printed and checked: no answer lost, every refusal a 503 with Retry-After.
"""
import argparse
import asyncio
import collections
import os
import pathlib
import subprocess
import sys
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
PORT = 18340


def resident(pid, field):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) / 1024
    return 0.0


class Load:
    def __init__(self, photo, deadline):
        body = photo.read_bytes()
        self.request = (f"POST /predict HTTP/1.1\r\nHost: bench\r\nContent-Type: image/jpeg\r\nAccept: image/png\r\n"
                        f"x-envoy-expected-rq-timeout-ms: {deadline}\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body
        self.idle, self.answers = [], []

    async def ask(self):
        """One request; (status, seconds, Retry-After) is kept."""
        reader, writer = self.idle.pop() if self.idle else await asyncio.open_connection("127.0.0.1", PORT)
        begin = time.monotonic()
        writer.write(self.request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
        fields = dict(line.split(": ", 1) for line in head[1:] if line)
        await reader.readexactly(int(fields["content-length"]))
        self.answers.append((int(head[0].split()[1]), time.monotonic() - begin, fields.get("retry-after")))
        if fields.get("connection") == "close":
            writer.close()
        else:
            self.idle.append((reader, writer))

    async def closed(self, clients, seconds):
        """Answers a second, with so many always under way."""
        end = time.monotonic() + seconds
        async def client():
            while time.monotonic() < end:
                await self.ask()
        begin = time.monotonic()
        await asyncio.gather(*(client() for _ in range(clients)))
        done, self.answers = self.answers, []
        assert all(status == 200 for status, *_ in done), done
        return len(done) / (time.monotonic() - begin)

    async def open(self, rate, seconds):
        """All answers to requests that come at this rate; how many were sent."""
        begin, tasks, number = time.monotonic(), [], 0
        while (now := time.monotonic() - begin) < seconds:
            while number < now * rate:
                tasks.append(asyncio.create_task(self.ask()))
                number += 1
            await asyncio.sleep(0.002)
        results = await asyncio.gather(*tasks, return_exceptions=True)
        lost = [r for r in results if r is not None]
        return self.answers, number, lost, time.monotonic() - begin


async def measure(options, pid):
    load = Load(options.photo, options.deadline)
    await load.closed(2, 1)
    first = await load.closed(4, options.calibrate)
    before = resident(pid, "VmRSS")
    answers, sent, lost, elapsed = await load.open(options.factor * first, options.seconds)
    load.answers = []
    await asyncio.sleep(0.5)
    after, peak = resident(pid, "VmRSS"), resident(pid, "VmHWM")
    again = await load.closed(4, options.calibrate)
    codes = collections.Counter(status for status, *_ in answers)
    good = sorted(seconds for status, seconds, _ in answers if status == 200)
    honest = all(retry is not None and int(retry) >= 1 for status, _, retry in answers if status == 503)
    capacity = (first + again) / 2  # the machine's own pace drifts
    print(f"capacity        {first:.1f} images/s before, {again:.1f} after")
    print(f"load            {sent} requests in {options.seconds:g} s: {sent / options.seconds / capacity:.1f} times the capacity")
    print(f"answers         {dict(codes)}, lost: {len(lost)}, every 503 with Retry-After: {'yes' if honest else 'NO'}")
    print(f"goodput         {len(good) / elapsed:.1f} images/s: {100 * len(good) / elapsed / capacity:.0f} % of the capacity")
    print(f"time of a 200   p50 {1000 * good[len(good) // 2]:.0f} ms, p99 {1000 * good[len(good) * 99 // 100]:.0f} ms, "
          f"deadline {options.deadline} ms; {codes[504]} were late (504)")
    print(f"resident        {before:.0f} MiB before, {after:.0f} after, {peak:.0f} at most")
    return not lost and honest and set(codes) <= {200, 503, 504} and len(answers) == sent


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=ROOT / "build/release", type=pathlib.Path)
    parser.add_argument("--photo", default=ROOT / "photos/portrait.jpg", type=pathlib.Path, help="a JPEG")
    parser.add_argument("--seconds", default=20.0, type=float)
    parser.add_argument("--calibrate", default=4.0, type=float, help="seconds to measure the capacity for, before and after")
    parser.add_argument("--factor", default=4.0, type=float, help="load as a multiple of the capacity")
    parser.add_argument("--deadline", default=1000, type=int, help="milliseconds that the clients wait")
    parser.add_argument("--iterations", default=1, type=int)
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[-1]})
    server = subprocess.Popen(["taskset", "-c", str(cores[0]), options.build / "bin/headerroute-predict", "--listen", f"127.0.0.1:{PORT}",
                               "--workers", "1", "--iterations", str(options.iterations), "--log-level", "error"])
    try:
        for _ in range(200):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{PORT}/ready", timeout=1).read()
                break
            except OSError:
                time.sleep(0.05)
        return 0 if asyncio.run(measure(options, server.pid)) else 1
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    sys.exit(main())
