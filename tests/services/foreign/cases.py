"""Requests from checkouts of public suites: each function takes the path of a checkout and yields (name, bytes)."""
import ast
import pathlib
import re

REQUEST_LINE = re.compile(rb"[\r\n]*[!-~]+ [^\r\n]* ?HTTP/1\.[0-9]\r?\n")
ESCAPES = {"r": "\r", "n": "\n", "t": "\t", "f": "\f", "b": "\b", "v": "\v", "0": "\0", '"': '"', "\\": "\\", "'": "'", "`": "`"}


def unescaped(text):
    """The bytes of a string literal of C, JavaScript or llhttp's documents."""
    def one(match):
        code = match[1]
        return chr(int(code[1:], 16)) if code[0] in "xu" and len(code) > 1 else ESCAPES.get(code, code)
    return re.sub(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)", one, text, flags=re.S).encode("latin-1", "replace")


def llhttp(path):
    """The requests of test/request/*.md, as its test program reads them: the line ends of the blocks are CRLF."""
    for document in sorted(pathlib.Path(path, "test/request").glob("*.md")):
        blocks = re.findall(r"<!-- meta=(\{.*?\}) -->\s*```http\n(.*?)\n```", document.read_text(), re.S)
        for i, (meta, text) in enumerate(blocks):
            if '"request' not in meta:
                continue
            # As in test/md-test.ts: an escaped line end joins lines, a written one is CRLF.
            text = text.replace("\\\n", "")
            yield f"{document.stem}-{i}", unescaped(text.replace("\n", "\r\n"))


def python_literals(*files):
    """Literals that begin with a request line."""
    for file in files:
        literals = [node.value for node in ast.walk(ast.parse(file.read_text()))
                    if isinstance(node, ast.Constant) and isinstance(node.value, bytes)]
        seen = dict.fromkeys(literal for literal in literals if REQUEST_LINE.match(literal))
        for i, literal in enumerate(seen):
            yield f"{file.stem}-{i}", literal


def h11(path):
    return python_literals(*sorted(pathlib.Path(path, "h11/tests").glob("test_*.py")))


def http_garden(path):
    """The probes of the quirks of servers."""
    return python_literals(pathlib.Path(path, "tools/probe_quirks.py"))


def h1spec(path):
    """Those that are whole requests: the others wait for a time-out."""
    text = pathlib.Path(path, "http_test.ts").read_text()
    cases = re.findall(r'request:\s*"((?:[^"\\]|\\.)*)",\s*description:\s*"([^"]*)"(.*?)\}', text, re.S)
    for request, name, rest in cases:
        if "expectedTimeout" not in rest:
            yield name, unescaped(request)


def haproxy(path):
    """What the clients of reg-tests send as raw text."""
    for script in sorted(pathlib.Path(path, "reg-tests").rglob("*.vtc")):
        for i, literal in enumerate(re.findall(r'^\s*send "((?:[^"\\]|\\.)*)"', script.read_text(), re.M)):
            data = unescaped(literal)
            if REQUEST_LINE.match(data):
                yield f"{script.stem}-{i}", data


SUITES = {"llhttp": llhttp, "h11": h11, "http-garden": http_garden, "h1spec": h1spec, "haproxy": haproxy}
