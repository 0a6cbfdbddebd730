"""Pairs of configurations: one of the conformance generator's, and the same after one to three mutations.

Writes to standard output what diff-check reads: for each pair "pair SEED", then "old N", "new N" and "words N",
each followed by N bytes. The words are what requests are made of, and the rules that boundary requests follow.
The same seed gives the same pairs.
"""
import argparse
import copy
import json
import os
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "conformance"))

import generate  # noqa: E402

MORE_REGEX = ["/a(/.*)?", "/[ab]/?.*", "/x/[0-9]{1,3}", "(?i)/a/.*", "/(a|b)", "/a/b/?", "/.*\\.b", "[^/]*/a.*", "/ab?", "^/a.*$"]
MORE_VALUE_REGEX = ["[12]", "o.*", "(?i)one", "one|two.*", "\\d+", ".{3}", "[a-z]+", "one(s)?", ".*e.*", "^1$"]
# Headers that a proxy sets or removes before it looks at routes.
EDGE_HEADERS = {"x-forwarded-proto": ["http", "https", "ftp"], "x-request-id": ["00000000-0000-4000-8000-000000000000", "id"],
                "te": ["trailers", "gzip"], "x-forwarded-for": ["10.0.0.1"], "x-envoy-external-address": ["10.0.0.1"],
                "x-envoy-internal": ["true"], "x-envoy-original-path": ["/a"], "x-forwarded-client-cert": ["By=a"]}
# What boundary requests use where a regex has to hold.
SAMPLES = {"/a.*": "/abc", "/x/[0-9]+": "/x/17", ".*": "/z", "/[ab]": "/b", "/a/b|/b/a": "/b/a", "(?i)/A/B": "/a/B",
           "/.*b": "/a/b", "/x/\\w": "/x/y", "/(a|b)/.*": "/b/c", "/a(/.*)?": "/a/q", "/[ab]/?.*": "/b/", "/x/[0-9]{1,3}": "/x/123",
           "(?i)/a/.*": "/A/x", "/(a|b)": "/a", "/a/b/?": "/a/b/", "/.*\\.b": "/a.b", "[^/]*/a.*": "/ab", "/ab?": "/a",
           "^/a.*$": "/ax", "[0-9]+": "12", "one.*": "oneself", "1|2": "2", "(?i)ONE": "One", ".+": "x", "a.b": "a,b",
           "[12]": "1", "o.*": "o", "(?i)one": "ONE", "one|two.*": "two words", "\\d+": "7", ".{3}": "one", "[a-z]+": "one",
           "one(s)?": "ones", ".*e.*": "e", "^1$": "1", "GET|PUT": "PUT", ".*foo.*": "a.foo.com", "https?": "https", "[0-9]*": "5"}


def http_lists(docs):
    return [d["spec"]["http"] for d in docs if d["kind"] == "VirtualService" and d["spec"].get("http")]


def matches(docs):
    return [m for rules in http_lists(docs) for rule in rules for m in rule.get("match", [])]


class Mutator:
    """Changes a configuration the way people do."""

    def __init__(self, world, r):
        self.world = world
        self.r = r

    def rule_list(self, docs):
        lists = http_lists(docs)
        return self.r.choice(lists) if lists else None

    def value(self, docs):
        conditions = []
        for m in matches(docs):
            conditions += [(m[k], k) for k in ("uri", "method", "authority") if m.get(k)]
            for field in ("headers", "withoutHeaders", "queryParams"):
                conditions += [(c, field) for c in m.get(field, {}).values() if c]
        if not conditions:
            return False
        condition, field = self.r.choice(conditions)
        kind = next(iter(condition))
        words = {"uri": generate.EXACT + generate.PATHS, "method": ["GET", "POST", "PUT", "P"],
                 "authority": ["reviews", "a.foo.com", "shop.example.com"]}.get(field, generate.VALUES + ["on", "x"])
        if kind == "regex":
            words = MORE_REGEX if field == "uri" else MORE_VALUE_REGEX
        condition[kind] = self.r.choice([w for w in words if w])
        return True

    def regex(self, docs):
        found = matches(docs)
        if not found:
            return False
        m = self.r.choice(found)
        if self.r.random() < 0.5:
            m["uri"] = {"regex": self.r.choice(MORE_REGEX + generate.REGEX)}
        else:
            name = self.r.choice(generate.HEADERS)
            field = self.r.choice(["headers", "headers", "withoutHeaders"])
            m.setdefault(field, {})[name] = {"regex": self.r.choice(MORE_VALUE_REGEX + generate.VALUE_REGEX)}
        return True

    def edge(self, docs):
        found = matches(docs)
        if not found:
            return False
        name = self.r.choice(list(EDGE_HEADERS))
        value = self.r.choice(EDGE_HEADERS[name])
        condition = self.r.choice([{"exact": value}, {"prefix": value[:2]}, {"regex": "[a-z]+"}, {"regex": "[0-9a-f-]{36}"}, {}])
        self.r.choice(found).setdefault(self.r.choice(["headers", "withoutHeaders"]), {})[name] = condition
        return True

    def order(self, docs):
        rules = self.rule_list(docs)
        if rules is None or len(rules) < 2:
            return False
        i, j = self.r.sample(range(len(rules)), 2)
        rules[i], rules[j] = rules[j], rules[i]
        return True

    def added(self, docs):
        rules = self.rule_list(docs)
        if rules is None:
            return False
        rules.insert(self.r.randrange(len(rules) + 1), self.world.rule("default"))
        return True

    def removed(self, docs):
        choice = self.r.random()
        rules = self.rule_list(docs)
        if rules is None:
            return False
        if choice < 0.4 and len(rules) > 1:
            rules.pop(self.r.randrange(len(rules)))
        elif choice < 0.8:
            found = [m for m in matches(docs) if len(m) > 1]
            if not found:
                return False
            m = self.r.choice(found)
            m.pop(self.r.choice(list(m)))
        else:
            i = self.r.randrange(len(docs))
            if docs[i]["kind"] not in ("VirtualService", "DestinationRule", "Gateway"):
                return False
            docs.pop(i)
        return True

    def weight(self, docs):
        weighted = [rule["route"] for rules in http_lists(docs) for rule in rules if len(rule.get("route", [])) > 1]
        if not weighted:
            return False
        route = self.r.choice(weighted)
        for d in route:
            d["weight"] = self.r.choice([0, 1, 2, 25, 50, 100])
        if not any(d["weight"] for d in route):
            route[0]["weight"] = 1
        return True

    def action(self, docs):
        rules = self.rule_list(docs)
        if rules is None:
            return False
        rule = self.r.choice(rules)
        if "delegate" in rule:
            return False
        match = rule.get("match")
        fresh = self.world.rule("default")
        if "route" in rule and "route" in fresh and self.r.random() < 0.6:
            for field in ("timeout", "retries", "rewrite", "fault", "mirror", "corsPolicy", "headers"):
                if self.r.random() < 0.4:
                    rule.pop(field, None)
                    if field in fresh:
                        rule[field] = fresh[field]
            if "mirror" not in rule:
                rule.pop("mirrorPercentage", None)
            return True
        rule.clear()
        rule.update(fresh)
        rule.pop("match", None)
        if match:
            rule["match"] = match
        return True

    def policy(self, docs):
        found = [d for d in docs if d["kind"] == "DestinationRule"]
        if not found:
            return False
        self.r.choice(found)["spec"]["trafficPolicy"] = self.world.policy()
        return True

    def mutate(self, docs):
        kinds = [self.value, self.value, self.regex, self.order, self.added, self.removed, self.weight, self.action,
                 self.action, self.policy, self.edge]
        wanted = self.r.choice([1, 1, 2, 3])
        for _ in range(20):
            if wanted == 0:
                return
            wanted -= self.r.choice(kinds)(docs)


def near(text):
    """Texts at the border of an exact or a prefix."""
    out = {text, text + "x", text + "/", text + "1", text.upper(), text.lower(), text.swapcase()}
    if text:
        out.add(text[:-1])
    return out


def sample(condition):
    kind, text = next(iter(condition.items()), ("present", "x"))
    return SAMPLES.get(text, text) if kind == "regex" else text


def rule_words(m):
    """One match as the attributes that a request needs for it."""
    words = []
    for field in ("uri", "method", "authority", "scheme"):
        if m.get(field):
            words.append("%s=%s" % (field, sample(m[field])))
    for name, condition in m.get("headers", {}).items():
        words.append("header:%s=%s" % (name, sample(condition)))
    for name, condition in m.get("queryParams", {}).items():
        words.append("query:%s=%s" % (name, sample(condition)))
    return "rule\t" + "\t".join(words)


def request_words(world, both):
    lines = set()
    for docs in both:
        for m in matches(docs):
            lines.add(rule_words(m))
            if m.get("uri"):
                lines |= {"path\t" + p for p in near(sample(m["uri"])) if p.startswith("/")}
            for field in ("headers", "withoutHeaders"):
                for name, condition in m.get(field, {}).items():
                    lines.add("header\t" + name)
                    lines |= {"value\t" + v for v in near(sample(condition))}
            for name, condition in m.get("queryParams", {}).items():
                lines |= {"query\t%s=%s" % (name, v) for v in near(sample(condition))}
            if m.get("method"):
                lines.add("method\t" + sample(m["method"]))
    for host, ns, _ in world.targets:
        full = host if "." in host else "%s.%s.svc.cluster.local" % (host, ns)
        lines |= {"host\t" + host, "host\t" + full, "host\t" + full + ":80", "host\t" + full.upper()}
    for ns, name, _ in world.services:
        lines |= {"host\t" + h for h in (name, "%s.%s" % (name, ns), "%s.%s.svc" % (name, ns), "%s.%s.svc.cluster.local" % (name, ns))}
    lines |= {"host\t" + h for h in world.hosts + ["other.example.org", "x.foo.com", "w.foo.com"]}
    lines |= {"path\t" + p for p in generate.PATHS}
    lines |= {"query\t" + q.lstrip("?") for q in generate.QUERIES if q.startswith("?")}
    lines |= {"header\t" + h for h in generate.HEADERS + ["origin"] + list(EDGE_HEADERS)}
    lines |= {"value\t" + v for v in generate.VALUES + sum(EDGE_HEADERS.values(), [])}
    lines |= {"method\t" + m for m in generate.METHODS}
    lines |= {"scheme\thttp", "scheme\thttps"}
    return "\n".join(sorted(lines)) + "\n"


def text(docs):
    return "".join("---\n" + json.dumps(d) + "\n" for d in docs)


def make(seed):
    world = generate.World(seed, 0)
    old, new = copy.deepcopy(world.docs), copy.deepcopy(world.docs)
    Mutator(world, random.Random(seed * 7919 + 1)).mutate(new)
    return text(old), text(new), request_words(world, (old, new))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=1, help="of the first pair (default: 1)")
    parser.add_argument("--count", type=int, default=2000, help="pairs (default: 2000)")
    args = parser.parse_args()
    out = sys.stdout.buffer
    for seed in range(args.seed, args.seed + args.count):
        out.write(b"pair %d\n" % seed)
        for name, part in zip(("old", "new", "words"), make(seed)):
            data = part.encode()
            out.write(b"%s %d\n" % (name.encode(), len(data)))
            out.write(data)
    out.flush()


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:  # diff-check has its number of pairs
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
