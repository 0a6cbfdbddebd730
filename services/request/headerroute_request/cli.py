"""Flags, messages and exit codes of headerroute-request."""
import argparse
import contextlib
import importlib.metadata
import json
import os
import pathlib
import re
import sys

from . import pictures
from .errors import RunError
from .progress import make_bar
from .route import expect
from .run import send_folder
from .server import Server, check_health, check_metadata

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2

EPILOG = """\
Each result has its image's file name, and the extension selects the format: .png as received from the
server, .webp lossless, .bmp, .jpg and .jpeg with quality 95.

exit codes: 0 all images were answered and saved; 1 some were not, or nothing could be sent;
2 a wrong flag; 130 interrupted
"""


def number(low, high, kind=int):
    def parse(text):
        try:
            value = kind(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"'{text}' is not a number") from None
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text} is not between {low} and {high}")
        return value
    return parse


def header_name(text):
    if not TOKEN.fullmatch(text):
        raise argparse.ArgumentTypeError(f"'{text}' is not the name of a header")
    return text


def header_value(text):
    if any(ord(c) < 0x20 and c != "\t" or ord(c) == 0x7F for c in text):
        raise argparse.ArgumentTypeError("control characters cannot be sent in a header")
    return text


def rect(text):
    if text != "auto" and not re.fullmatch(r"-?\d+,-?\d+,\d+,\d+", text):
        raise argparse.ArgumentTypeError(f"'{text}' is neither x,y,w,h nor auto")
    return text


def version():
    """Of the checkout that this file is in, else of the installed distribution."""
    project = pathlib.Path(__file__).resolve().parent / "../../../CMakeLists.txt"
    if project.is_file():
        found = re.search(r"^project\(headerroute VERSION ([0-9.]+)", project.read_text(encoding="utf-8"), re.M)
        if found:
            return found[1]
    try:
        return importlib.metadata.version("headerroute")
    except importlib.metadata.PackageNotFoundError:
        return "of an unknown version"


class Version(argparse.Action):
    """Looks for the version only when it is asked for."""

    def __call__(self, parser, *_):
        print(f"{parser.prog} {version()}")
        parser.exit()


def make_parser():
    p = argparse.ArgumentParser(
        prog="headerroute-request", epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Send every image of a folder with a routing header and save the cut-outs.")
    p.add_argument("--host", default="127.0.0.1", help="host of the gateway or proxy (default: %(default)s)")
    p.add_argument("--port", type=number(1, 65535), default=5000, help="port of the gateway or proxy (default: %(default)s)")
    p.add_argument("--headers_target_value", type=header_value, metavar="V",
                   help="value of the routing header; without this flag the header is not sent")
    p.add_argument("--in_images_dir", default="in_images", metavar="DIR",
                   help="folder of images: jpg, jpeg, png, webp, bmp (default: %(default)s)")
    p.add_argument("--out_images_dir", default="out_images", metavar="DIR",
                   help="folder for the results, created if missing (default: %(default)s)")
    p.add_argument("--debug", action="store_true", help="print each request and its answer")
    p.add_argument("--header-name", type=header_name, default="target", metavar="NAME",
                   help="name of the routing header (default: %(default)s)")
    p.add_argument("--rect", type=rect, metavar="X,Y,W,H|auto",
                   help="rectangle around the foreground, for every image (default: the server's)")
    p.add_argument("--raw", action="store_true", help="send and receive image files instead of base64 in JSON")
    p.add_argument("--concurrency", type=number(1, 256), default=1, metavar="N",
                   help="number of concurrent requests, each on its own connection (default: %(default)s)")
    p.add_argument("--timeout", type=number(0.1, 3600, float), default=60.0, metavar="S",
                   help="seconds of silence after which a request counts as failed (default: %(default)g)")
    p.add_argument("--retries", type=number(0, 100), default=2, metavar="N",
                   help="number of retries if the server is busy and sends Retry-After (default: %(default)s)")
    p.add_argument("--config", action="append", default=[], metavar="PATH",
                   help="the gateway's YAML, file or folder, repeatable: predict which pods may answer, "
                        "and count an answer from any other as failed")
    p.add_argument("--gateway", metavar="mesh|NS/NAME",
                   help="view to predict with (default: the only Gateway of --config, else mesh)")
    p.add_argument("--gateway-port", type=number(1, 65535), metavar="N",
                   help="that Gateway's server port, or the service port called (default: --port if it has a server "
                        "there, else its first HTTP server's)")
    p.add_argument("--report", metavar="FILE", help="write one JSON object for each image to FILE; with '-' to "
                        "standard output, and the summary to standard error")
    p.add_argument("--no-progress", action="store_true", help="no progress bar")
    p.add_argument("--version", action=Version, nargs=0, help="print the version")
    return p


def url_of(options):
    host = f"[{options.host}]" if ":" in options.host else options.host
    return f"http://{host}:{options.port}/predict"


def check_server(options, headers):
    server = Server(options.host, options.port, headers, options.timeout)
    try:
        for answer, path in ((check_health(server), "/health"), (check_metadata(server), "/metadata")):
            if options.debug and answer.status == 404:
                print(f"{path}: not served from here", file=sys.stderr)
            elif options.debug:
                print(f"{path}: {answer.body.decode('utf-8', 'replace').strip()}", file=sys.stderr)
    finally:
        server.close()


def describe(result):
    """Returns the line of --debug for an answered image."""
    shown = {k: v for k, v in result.as_dict().items() if k not in ("file", "ok", "error")}
    return f"{result.name}: " + ", ".join(f"{k} {v}" for k, v in shown.items())


def run(options):
    names = pictures.list_pictures(options.in_images_dir)
    pictures.require_encoder(names)
    pictures.prepare_output(options.out_images_dir, options.in_images_dir)
    headers = {}
    if options.headers_target_value is not None:
        # http.client would send latin-1; the servers and the YAML use UTF-8.
        headers[options.header_name] = options.headers_target_value.encode("utf-8", "surrogateescape")
    expectation = None
    if options.config:
        pairs = [(options.header_name, options.headers_target_value)] if headers else []
        expectation = expect(options.config, options.gateway, options.gateway_port, "POST", url_of(options), pairs)
        print(f"expected: {expectation}", file=sys.stderr)
    # With `--report -` standard output has only JSON lines.
    summary = sys.stderr if options.report == "-" else sys.stdout
    try:
        check_server(options, headers)
    except RunError:
        print(f"0 ok, {len(names)} failed", file=summary, flush=True)
        raise

    counts = {True: 0, False: 0}
    report = open_report(options.report)
    bar = make_bar(len(names), not options.no_progress)

    def on_result(result):
        counts[result.ok] += 1
        if not result.ok:
            bar.write(f"{result.name}: {result.error}")
        if options.debug and result.answer:
            bar.write(describe(result))
        if report:
            print(json.dumps(result.as_dict()), file=report, flush=True)
        bar.update()

    try:
        send_folder(options, headers, names, expectation, on_result)
    finally:
        bar.close()
        if report and report is not sys.stdout:
            report.close()
        print(f"{counts[True]} ok, {counts[False]} failed", file=summary, flush=True)
    return 1 if counts[False] else 0


def open_report(path):
    if path is None:
        return None
    if path == "-":
        return sys.stdout
    try:
        return open(path, "w", encoding="utf-8")
    except OSError as e:
        raise RunError(f"report '{path}' cannot be written: {e.strerror}") from None


def discard_output():
    """Python flushes the standard streams at exit, where a closed pipe would fail again."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()
            continue
        os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def main(arguments=None):
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # file names may be any bytes
    options = make_parser().parse_args(arguments)
    try:
        return run(options)
    except BrokenPipeError:
        with contextlib.suppress(OSError):
            print("headerroute-request: the output was closed before the run ended", file=sys.stderr, flush=True)
        discard_output()
        return 1
    except RunError as e:
        print(f"headerroute-request: {e}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("headerroute-request: interrupted", file=sys.stderr)
        return 130
