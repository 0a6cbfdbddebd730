#!/usr/bin/env python3
"""Writes what follows from the rows of libheaderroute/src/report/decision_members.h, by which the library writes decisions:

    scripts/decision_schema.py build/release            # after a row has changed and the build is current
    scripts/decision_schema.py build/release --check    # fails if a file is not the one that would be written

docs/decision.schema.json, docs/test-cases.schema.json (what a case may expect) and bindings/python/headerroute/decision_members.py."""
import json
import pathlib
import subprocess
import sys

import cli_docs
import test_cases_schema

ROOT = pathlib.Path(__file__).resolve().parents[1]
STRING_OR_NULL = {"type": ["string", "null"]}
PAIR = {"type": "array", "prefixItems": [{"type": "string"}, {"type": "string"}], "minItems": 2, "maxItems": 2}
MAP = {"type": "object", "additionalProperties": {"type": "string"}}
# A kind of row: its schema, and its type in Python.
PLAIN = {
    "string": ({"type": "string"}, "str"),
    "string_or_null": (STRING_OR_NULL, "str | None"),
    "place": (STRING_OR_NULL, "str | None"),
    "integer": ({"type": "integer"}, "int"),
    "integer_or_null": ({"type": ["integer", "null"]}, "int | None"),
    "number": ({"type": "number"}, "float"),
    "boolean": ({"type": "boolean"}, "bool"),
    "boolean_or_null": ({"type": ["boolean", "null"]}, "bool | None"),
    "strings": ({"type": "array", "items": {"type": "string"}}, "tuple[str, ...]"),
    "integers": ({"type": "array", "items": {"type": "integer"}}, "tuple[int, ...]"),
    "pairs": ({"type": "array", "items": PAIR}, "tuple[Pair, ...]"),
    "map": (MAP, "Mapping[str, str]"),
    "matchers": ({"type": "array", "items": MAP}, "tuple[Mapping[str, str], ...]"),
}


def rows_of(build):
    """Objects by name, parts before what they are part of; `decision` is the last."""
    done = subprocess.run([pathlib.Path(build) / "bin/hr-decision-rows"], capture_output=True, check=True, text=True)
    return json.loads(done.stdout)


def view_flags(build):
    return cli_docs.parse(cli_docs.ask(pathlib.Path(build) / "bin/headerroute", "test")).view


def python_name(name):
    return "".join(word.capitalize() for word in name.split("_"))


# ---- the schema ----

def member_schema(objects, row):
    kind = row["kind"]
    if kind in PLAIN:
        schema = PLAIN[kind][0]
    elif kind.startswith("choice"):
        schema = {"enum": row["choices"] + ([None] if kind.endswith("or_null") else [])}
    else:
        schema = object_schema(objects, row["object"])
        if kind == "objects":
            schema = {"type": "array", "items": schema}
        elif kind == "object_or_null":
            schema = {**schema, "type": ["object", "null"]}
    return {**schema, "description": row["about"]} if row["about"] else schema


def object_schema(objects, name):
    members = {row["name"]: member_schema(objects, row) for row in objects[name]["members"]}
    about = {"description": objects[name]["about"]} if objects[name]["about"] else {}
    return {**about, "type": "object", "additionalProperties": False, "required": list(members), "properties": members}


def schema(objects):
    return json.dumps({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A decision: one line of `headerroute route --json` or `--batch`",
        "description": "Every member is always present. What does not apply is null, or an empty array or map. The words are "
                       "those of Istio's API and of Envoy.",
        "oneOf": [{"$ref": "#/$defs/decision"}, {"$ref": "#/$defs/bad_request"}],
        "$defs": {
            "bad_request": {"type": "object", "additionalProperties": False, "required": ["error"],
                            "properties": {"error": {"type": "string"}}},
            "decision": object_schema(objects, "decision"),
        },
    }, indent=1) + "\n"


# ---- Python ----

HEAD = '''"""The members of a decision and of its parts. Written by scripts/decision_schema.py; do not edit."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping

Pair = tuple[str, str]
'''


def python_type(row):
    kind = row["kind"]
    if kind in PLAIN:
        return PLAIN[kind][1]
    if kind.startswith("choice"):
        return "str" + " | None" * kind.endswith("or_null")
    name = python_name(row["object"])
    return {"object": name, "object_or_null": f"{name} | None", "objects": f"tuple[{name}, ...]"}[kind]


def annotation(row):
    quoted = [f'"{choice}"' for choice in row.get("choices", [])]
    about = row["about"] or (", ".join(quoted[:-1]) + f" or {quoted[-1]}" if quoted else "")
    line = f"    {row['name']}: {python_type(row)}"
    return f"    #: {about}\n{line}\n" if about and len(line + about) > 110 else f"{line}  #: {about}\n" if about else line + "\n"


def python(objects):
    text = HEAD
    for name, part in objects.items():
        about = f'    """{part["about"]}"""\n\n' if part["about"] else ""
        head = "class Members:\n" if name == "decision" else f"@dataclass(frozen=True)\nclass {python_name(name)}:\n"
        text += f"\n\n{head}{about}" + "".join(annotation(row) for row in part["members"])
    text += "\n\n#: The classes of members that are objects, or tuples of objects.\nOBJECTS: dict[str, type[Any]] = {\n"
    for row in objects["decision"]["members"]:
        if "object" in row:
            text += f'    "{row["name"]}": {python_name(row["object"])},\n'
    return text + "}\n"


def files(build):
    """What is to be in each file."""
    objects = rows_of(build)
    decision = schema(objects)
    return {ROOT / "docs/decision.schema.json": decision,
            ROOT / "docs/test-cases.schema.json": test_cases_schema.generate(json.loads(decision), view_flags(build)),
            ROOT / "bindings/python/headerroute/decision_members.py": python(objects)}


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    for path, text in files(sys.argv[1]).items():
        if "--check" not in sys.argv:
            path.write_text(text)
        elif path.read_text() != text:
            sys.exit(f"{path.relative_to(ROOT)} is not current: run scripts/decision_schema.py")


if __name__ == "__main__":
    main()
