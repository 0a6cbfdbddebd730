#!/usr/bin/env python3
"""Compares what `headerroute validate` refuses with what an API server refuses that has Istio's CRDs and webhook.

    schema.py compare --headerroute PATH [--record FILE --every N] [--show N]
    schema.py replay --headerroute PATH [FILE...]

`compare` makes mutants of the resources of tests/headerroute/fixtures/everything.yaml: values of other types, quoted
numbers, null, unknown and misspelled members, absent members, lengths of lists, texts and maps, members that the schema
has and the resource lacks. translate/apply (Go, the API server's own packages and Istio's webhook) answers for each. Needs Go and python3-yaml.
`replay` compares with recorded answers. It needs Python's standard library only.
"""
import argparse
import copy
import gzip
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
RECORDED = HERE / "vectors" / "schema" / "mutants.jsonl.gz"
ISTIO = "networking.istio.io/"
# Errors by design: fields that headerroute does not evaluate; values that Envoy refuses after Istio has accepted them; and a list
# in place of base64, whose type the API server does not check.
BEYOND = re.compile(r"not supported|Envoy|httpCookie.ttl: must not be negative|body.bytes: expected a string, got a list")
LINES_A_FILE = 200


# ---- mutants ----

def scalars(value):
    """Values in place of a scalar."""
    yield from (None, "", "x", "*", "a b", 0, -1, 1, 70000, 2**31, 2**40, 2**63, 0.5, 1e300, True, [], {}, ["x"], {"x": "y"}, "x" * 300,
                "0s", "1ms", "-1s", "5", "unix://", "unix:///a", "unix:///a/", "unix://a", "10.0.0.0/8", "a.b.example.com")
    if isinstance(value, bool):
        yield str(value).lower()
    elif isinstance(value, (int, float)):
        yield from (str(value), value + 1, value + 0.5, -value, value * 1000)
    elif isinstance(value, str):
        yield from (value + "x", value.lower(), value.upper(), value[:-1], [value], {"exact": value})


def snake(name):
    return re.sub(r"[A-Z]", lambda m: "_" + m[0].lower(), name)


def maps(value, schema):
    """Maps in place of a map."""
    for name in value:
        yield {k: v for k, v in value.items() if k != name}
        for other in {snake(name), name.lower(), name + "s", name[:-1]} - set(value):
            if other:
                yield {(other if k == name else k): v for k, v in value.items()}
    yield {**value, "frobnicate": 1}
    yield {**value, "x" * 70: "y"}
    yield {**value, **{f"k{i}": "v" for i in range(140)}}
    yield from ([value], "x", 1, None)
    for name, child in (schema or {}).get("properties", {}).items():
        if name in value:
            continue
        for extra in samples(child):
            yield {**value, name: extra}


def samples(schema):
    """A few values of a schema, most of them valid."""
    if "enum" in schema:
        return [schema["enum"][-1], "OTHER", 1]
    if schema.get("type") == "object":
        required = {name: samples(schema["properties"][name])[0] for name in schema.get("required", [])}
        return [required, {"x": "y"}]
    if schema.get("type") == "array":
        item = samples(schema["items"])[0]
        return [[item], []]
    return {"integer": [1, "1", 0], "number": [1, 0.5, "1"], "boolean": [True, "true"]}.get(schema.get("type"), ["x", "1s", 1])


def lists(value):
    yield from ([], value + [None], value * 2, {}, "x", None, 1)
    if value:
        yield from (value[1:], value + [value[0]], value[0], (value * 300)[:300], [[v] for v in value])


def child_schema(schema, name):
    schema = schema or {}
    return schema.get("properties", {}).get(name) or schema.get("additionalProperties") or None


def changes(value, schema):
    """Each value with one change somewhere inside."""
    if isinstance(value, dict):
        yield from maps(value, schema)
        for name, child in value.items():
            yield from ({**value, name: changed} for changed in changes(child, child_schema(schema, name)))
    elif isinstance(value, list):
        yield from lists(value)
        for i, child in enumerate(value):
            yield from ([*value[:i], changed, *value[i + 1:]] for changed in changes(child, (schema or {}).get("items")))
    else:
        yield from scalars(value)


def mutants(schemas):
    import yaml
    for path in ("tests/headerroute/fixtures/everything.yaml", "tests/conformance/bases/schema.yaml"):
        for document in yaml.load_all((ROOT / path).read_text(), Loader=yaml.SafeLoader):
            if not document or not document["apiVersion"].startswith(ISTIO) or document["kind"] not in schemas:
                continue
            base = {**document, "metadata": {"name": document["metadata"]["name"]}}
            yield base
            for spec in changes(document["spec"], schemas[document["kind"]]["properties"]["spec"]):
                yield {**copy.deepcopy(base), "spec": spec}


# ---- the API server ----

def istio_folder():
    done = subprocess.run(["go", "list", "-m", "-f", "{{.Dir}}", "istio.io/istio"], cwd=HERE / "translate", check=True,
                          capture_output=True, text=True)
    return pathlib.Path(done.stdout.strip())


def api_server(objects, definitions):
    build = pathlib.Path(os.environ.get("CONFORMANCE_BUILD", HERE / "build"))
    build.mkdir(parents=True, exist_ok=True)
    subprocess.run(["go", "build", "-o", str(build / "apply"), "./apply"], cwd=HERE / "translate", check=True)
    lines = "".join(json.dumps({"id": str(i), "object": o}) + "\n" for i, o in enumerate(objects))
    done = subprocess.run([str(build / "apply"), str(definitions)], input=lines, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.split("\n") if line.startswith('{"id"')]  # beside Istio's log


def why_refused(answer):
    """Why `kubectl apply` fails; "" if it does not."""
    reasons = [f"unknown field {name}" for name in answer.get("pruned", [])] + answer.get("schema", []) + answer.get("rules", [])
    return "; ".join(reasons) or answer.get("webhook", "")


# ---- headerroute ----

def named(i, item):
    return {**item, "metadata": {**item["metadata"], "name": f"{item['metadata']['name']}-{i}"}}


def errors(binary, objects):
    """The errors of `headerroute validate` for each object: one a line of YAML's flow style, which JSON is."""
    found = [[] for _ in objects]
    for start in range(0, len(objects), LINES_A_FILE):
        part = objects[start:start + LINES_A_FILE]
        with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as f:
            f.write("".join(f"---\n{json.dumps(named(i, o))}\n" for i, o in enumerate(part)))
            f.flush()
            done = subprocess.run([binary, "validate", f.name], capture_output=True, text=True, timeout=300)
        for line, message in re.findall(r"^[^\n]*?\.yaml:(\d+):\d+: error: ([^\n]*)$", done.stdout + done.stderr, re.M):
            found[start + (int(line) - 1) // 2].append(message)
    return found


def disagreement(answer, messages):
    """A sentence if one side refuses what the other accepts."""
    if answer and not messages:
        return f"accepted; refused by the API server: {answer}"
    if not answer and any(not BEYOND.search(message) for message in messages):
        return f"refused: {messages}"
    return None


# ---- commands ----

def compare(options):
    import yaml
    definitions = istio_folder() / "manifests/charts/base/files/crd-all.gen.yaml"
    schemas = {d["spec"]["names"]["kind"]: d["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
               for d in yaml.safe_load_all(definitions.read_text()) if d and d["spec"]["group"] + "/" == ISTIO}
    read = {"VirtualService", "DestinationRule", "Gateway", "ServiceEntry", "WorkloadEntry"}
    unique = {json.dumps(m, sort_keys=True): m for m in mutants({k: s for k, s in schemas.items() if k in read})}
    objects = list(unique.values())
    answers = [why_refused(a) for a in api_server(copy.deepcopy(objects), definitions)]
    found = errors(options.headerroute, objects)
    bad = report(objects, answers, found, options.show)
    if options.record:
        keep = [{"object": o, "refused": a[:200]} for i, (o, a) in enumerate(zip(objects, answers))
                if i % options.every == 0 and not disagreement(a, found[i]) and len(json.dumps(o)) < 6000]
        pathlib.Path(options.record).parent.mkdir(parents=True, exist_ok=True)
        with gzip.GzipFile(options.record, "wb", mtime=0) as f:
            f.write("".join(json.dumps(line, sort_keys=True) + "\n" for line in keep).encode())
        print(f"{len(keep)} recorded in {options.record}")
    return bad


def report(objects, answers, found, show):
    bad = 0
    for item, answer, messages in zip(objects, answers, found):
        why = disagreement(answer, messages)
        bad += why is not None
        if why and bad <= show:
            print(f"not ok {item['kind']} {json.dumps(item['spec'])[:400]}\n  {why[:600]}")
    refused = sum(1 for answer in answers if answer)
    print(f"{len(objects)} resources, {refused} refused by the API server or the webhook, {bad} disagreements")
    return bad


def replay(options):
    objects, answers = [], []
    for path in options.files or [RECORDED]:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in map(json.loads, lines):
                objects.append(line["object"])
                answers.append(line["refused"])
    if len(objects) < 100:
        sys.exit(f"schema.py: only {len(objects)} recorded resources")
    return report(objects, answers, errors(options.headerroute, objects), options.show)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("compare", "replay"):
        command = commands.add_parser(name)
        command.add_argument("--headerroute", default=os.environ.get("HEADERROUTE", "headerroute"))
        command.add_argument("--show", type=int, default=20, help="disagreements to print")
    commands.choices["compare"].add_argument("--record", metavar="FILE", help="write every Nth answer to FILE")
    commands.choices["compare"].add_argument("--every", type=int, default=25, metavar="N")
    commands.choices["replay"].add_argument("files", nargs="*")
    options = parser.parse_args()
    return 1 if (compare if options.command == "compare" else replay)(options) else 0


if __name__ == "__main__":
    sys.exit(main())
