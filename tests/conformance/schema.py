#!/usr/bin/env python3
"""Compares what `headerroute validate` refuses with what an API server refuses that has Istio's CRDs and webhook, or
those of the Gateway API.

    schema.py compare [--definitions istio|experimental|standard] --headerroute PATH [--record FILE --every N] [--show N]
    schema.py replay --headerroute PATH [FILE...]

`compare` makes mutants of the resources of tests/headerroute/fixtures/everything.yaml and bases/: values of other types, quoted
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
RECORDED = sorted((HERE / "vectors" / "schema").glob("*.jsonl.gz"))
BASES = {"networking.istio.io": ("tests/headerroute/fixtures/everything.yaml", "tests/conformance/bases/schema.yaml"),
         "gateway.networking.k8s.io": ("tests/conformance/bases/gateway-api-schema.yaml",)}
READ = {"VirtualService", "DestinationRule", "Gateway", "ServiceEntry", "WorkloadEntry"}
# Errors by design: fields that headerroute does not evaluate; values that Envoy refuses after Istio has accepted them; label
# selectors that no controller can evaluate; and a list in place of base64, whose type the API server does not check.
BEYOND = re.compile(r"not supported|Envoy|not a valid RE2 regular expression|%COMMAND%|allowedRoutes.namespaces.selector|httpCookie.ttl: must not be negative|body.bytes: expected a string, got a list")
LINES_A_FILE = 200


# ---- mutants ----

def scalars(value):
    """Values in place of a scalar."""
    yield from (None, "", "x", "*", "a b", 0, -1, 1, 70000, 2**31, 2**40, 2**63, 0.5, 1e300, True, [], {}, ["x"], {"x": "y"}, "x" * 300,
                "0s", "1ms", "-1s", "5", "unix://", "unix:///a", "unix:///a/", "unix://a", "10.0.0.0/8", "a.b.example.com")
    if isinstance(value, str):  # what rules of the Gateway API look for
        yield from ("/a//b", "/a/./b", "/a/../b", "/a%2Fb", "/a%2fb", "/a%zz", "/a#b", "/a/..", "/a/.", "*.a.com", "a.*.com", "10.0.0.1",
                    "::1", "a_b", "Hostname", "Exact", "1h", "2s500ms")
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
    yield from ({**value, name: "y"} for name in ("a_b/c", "x" * 260 + "/a", "example.com/" + "x" * 70))
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
        first = value[0]
        if isinstance(first, str):
            yield value + ["*"]
        if isinstance(first, dict):  # items that are equal but for one field
            for name, child in first.items():
                if isinstance(child, (str, int)) and not isinstance(child, bool):
                    yield value + [{**first, name: child + 1 if isinstance(child, int) else child + "x"}]
                yield value + [{k: v for k, v in first.items() if k != name}]
            yield from (value + [{**first, name: copy.deepcopy(item[name])}] for item in value[1:] for name in item)
            yield [{**first, "matches": [{"headers": [{"name": f"x{i}", "value": "1"}]} for i in range(60)]}] * 3


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


def mutants(group, schemas):
    import yaml
    for path in BASES[group]:
        for document in yaml.load_all((ROOT / path).read_text(), Loader=yaml.SafeLoader):
            if not document or not document["apiVersion"].startswith(group + "/") or document["kind"] not in schemas:
                continue
            base = {**document, "metadata": {"name": document["metadata"]["name"]}}
            yield base
            for spec in changes(document["spec"], schemas[document["kind"]]["properties"]["spec"]):
                yield {**copy.deepcopy(base), "spec": spec}


# ---- the API server ----

def module_folder(module):
    done = subprocess.run(["go", "list", "-m", "-f", "{{.Dir}}", module], cwd=HERE / "translate", check=True,
                          capture_output=True, text=True)
    return pathlib.Path(done.stdout.strip())


def definitions_text(name):
    """The CustomResourceDefinitions of Istio, or of a channel of the Gateway API."""
    if name == "istio":
        return (module_folder("istio.io/istio") / "manifests/charts/base/files/crd-all.gen.yaml").read_text()
    folder = module_folder("sigs.k8s.io/gateway-api") / "config/crd" / name
    return "".join("\n---\n" + path.read_text() for path in sorted(folder.glob("gateway.networking.k8s.io_*.yaml"))
                   if "_vap_" not in path.name)


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


def errors(binary, objects, channel=""):
    """The errors of `headerroute validate` for each object: one a line of YAML's flow style, which JSON is. The standard
    channel refuses what is a warning where the experimental channel is installed."""
    refused = r"error: ([^\n]*)" if channel != "standard" else \
        r"(?:error: ([^\n]*)|warning: ([^\n]*\[gateway-api-experimental\]))"
    found = [[] for _ in objects]
    for start in range(0, len(objects), LINES_A_FILE):
        part = objects[start:start + LINES_A_FILE]
        with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as f:
            f.write("".join(f"---\n{json.dumps(named(i, o))}\n" for i, o in enumerate(part)))
            f.flush()
            done = subprocess.run([binary, "validate", f.name], capture_output=True, text=True, timeout=300)
        for m in re.finditer(r"^[^\n]*?\.yaml:(\d+):\d+: " + refused + "$", done.stdout + done.stderr, re.M):
            found[start + (int(m[1]) - 1) // 2].append(m[m.lastindex])
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
    text = definitions_text(options.definitions)
    group = "networking.istio.io" if options.definitions == "istio" else "gateway.networking.k8s.io"
    schemas = {d["spec"]["names"]["kind"]: d["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
               for d in yaml.safe_load_all(text) if d and d["spec"]["group"] == group}
    schemas = {kind: schema for kind, schema in schemas.items() if kind in READ or group != "networking.istio.io"}
    unique = {json.dumps(m, sort_keys=True): m for m in mutants(group, schemas)}
    objects = list(unique.values())
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as f:
        f.write(text)
        f.flush()
        answers = [why_refused(a) for a in api_server(copy.deepcopy(objects), f.name)]
    found = errors(options.headerroute, objects, options.definitions)
    bad = report(objects, answers, found, options.show)
    unbroken = [message for message in rule_messages(schemas) if not any(message in answer for answer in answers)]
    print(f"{len(rule_messages(schemas))} sentences of CEL rules, {len(unbroken)} that no resource broke", *unbroken, sep="\n  ")
    if options.record:
        keep = [{"definitions": options.definitions, "object": o, "refused": a[:200]} for i, (o, a) in enumerate(zip(objects, answers))
                if i % options.every == 0 and not disagreement(a, found[i]) and len(json.dumps(o)) < 6000]
        pathlib.Path(options.record).parent.mkdir(parents=True, exist_ok=True)
        with gzip.GzipFile(options.record, "wb", mtime=0) as f:
            f.write("".join(json.dumps(line, sort_keys=True) + "\n" for line in keep).encode())
        print(f"{len(keep)} recorded in {options.record}")
    return bad


def rule_messages(schema):
    """The sentences of the rules inside a schema, or inside a map or list of such."""
    found = []
    if isinstance(schema, dict):
        found += [rule.get("message") or rule["rule"] for rule in schema.get("x-kubernetes-validations", [])
                  if isinstance(rule, dict) and "rule" in rule]
        for key, value in schema.items():
            found += [] if key in ("x-kubernetes-validations", "status") else rule_messages(value)
    return sorted(set(found))


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
    bad = 0
    for path in options.files or RECORDED:
        with gzip.open(path, "rt", encoding="utf-8") as text:
            lines = [json.loads(line) for line in text]
        if len(lines) < 100:
            sys.exit(f"schema.py: only {len(lines)} recorded resources in {path}")
        objects, answers = [line["object"] for line in lines], [line["refused"] for line in lines]
        found = errors(options.headerroute, objects, lines[0].get("definitions", "istio"))
        bad += report(objects, answers, found, options.show)
    return bad


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("compare", "replay"):
        command = commands.add_parser(name)
        command.add_argument("--headerroute", default=os.environ.get("HEADERROUTE", "headerroute"))
        command.add_argument("--show", type=int, default=20, help="disagreements to print")
    commands.choices["compare"].add_argument("--definitions", choices=("istio", "experimental", "standard"), default="istio")
    commands.choices["compare"].add_argument("--record", metavar="FILE", help="write every Nth answer to FILE")
    commands.choices["compare"].add_argument("--every", type=int, default=25, metavar="N")
    commands.choices["replay"].add_argument("files", nargs="*")
    options = parser.parse_args()
    return 1 if (compare if options.command == "compare" else replay)(options) else 0


if __name__ == "__main__":
    sys.exit(main())
