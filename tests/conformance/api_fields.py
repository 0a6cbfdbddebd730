#!/usr/bin/env python3
"""The fields of Istio's routing API, one `Message.field` a line, read from its .proto files.

    api_fields.py FOLDER    (networking/v1alpha3 of the istio.io/api module)

The recorded list is tests/headerroute/fixtures/istio-api-fields.txt; test-hr-fields asks for every line of it.
"""
import pathlib
import re
import sys

FILES = ["virtual_service", "destination_rule", "gateway", "service_entry", "workload_entry"]


def camel(name):
    return re.sub(r"_(\w)", lambda m: m[1].upper(), name)


def fields(text):
    def plain(m):  # without comments; text in quotes is not punctuation
        return m[0].translate(str.maketrans("{};[]", "     ")) if m[0][0] == '"' else " "
    text = re.sub(r'"(?:[^"\\]|\\.)*"|//[^\n]*|/\*.*?\*/', plain, text, flags=re.S)
    nested, at = [], 0
    for m in re.finditer(r"[{};]", text):
        statement, at = text[at:m.start()].strip(), m.end()
        if m[0] == "{":
            words = statement.split()
            nested.append(words[:2] if len(words) == 2 else ["", statement])
        elif m[0] == "}":
            nested.pop()
        elif nested and nested[-1][0] in ("message", "oneof"):
            bare = re.sub(r"\[.*\]", "", statement, flags=re.S)
            found = re.fullmatch(r"(?:repeated |optional )?\s*(?:map\s*<[^>]*>|[\w.]+)\s+(\w+)\s*=\s*\d+\s*", bare)
            if found:
                stated = re.search(r'json_name\s*=\s*"(\w+)"', statement)
                name = stated[1] if stated else camel(found[1])
                yield ".".join([n for kind, n in nested if kind == "message"] + [name])


def main():
    folder = pathlib.Path(sys.argv[1])
    for name in FILES:
        for field in fields((folder / (name + ".proto")).read_text()):
            print(field)


if __name__ == "__main__":
    main()
