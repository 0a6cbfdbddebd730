"""The schema of the files of `headerroute test`, for editors; scripts/decision_schema.py writes it to docs/test-cases.schema.json.

What a case may expect of a decision follows from the schema of decisions: the same members, none of them required. The
keys of `view` are the flags of the command line."""
import json

ONE_OR_MORE = {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}
DRAW = {"type": "number", "minimum": 0, "exclusiveMaximum": 1}
# Flags that --help lists with those of the view, but that are not options of a view.
CONNECTION_FLAGS = "--peer-address", "--trusted-proxies"
BLOCKS = {"route": "array", "redirect": "object", "rewrite": "object", "fault": "object", "headers": "object",
          "directResponse": "object", "timeout": "string", "retries": "object", "mirror": "object", "mirrors": "array",
          "corsPolicy": "object", "name": "string"}


def partial(schema):
    """The schema without `required`: an expectation names what matters to it."""
    if isinstance(schema, list):
        return [partial(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {key: partial(value) for key, value in schema.items() if key != "required" or not isinstance(value, list)}


def closed(about, /, **properties):
    return {"description": about, "type": "object", "additionalProperties": False, "properties": properties}


def described(about, /, **schema):
    return {"description": about, **schema}


def view_member(flag):
    """The key of `view` that a flag of the command line is, and its schema."""
    words = flag.names[-1].removeprefix("--").split("-")
    name = words[0] + "".join(word.capitalize() for word in words[1:])
    if name == "sourceLabel":
        return "sourceLabels", described("labels of the proxy's pod", type="object", additionalProperties={"type": "string"})
    about = flag.text.replace("--source-label", "sourceLabels")
    if flag.value == "N":
        return name, described(about, type="integer", minimum=1, maximum=65535)
    return name, described(about, **({"enum": flag.choices} if len(flag.choices) > 1 else {"type": "string"}))


def view(flags):
    return closed("Whose proxy decides. Default: the mesh, else the first Gateway that has a rule for the request.",
                  **dict(view_member(flag) for flag in flags if flag.names[-1] not in CONNECTION_FLAGS))


def request():
    schema = closed(
        "The request. Every combination of authority, method, uri and scheme is tried.",
        authority=described("The Host header.", **ONE_OR_MORE),
        method=described("Default: GET.", **ONE_OR_MORE),
        uri=described("The path, with its query. Default: /.", **ONE_OR_MORE),
        scheme=described("Default: http.", **ONE_OR_MORE),
        connectTo=described("In the mesh: the host name or IP address that the client connects to. Default: the authority.",
                            type="string"),
        headers=described("Names and values. A list of values: the header is sent once for each.", type="object",
                          additionalProperties=ONE_OR_MORE),
        claims=described("Claims of the token that RequestAuthentication has validated, as in its payload.", type="object"),
        random=described("The draw that settles weights, faults and mirrors. Default: 0.", **DRAW),
        draws=closed("One draw each, where `random` is not enough.", weight=DRAW, delay=DRAW, abort=DRAW, mirror=DRAW))
    return {**schema, "required": ["authority"]}


def condition(about, *operators):
    value = {"oneOf": [{"type": "string"}, closed(about, **{name: {"type": "string"} for name in operators}) | {"maxProperties": 1}]}
    return {**value, "description": about}


def for_all():
    text = condition("A text, or one operator.", "exact", "prefix", "regex")
    named = {"type": "object", "additionalProperties": text}
    return closed(
        "The requests that a statement is about: those that meet all of these conditions.",
        method=text, scheme=text, path=text, authority=condition("A host name, or one operator.", "exact", "suffix", "regex"),
        headers=described("Names and conditions. {}: the header is there.", **named),
        withoutHeaders=described("No such header has that value.", **named),
        queryParams=described("Names and conditions.", **named))


def expect():
    destination = {"host": described("Whole, or its first labels.", type="string"), "subset": {"type": "string"},
                   "port": {"type": "integer", "minimum": 1, "maximum": 65535}}
    return closed(
        "What holds for every decision about these requests.",
        action=described("As in a decision: route, redirect, direct_response, no_route or passthrough.", type="string"), **destination,
        status=described("Of the proxy's own answer; 0: the upstream answers.", type="integer"),
        timeout=described("A duration such as 10s; 0s: none.", type="string"),
        redirect=described("What the rule says: compared whole.", type="object"),
        never=closed("A destination that no draw reaches.", destination=closed("All of these together.", **destination)),
        always=closed("What the upstream receives.", header={"type": "object", "additionalProperties": {"type": "string"}})
    ) | {"minProperties": 1}


def case(decision):
    members = partial(decision)
    blocks = {name: {"type": kind, "description": "What the rule that matches says, in Istio's own words: compared whole."}
              for name, kind in BLOCKS.items()}
    schema = closed(
        "One test case.",
        description=described("Printed as the name of the test.", type="string"),
        wantMatch=described("false inverts every comparison. Without any expectation: whether some rule matches. Default: true.",
                            type="boolean"),
        request=request(), view={"$ref": "#/$defs/view"},
        decision={**members, "description": "Members of the decision, as `headerroute route --json` prints it. Objects may have more "
                                            "members than are named here, lists may not have more items."},
        delegate=closed("The VirtualService to which the rule of the root delegates.", name={"type": "string"},
                        namespace={"type": "string"}), **blocks)
    schema["properties"] |= {"forAll": for_all(), "expect": expect()}
    return {**schema, "oneOf": [{"required": ["request"], "not": {"required": ["expect"]}}, {"required": ["forAll", "expect"]}]}


def generate(decisions, flags):
    """The text of the file; `decisions` is the schema of decisions, `flags` are those of a view (cli_docs.Flag)."""
    return json.dumps({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A YAML document of a file for `headerroute test`: test cases, or a resource that they test",
        "if": {"required": ["kind"]},
        "then": {"type": "object", "required": ["apiVersion", "kind"]},
        "else": {"$ref": "#/$defs/cases"},
        "$defs": {
            "cases": {**closed("Test cases, and the view that they share.", view={"$ref": "#/$defs/view"},
                               testCases={"type": "array", "items": {"$ref": "#/$defs/case"}}), "required": ["testCases"]},
            "view": view(flags),
            "case": case(decisions["$defs"]["decision"]),
        },
    }, indent=1) + "\n"
