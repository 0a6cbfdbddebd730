#!/usr/bin/python3
"""Writes docs/fields.md: what becomes of each field of Istio's routing API.

The rows are those of tests/headerroute/fields_table.h, which test-hr-fields checks against Istio's .proto files and
against the library. --check reports whether the page is current.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "fields.md"
EFFECTS = {"ACTS": "evaluated", "WARNED": "a warning names it; nothing differs", "WITHOUT": "no effect, in Istio neither",
           "REFUSED": "an error names it"}
HEAD = """# Fields of Istio's API

What becomes of each field of VirtualService, DestinationRule, Gateway, ServiceEntry, WorkloadEntry and the messages that they
contain. *Evaluated*: routes, clusters or decisions differ with the field. `test-hr-fields` takes the list from Istio's `.proto` files and
shows for each row with YAML that the library does what the row says; `scripts/fields_doc.py` writes this page from the rows of that test.
[routing.md](routing.md) describes kinds, caveats and differences; fields of the Gateway API are [there](routing.md#gateway-api).
"""


def rows():
    text = (ROOT / "tests" / "headerroute" / "fields_table.h").read_text()
    return re.findall(r'\{\s*"([A-Za-z][\w.]*)",\s*(ACTS|WARNED|WITHOUT|REFUSED)\b', text)


def page():
    messages = {}
    for field, treatment in rows():
        message, name = field.rsplit(".", 1)
        kept = messages.setdefault(message, {}).setdefault(name, [])
        if EFFECTS[treatment] not in kept:
            kept.append(EFFECTS[treatment])
    out = HEAD
    for message, fields in messages.items():
        out += "\n## %s\n\n| field | |\n|---|---|\n" % message
        effects = {}
        for name, kept in fields.items():
            effects.setdefault("; ".join(kept), []).append("`%s`" % name)
        for effect, names in effects.items():
            out += "| %s | %s |\n" % (", ".join(names), effect)
    return out


def main():
    if "--check" in sys.argv[1:]:
        if PAGE.read_text() != page():
            print("docs/fields.md is not current: run scripts/fields_doc.py", file=sys.stderr)
            return 1
        return 0
    PAGE.write_text(page())
    return 0


if __name__ == "__main__":
    sys.exit(main())
