#!/usr/bin/env python3
"""Checks the shape of the C sources: each file opens with a comment sentence, thing.c has its thing.h, and subjects (thing.c
with thing.h) do not include each other in a circle."""
import collections
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SENTENCE = re.compile(r"[A-Za-z`_0-9][^.:;]*[ .:;]")
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)
FOLDERS = ["libheaderroute/src", "libgrabcut/src", "words", "cli", "services"]
# Circles of subjects that stay, with the reason. A row fails the check once its circle is gone or has other members.
CIRCLES = {
    ("services/client/upstream_exchange", "services/client/upstream_http2", "services/client/upstream_http2_stream",
     "services/client/upstream_pool", "services/client/upstream_write"):
        "An exchange opens and ends its connection, which reports to it what comes; both hold the endpoint, which closes its "
        "connections. A table of callbacks for each direction would hide who calls whom and change nothing else.",
}
LONGEST_CHAIN = 10  # of includes, with both ends: declare the name of a struct that a header only points at
DEFINITION = re.compile(r"^(?!static|typedef|extern|else|return|#)\w[\w *]*?[ *\n](\w+)\((?:[^;{}]|\{[^{}]*\})*?\)\s*\{", re.M)
DECLARATION = re.compile(r"^[a-z][\w \*\n]*?[ *](\w+)\([^;{]*\)[^;{]*;", re.M)
# The interface of a module, which several sources implement, as a public header of a library.
INTERFACES = ["services/http/http1.h", "services/http/http2.h", "services/http/http2_internal.h", "services/net/net.h",
              "services/net/backend.h", "services/client/upstream.h", "cli/cli.h"]


def tracked(*patterns):
    names = subprocess.run(["git", "ls-files", "-z", "--", *patterns], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [name for name in names.split("\0") if name and (ROOT / name).is_file()]


def opening_comment(text):
    """The text of the comment with which a file begins, "" if it begins with something else."""
    block = re.match(r"\s*/\*(.*?)\*/", text, re.S)
    if block:
        return " ".join(line.strip(" *\t") for line in block[1].splitlines()).strip()
    lines = re.match(r"\s*((?://[^\n]*\n)+)", text)
    return " ".join(line.strip("/ \t") for line in lines[1].splitlines()) if lines else ""


def without_opening(names):
    """Files whose first comment is missing or has fewer than three words."""
    return [name for name in names if len(opening_comment((ROOT / name).read_text()).split()) < 3]


def without_header():
    """Sources that define functions for other files, declared neither in a header of the same name nor in an interface."""
    interfaces = "".join((ROOT / name).read_text() for name in tracked("*/include/*.h") + INTERFACES)
    found = []
    for folder in FOLDERS:
        for name in tracked(f"{folder}/*.c", f"{folder}/*.cc"):
            text = (ROOT / name).read_text()
            names = [match[1] for match in DEFINITION.finditer(text) if not is_static(text, match.start())]
            if not (ROOT / name).with_suffix(".h").is_file() and any(
                    known != "main" and not re.search(rf"\b{known}\b", interfaces) for known in names):
                found.append(name)
    return found


def defined_elsewhere():
    """Functions that a header declares and a source of another subject defines, as "header: function, source"."""
    found = []
    for folder in FOLDERS:
        defined = {}
        for name in tracked(f"{folder}/*.c", f"{folder}/*.cc"):
            text = (ROOT / name).read_text()
            defined |= {match[1]: name for match in DEFINITION.finditer(text) if not is_static(text, match.start())}
        for header in tracked(f"{folder}/*.h"):
            if header in INTERFACES:
                continue
            text = re.sub(r"/\*.*?\*/", "", (ROOT / header).read_text(), flags=re.S)
            found += [f"{header}: {name}, {defined[name]}" for name in sorted(set(DECLARATION.findall(text)))
                      if name in defined and subject(pathlib.PurePath(defined[name])) != subject(pathlib.PurePath(header))]
    return found


def is_static(text, start):
    """Whether the line before a definition, which clang-format may break off, says so."""
    return text[:start].rstrip("\n").rpartition("\n")[2].startswith("static ") and text[:start].rstrip("\n")[-1] not in ";}"


def include_graph(folder):
    """File -> files of the same tree that it includes; a bare name is looked up in the file's folder, then in all others."""
    files = [pathlib.PurePath(name) for name in tracked(f"{folder}/*.c", f"{folder}/*.h", f"{folder}/*.cc")]
    by_name = collections.defaultdict(list)
    for file in files:
        by_name[file.name].append(file)
    graph = {}
    for file in files:
        wanted = [pathlib.PurePath(name).name for name in INCLUDE.findall((ROOT / file).read_text())]
        graph[file] = []
        for name in wanted:
            own = [found for found in by_name[name] if found.parent == file.parent]
            graph[file] += own or by_name[name]
    return graph


def longest_chain(graph):
    """The longest chain of files that include each other, in a graph without circles."""
    known = {}

    def chain(file):
        if file not in known:
            known[file] = [file] + max((chain(other) for other in graph[file]), key=len, default=[])
        return known[file]

    return max((chain(file) for file in graph), key=len)


def circles(graph):
    """Groups of files that reach each other (strongly connected components of more than one file), by Tarjan's algorithm."""
    number, low, stack, found = {}, {}, [], []

    def visit(node):
        number[node] = low[node] = len(number)
        stack.append(node)
        for other in graph[node]:
            if other not in number:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], number[other])
        if low[node] == number[node]:
            group = stack[stack.index(node):]
            del stack[stack.index(node):]
            if len(group) > 1:
                found.append(sorted(map(str, group)))

    for node in graph:
        if node not in number:
            visit(node)
    return found


def subject(file):
    """The same name for thing.c, thing.h and thing_private.h or thing_internal.h."""
    return file.with_name(file.stem.removesuffix("_private").removesuffix("_internal"))


def with_sources(graph):
    """The same graph with the files joined that are one subject."""
    joined = collections.defaultdict(set)
    for file, others in graph.items():
        joined[subject(file)] |= {subject(other) for other in others} - {subject(file)}
    return joined


def main():
    sys.setrecursionlimit(10000)
    failures = [f"{name}: does not open with a comment sentence"
                for name in without_opening(tracked("*.c", "*.h", "*.cc", "*.cpp"))]
    failures += [f"{name}: defines functions for other files and has no header of its own" for name in without_header()]
    failures += [f"{place}: is defined in the source of another header" for place in defined_elsewhere()]
    graphs = {folder: include_graph(folder) for folder in FOLDERS}
    found = [(folder, tuple(group)) for folder, graph in graphs.items() for group in circles(with_sources(graph))]
    failures += [f"{folder}: subjects include each other: {', '.join(group)}" for folder, group in found if group not in CIRCLES]
    failures += [f"scripts/check_structure.py: CIRCLES has a row for a circle that is not there: {', '.join(group)}"
                 for group in CIRCLES if group not in [known for _, known in found]]
    failures += [f"{folder}: files include each other: {', '.join(group)}"
                 for folder, graph in graphs.items() for group in circles(graph)]
    if not failures:
        chains = [longest_chain(graph) for graph in graphs.values()]
        failures += [f"{len(chain)} files include each other in a chain: {' > '.join(map(str, chain))}"
                     for chain in chains if len(chain) > LONGEST_CHAIN]
    print("\n".join(failures) if failures else "structure: every file opens with a sentence, every source has its header, "
          f"circles of subjects that stay: {len(CIRCLES)}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
