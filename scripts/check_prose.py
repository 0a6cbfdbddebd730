#!/usr/bin/env python3
"""Reports words that docs/style.md replaces by others, in comments, messages and documents."""
import argparse
import collections
import io
import json
import pathlib
import re
import subprocess
import sys
import tokenize

ROOT = pathlib.Path(__file__).resolve().parent.parent

# pattern -> what to write instead
RULES = {
    r"tells?|told|telling": "prints, reports, returns",
    r"nobody(?![\"}])|somebody|anybody|whoever|whomever": "name the actor",
    r"wants|wanted (?!_)": "expected, must, requires",
    r"(?<!there )is no (?!longer|more|less|later|way|need|limit|reason|match|such)[a-z]+": "is not a ..., there is no ...",
    r"mend(s|ed|ing)?": "fix",
    r"given up|gives up": "cancelled, stops",
    r"cut off": "closed, truncated",
    r"in peace|doorstep|front door|at ease": "the plain term",
    r"judged by|held against|the judge": "checked against, the reference",
    r"of NULL:|NULL: (?:it|they|this|that)\b": "does nothing if the argument is NULL; returns NULL if ...",
    r"hardly meant": "probably a mistake",
    r"memory (?:ends|runs out)|running out leaves": "out of memory, the allocation fails",
    r"as they are(?! [a-z])|as it is(?! [a-z])": "unchanged",
    r"stands? (?:in|beside) for": "represents, is used instead of",
    r"but for the": "except for the",
}
PATTERN = re.compile("|".join(f"(?P<r{i}>\\b(?:{rule}))" for i, rule in enumerate(RULES)), re.I)
ADVICE = list(RULES.values())
C_TEXT = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', re.S)
SHELL_TEXT = re.compile(r"(?:^|(?<=\s))#[^\n]*|\"[^\"\n]*\"|'[^'\n]*'", re.M)
C_LIKE = {".c", ".h", ".cc", ".cpp", ".js", ".css", ".i"}
PROSE = {".md", ".yaml", ".yml", ".txt", ".html"}
# The page that lists the words, this program, words of test data, and what is generated from --help.
SKIPPED = re.compile(r"docs/style\.md|scripts/check_prose\.py|scripts/codespell-words\.txt|CHANGELOG\.md|photos/|docs/man/|"
                     r"docs/completions/|tests/fuzz/corpus/|tests/conformance/vectors/|.*vendor/|LICENSE")


def c_text(text):
    """(line, text) of each comment and string."""
    for found in C_TEXT.finditer(text):
        yield text.count("\n", 0, found.start()) + 1, found[0]


def shell_text(text):
    """Comments and strings of shell scripts and CMake files."""
    for found in SHELL_TEXT.finditer(text):
        yield text.count("\n", 0, found.start()) + 1, found[0]


def python_text(text):
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in (tokenize.COMMENT, tokenize.STRING):
            yield token.start[0], token.string


def json_text(text):
    """Of an OpenAPI document or a JSON schema: summaries and descriptions."""
    for number, line in enumerate(text.splitlines(), 1):
        for found in re.finditer(r'"(?:summary|description|title)":\s*("(?:\\.|[^"\\])*")', line):
            yield number, json.loads(found[1])


def lines_of(text):
    yield from enumerate(text.splitlines(), 1)


def reader_of(path):
    if path.suffix in C_LIKE:
        return c_text
    if path.suffix == ".py":
        return python_text
    if path.suffix == ".json":
        return json_text
    if path.suffix in (".sh", ".cmake") or path.name in ("CMakeLists.txt", "Dockerfile"):
        return shell_text
    return lines_of if path.suffix in PROSE else None


def findings(name):
    path = ROOT / name
    reader = reader_of(path)
    if reader is None or SKIPPED.match(name):
        return
    for line, text in reader(path.read_text(encoding="utf-8", errors="replace")):
        for found in PATTERN.finditer(text):
            at = line + text.count("\n", 0, found.start())
            yield at, found[0], ADVICE[int(found.lastgroup[1:])]


def tracked(patterns):
    names = subprocess.run(["git", "ls-files", "-z", "--", *patterns], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [name for name in names.split("\0") if name and (ROOT / name).is_file()]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", action="store_true", help="print the number of findings of each folder only")
    parser.add_argument("paths", nargs="*", help="files or folders (default: all)")
    arguments = parser.parse_args()
    counts = collections.Counter()
    for name in tracked(arguments.paths):
        for line, words, advice in findings(name):
            counts["/".join(name.split("/")[:2])] += 1
            if not arguments.count:
                print(f"{name}:{line}: \"{words}\": write {advice}")
    if arguments.count:
        for folder, n in counts.most_common():
            print(f"{n:5} {folder}")
    if not counts:
        print("prose: no word of the list in docs/style.md")
    return 1 if counts else 0


if __name__ == "__main__":
    sys.exit(main())
