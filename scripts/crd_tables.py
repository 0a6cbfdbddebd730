#!/usr/bin/env python3
"""Generate the C tables that `validate` checks custom resources against, from CustomResourceDefinitions.

    crd_tables.py --name istio --kind VirtualService.networking.istio.io ... --source TEXT
                  --out libheaderroute/src/crd/crd_istio.c --rules tests/headerroute/fixtures/crd-rules-istio.txt CRD.yaml...
                  [--variant CRD.yaml...]

Each kind's schema (of its storage version) becomes nodes of one table; equal subtrees are stored once. CEL rules
(x-kubernetes-validations) become trees of operations that `crd_cel.c` evaluates. A keyword of OpenAPI or an
expression of CEL that the checker does not know ends this script with an error, so that no rule is lost unseen.
Files after --variant define the same kinds for another channel; they share the table.
`scripts/crd_tables.sh` calls it with the modules of Istio and the Gateway API.
"""
import argparse
import json
import re
import sys

import yaml

# Keywords without an effect on which resources are accepted, given the others that are handled.
PASSED_OVER = {"description", "title", "example", "externalDocs"}
SERVER_FIELDS = {"apiVersion", "kind", "metadata"}  # checked by spec/meta.c and spec/documents.c
TYPES = {"object": "OBJECT", "array": "ARRAY", "string": "STRING", "integer": "INTEGER", "number": "NUMBER", "boolean": "BOOLEAN"}
FORMATS = {"int32": "HR_CRD_INT32", "int64": None, "double": None, "float": None, "byte": "HR_CRD_BYTE"}


class Unsupported(Exception):
    pass


# ---- CEL ----

TOKEN = re.compile(r"""\s*(?:(?P<number>\d+)|r\"{3}(?P<raw>.*?)\"{3}|(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
                       |(?P<name>[A-Za-z_]\w*)|(?P<mark>&&|\|\||==|!=|<=|>=|[<>!?:.,()\[\]+]))""", re.X | re.S)
RELATIONS = {"==": "EQ", "!=": "NE", "<": "LT", "<=": "LE", ">": "GT", ">=": "GE", "in": "IN"}
METHODS = {"contains": ("CONTAINS", 1), "startsWith": ("STARTS_WITH", 1), "endsWith": ("ENDS_WITH", 1),
           "substring": ("SUBSTRING", 2), "size": ("SIZE", 0)}
MACROS = {"all": "ALL", "exists": "EXISTS", "exists_one": "EXISTS_ONE", "filter": "COUNT"}
FUNCTIONS = {"size": "SIZE", "duration": "DURATION", "isIP": "IS_IP"}
MOST_VARIABLES = 4


class Cel:
    """A parser of the part of CEL that occurs; expressions are tuples (operation, operands...)."""

    def __init__(self, text):
        self.text, self.tokens, self.at, self.names = text, [], 0, ["self"]
        place = 0
        while place < len(text.rstrip()):
            found = TOKEN.match(text, place)
            if not found:
                raise Unsupported(f"cannot read {text[place:]!r}")
            kind, value = found.lastgroup, found[found.lastgroup]
            if kind == "string":
                value = re.sub(r"\\(.)", r"\1", value[1:-1])
            self.tokens.append(("string" if kind == "raw" else kind, value))
            place = found.end()

    def next_is(self, *marks):
        return self.at < len(self.tokens) and self.tokens[self.at][0] != "string" and self.tokens[self.at][1] in marks

    def take(self, *marks):
        if not self.next_is(*marks):
            return None
        self.at += 1
        return self.tokens[self.at - 1][1]

    def expect(self, mark):
        if not self.take(mark):
            raise Unsupported(f"expected {mark!r} at token {self.at}")

    def parse(self):
        result = self.conditional()
        if self.at != len(self.tokens):
            raise Unsupported(f"unexpected {self.tokens[self.at][1]!r}")
        return result

    def conditional(self):
        test = self.chain("||", "OR", lambda: self.chain("&&", "AND", self.relation))
        if not self.take("?"):
            return test
        yes = self.conditional()
        self.expect(":")
        return ("COND", test, yes, self.conditional())

    def chain(self, mark, operation, operand):
        left = operand()
        while self.take(mark):
            left = (operation, left, operand())
        return left

    def relation(self):
        left = self.chain("+", "ADD", self.unary)
        while mark := self.take(*RELATIONS):
            left = (RELATIONS[mark], left, self.chain("+", "ADD", self.unary))
        return left

    def unary(self):
        if self.take("!"):
            return ("NOT", self.unary())
        return self.member()

    def member(self):
        value = self.primary()
        while mark := self.take(".", "["):
            if mark == "[":
                value = ("INDEX", value, self.conditional())
                self.expect("]")
                continue
            _, name = self.tokens[self.at]
            self.at += 1
            # Kubernetes escapes a field whose name is a word of CEL.
            value = self.call(value, name) if self.take("(") else ("SELECT", value, re.sub(r"^__(\w+)__$", r"\1", name))
        return value

    def call(self, value, name):
        if name in MACROS:
            _, variable = self.tokens[self.at]
            self.at += 1
            self.expect(",")
            self.names.append(variable)
            if len(self.names) > MOST_VARIABLES:
                raise Unsupported("too many variables")
            body, slot = self.conditional(), len(self.names) - 1
            self.names.pop()
            self.expect(")")
            if name == "filter" and [text for _, text in self.tokens[self.at:self.at + 4]] != [".", "size", "(", ")"]:
                raise Unsupported("a filter whose size is not taken")
            self.at += 4 * (name == "filter")
            return (MACROS[name], value, body, slot)
        arguments = self.arguments()
        if name == "substring" and len(arguments) == 1:
            return ("SUBSTRING", value, *arguments, ("SIZE", value))
        if name == "split" and len(arguments) == 1 and [text for _, text in self.tokens[self.at:self.at + 3]] == ["[", "0", "]"]:
            self.at += 3
            return ("BEFORE", value, *arguments)
        if name == "matches" and len(arguments) == 1 and arguments[0][0] == "STRING":
            return ("MATCHES", value, ("PATTERN", arguments[0][1]))
        if name not in METHODS or len(arguments) != METHODS[name][1]:
            raise Unsupported(f"the method {name} with {len(arguments)} arguments")
        return (METHODS[name][0], value, *arguments)

    def arguments(self, end=")"):
        found = []
        while not self.take(end):
            found.append(self.conditional())
            if not self.next_is(end):
                self.expect(",")
        return found

    def primary(self):
        kind, text = self.tokens[self.at]
        self.at += 1
        if kind == "number":
            return ("INT", int(text))
        if kind == "string":
            return ("STRING", text)
        if text == "(":
            value = self.conditional()
            self.expect(")")
            return value
        if text == "[":
            return ("LIST", *self.arguments("]"))
        if text in ("true", "false"):
            return ("BOOL", text == "true")
        if kind == "name" and self.take("("):
            return self.function(text)
        if text in self.names:
            return ("VAR", len(self.names) - 1 - self.names[::-1].index(text))
        raise Unsupported(f"the name {text!r}")

    def function(self, name):
        arguments = self.arguments()
        if name == "has" and len(arguments) == 1 and arguments[0][0] == "SELECT":
            return ("HAS", *arguments[0][1:])
        if name in FUNCTIONS and len(arguments) == 1:
            return (FUNCTIONS[name], arguments[0])
        raise Unsupported(f"the function {name}")


# ---- the table ----

def has_alternatives(pattern):
    """Whether a '|' stands outside of groups and classes, so that '^' and '$' belong to one alternative only."""
    bare = re.sub(r"\\.|\[\^?\]?[^\]]*\]", "", pattern)
    while (shorter := re.sub(r"\([^()]*\)", "", bare)) != bare:
        bare = shorter
    return "|" in bare


# The schema of Gateway.spec.addresses[]: an address of the type IPAddress is one.
TYPED_ADDRESS = [{"properties": {"type": {"enum": ["IPAddress"]}, "value": {"anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]}}},
                 {"properties": {"type": {"not": {"enum": ["IPAddress"]}}}}]


def without_texts(schema):
    """The schema without what is for readers."""
    if isinstance(schema, list):
        return [without_texts(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {key: without_texts(value) for key, value in schema.items() if key not in PASSED_OVER or not isinstance(value, str)}


class Table:
    def __init__(self):
        self.text, self.known_text = ['""'], {"": 0}
        self.nodes, self.known_nodes = ["{0}"], {}
        self.fields, self.names, self.groups, self.limits = [], [], [], ["{0}"]
        self.rules, self.known_rules = [], {}
        self.cel, self.cel_known, self.cel_items, self.patterns = ["{0}"], {}, [], []
        self.fallbacks, self.fallback_items = ["{0}"], []
        self.kinds, self.places, self.variant = [], [[], []], 0

    def string(self, text):
        if text not in self.known_text:
            self.known_text[text] = len(self.text)
            self.text.append(json.dumps(text))
        return self.known_text[text]

    @staticmethod
    def run(array, items):
        """The place of `items` in `array`: an earlier run of the same if there is one."""
        for at in range(len(array) - len(items) + 1):
            if array[at:at + len(items)] == items:
                return at
        array.extend(items)
        return len(array) - len(items)

    def pattern(self, text):
        """RE2 has to match the whole subject, Kubernetes looks for a match anywhere."""
        if re.fullmatch(r"\^.*[^\\]\$", text) and not has_alternatives(text):
            whole = f"(?:{text[1:-1]})"
        else:
            whole = f"(?s:.*)(?:{text})(?s:.*)"
        offset = self.string(whole)
        if offset not in self.patterns:
            self.patterns.append(offset)
        return self.patterns.index(offset)

    def expression(self, tree):
        operation, *operands = tree
        if operation == "INT":
            values = [operands[0] & 0xFFFF, operands[0] >> 16]
        elif operation == "BOOL":
            values = [int(operands[0])]
        elif operation == "STRING":
            values = [self.string(operands[0]), len(operands[0].encode())]
        elif operation == "PATTERN":
            values = [self.pattern(operands[0])]
        elif operation == "LIST":
            items = [self.expression(item) for item in operands]
            values = [self.run(self.cel_items, items), len(items)]
        elif operation in ("SELECT", "HAS"):
            values = [self.expression(operands[0]), self.string(operands[1])]
        else:
            values = [value if isinstance(value, int) else self.expression(value) for value in operands]
        row = "{HR_CEL_%s, %s}" % (operation, ", ".join(map(str, (values + [0, 0])[:3])))
        if row not in self.cel_known:
            self.cel_known[row] = len(self.cel)
            self.cel.append(row)
        return self.cel_known[row]

    def rule(self, rule, path):
        extra = set(rule) - {"rule", "message", "reason"}
        if extra:
            raise Unsupported(f"{path}: a rule with {', '.join(sorted(extra))}")
        self.places[self.variant].append((path, rule["rule"]))
        text = rule["rule"].strip()
        try:
            # A rule about the change of a resource does not apply to one that is created.
            tree = ("BOOL", True) if re.search(r"\boldSelf\b", text) else Cel(text).parse()
            expression = self.expression(tree)
        except Unsupported as why:
            raise Unsupported(f"{path}: {rule['rule']}: {why}") from why
        return "{%d, %d, %d}" % (self.string(text), self.string(rule.get("message", "")), expression)

    def node(self, schema, path):
        schema = {key: value for key, value in schema.items() if key not in PASSED_OVER}
        kind, flags = self.type_of(schema, path)
        flags += ["HR_CRD_NULLABLE"] * bool(schema.pop("nullable", False))
        flags += ["HR_CRD_PRESERVE"] * bool(schema.pop("x-kubernetes-preserve-unknown-fields", False))
        if self.has_fallback(schema):
            flags.append("HR_CRD_FALLBACKS")
        if schema.get("oneOf") == TYPED_ADDRESS:
            flags.append("HR_CRD_ADDRESS")
            del schema["oneOf"]
        row = {"type": f"HR_CRD_{kind}"}
        if "default" in schema:
            row["fallback"] = self.fallback(schema.pop("default"), path)
        fields = sorted(schema.pop("properties", {}).items())
        rows = ["{%d, %d, %d}" % (self.string(name), len(name), self.node(child, f"{path}.{name}")) for name, child in fields]
        row.update(self.range_of("fields", self.fields, rows))
        item, additional = schema.pop("items", None), schema.pop("additionalProperties", None)
        if additional is True:
            flags.append("HR_CRD_PRESERVE")
        elif additional:
            row["item"] = self.node(additional, path + "{}")
        if item is not None:
            row["item"] = self.node(item, path + "[]")
        row.update(self.range_of("required", self.names, [str(self.string(n)) for n in schema.pop("required", [])]))
        row.update(self.range_of("enums", self.names, [str(self.string(str(n))) for n in schema.pop("enum", [])]))
        groups = ["{%d, %d}" % (self.run(self.names, [str(self.string(n)) for n in group]), len(group))
                  for group in self.exclusive(schema, path)]
        row.update(self.range_of("groups", self.groups, groups))
        row.update(self.list_type(schema, path, flags))
        limits = self.limits_of(schema, path)
        if limits:
            row["limits"] = self.run(self.limits, [limits])
        row.update(self.range_of("rules", self.rules, [self.rule(r, path) for r in schema.pop("x-kubernetes-validations", [])]))
        if schema:
            raise Unsupported(f"{path}: the keyword {', '.join(sorted(schema))}")
        if flags:
            row["flags"] = " | ".join(flags)
        text = "{%s}" % ", ".join(f".{key} = {value}" for key, value in row.items())
        if text not in self.known_nodes:
            self.known_nodes[text] = len(self.nodes)
            self.nodes.append(text)
        return self.known_nodes[text]

    def has_fallback(self, schema):
        """Whether a field somewhere below has a default."""
        children = [*schema.get("properties", {}).values(), schema.get("items"), schema.get("additionalProperties")]
        return any("default" in child or self.has_fallback(child) for child in children if isinstance(child, dict))

    def fallback(self, value, path):
        """A default: a scalar as it is written in YAML, or a list or map of such."""
        if isinstance(value, (dict, list)):
            items = value if isinstance(value, list) else value.values()
            rows = [str(self.fallback(item, path)) for item in items]
            if isinstance(value, dict):
                rows = [cell for name, row in zip(value, rows) for cell in (str(self.string(name)), row)]
            cells = ["MAP" if isinstance(value, dict) else "LIST", self.run(self.fallback_items, rows), len(value)]
        elif isinstance(value, bool) or not isinstance(value, (int, str)):
            raise Unsupported(f"{path}: the default {value!r}")
        else:
            cells = ["INT" if isinstance(value, int) else "STRING", self.string(str(value)), len(str(value).encode())]
        row = "{HR_CRD_FALLBACK_%s, %d, %d}" % tuple(cells)
        if row not in self.fallbacks:
            self.fallbacks.append(row)
        return self.fallbacks.index(row)

    def range_of(self, name, array, items):
        return {name: self.run(array, items), f"n_{name}": len(items)} if items else {}

    @staticmethod
    def type_of(schema, path):
        if schema.pop("x-kubernetes-int-or-string", False):
            either = schema.pop("anyOf", None)
            if either not in (None, [{"type": "integer"}, {"type": "string"}]):
                raise Unsupported(f"{path}: anyOf {either}")
            return "INT_OR_STRING", []
        kind = schema.pop("type", None)
        if kind is None and schema.get("x-kubernetes-preserve-unknown-fields"):
            return "ANY", []
        if kind not in TYPES:
            raise Unsupported(f"{path}: the type {kind}")
        return TYPES[kind], []

    @staticmethod
    def exclusive(schema, path):
        """The groups of fields of which at most one may be given: how protobuf's oneof looks in a schema."""
        choices = schema.pop("allOf", [])
        if "oneOf" in schema:
            choices = [*choices, {"oneOf": schema.pop("oneOf")}]
        for choice in choices:
            none, *ones = choice.get("oneOf", [None])
            names = [one["required"][0] for one in ones if list(one) == ["required"] and len(one["required"]) == 1]
            if set(choice) != {"oneOf"} or none != {"not": {"anyOf": ones}} or len(names) != len(ones):
                raise Unsupported(f"{path}: {choice}")
            yield names

    def list_type(self, schema, path, flags):
        kind, keys = schema.pop("x-kubernetes-list-type", "atomic"), schema.pop("x-kubernetes-list-map-keys", [])
        if kind == "set":
            flags.append("HR_CRD_SET")
        elif kind not in ("atomic", "map"):
            raise Unsupported(f"{path}: the list type {kind}")
        schema.pop("x-kubernetes-map-type", None)  # about merging only
        return self.range_of("keys", self.names, [str(self.string(n)) for n in keys])

    def limits_of(self, schema, path):
        row, flags = {}, []
        for name, flag in (("minimum", "HR_CRD_MINIMUM"), ("maximum", "HR_CRD_MAXIMUM")):
            if name in schema:
                row[name] = float(schema.pop(name))
                flags.append(flag)
        for name in ("Length", "Items", "Properties"):
            if f"min{name}" in schema:
                row["least"] = schema.pop(f"min{name}")
            if f"max{name}" in schema:
                row["most"] = schema.pop(f"max{name}")
                flags.append("HR_CRD_MOST")
        if "pattern" in schema:
            row["pattern"] = self.pattern(schema.pop("pattern"))
            flags.append("HR_CRD_PATTERN")
        form = schema.pop("format", None)
        if form is not None and form not in FORMATS:
            raise Unsupported(f"{path}: the format {form}")
        if form is not None and FORMATS[form]:
            flags.append(FORMATS[form])
        if flags:
            row["flags"] = " | ".join(flags)
        return "{%s}" % ", ".join(f".{key} = {value}" for key, value in row.items()) if row else None

    def kind(self, crd):
        spec = crd["spec"]
        name, group = spec["names"]["kind"], spec["group"]
        version = next(v for v in spec["versions"] if v["storage"])
        for other in spec["versions"]:
            if without_texts(other["schema"]) != without_texts(version["schema"]) and not other.get("deprecated"):
                raise Unsupported(f"{name}: the versions {version['name']} and {other['name']} differ")
        root = dict(version["schema"]["openAPIV3Schema"])
        # The server drops a given status where it is a resource of its own.
        skipped = SERVER_FIELDS | ({"status"} if "status" in version.get("subresources", {}) else set())
        root["properties"] = {key: value for key, value in root["properties"].items() if key not in skipped}
        self.kinds.append("{%d, %d, %d, %d}" % (self.string(group), self.string(name), self.node(root, name), self.variant))


def write_source(table, name, source):
    arrays = [("char *const", "text"), ("hr_crd_node", "nodes"), ("hr_crd_field", "fields"), ("uint16_t", "names"), ("hr_crd_range", "groups"),
              ("hr_crd_limits", "limits"), ("hr_crd_rule", "rules"), ("hr_cel_op", "cel"), ("uint16_t", "cel_items"),
              ("uint16_t", "patterns"), ("hr_crd_fallback", "fallbacks"), ("uint16_t", "fallback_items"), ("hr_crd_kind", "kinds")]
    parts = [f"/* The schemas of {source}.\n * Generated by scripts/crd_tables.py: do not edit. */\n"
             '#include "crd_schema.h"\n\n/* clang-format off */\n']
    for kind, array in arrays:
        values = getattr(table, array)
        if kind == "uint16_t":
            rows = ["    " + ", ".join(map(str, values[i:i + 20])) for i in range(0, len(values), 20)] or ["    0"]
        else:
            rows = [f"    {value}" for value in values] or ["    {0}"]
        parts.append(f"static const {kind} crd_{array}[] = {{\n" + ",\n".join(rows) + "};\n")
    members = ", ".join(f".{array} = crd_{array}" for _, array in arrays)
    parts.append(f"const hr_crd_table hr_crd_{name} = {{\n    {members},\n"
                 f"    .n_patterns = {len(table.patterns)}, .n_kinds = {len(table.kinds)}, .n_rules = {len(table.rules)}}};\n")
    return "\n".join(parts)


def read_definitions(paths):
    found = {}
    for path in paths:
        with open(path, encoding="utf-8") as file:
            for crd in yaml.safe_load_all(file):
                if crd and crd.get("kind") == "CustomResourceDefinition":
                    found[f"{crd['spec']['names']['kind']}.{crd['spec']['group']}"] = crd
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--name", required=True)
    parser.add_argument("--kind", action="append", required=True, metavar="KIND.GROUP")
    parser.add_argument("--source", required=True, help="what the schemas are of, for the comment")
    parser.add_argument("--out", required=True)
    parser.add_argument("--rules", required=True, action="append",
                        help="the list of CEL rules: KIND.PATH, a tab, the rule; once more for --variant")
    parser.add_argument("--variant", nargs="+", metavar="CRD.yaml", help="the same kinds in another channel")
    parser.add_argument("files", nargs="+")
    options = parser.parse_args()
    table = Table()
    try:
        for table.variant, files in enumerate(filter(None, [options.files, options.variant])):
            definitions = read_definitions(files)
            for kind in options.kind:
                table.kind(definitions[kind])
        text = write_source(table, options.name, options.source)
    except Unsupported as why:
        sys.exit(f"crd_tables.py: not supported: {why}")
    except KeyError as why:
        sys.exit(f"crd_tables.py: missing: {why}")
    with open(options.out, "w", encoding="utf-8") as file:
        file.write(text)
    for rules, places in zip(options.rules, table.places):
        with open(rules, "w", encoding="utf-8") as file:
            file.writelines(f"{path}\t{rule.strip()}\n" for path, rule in places)
    rules = [rule for places in table.places for _, rule in places]
    print(f"{len(table.kinds)} kinds, {len(table.nodes)} nodes, {len(table.fields)} fields, {len(table.text)} texts, "
          f"{len(rules)} rules, {len(set(rules))} distinct")


if __name__ == "__main__":
    main()
