#!/usr/bin/env python3
"""Compares the linter with `istioctl analyze`: its analyzers, from Istio's Go module, read the same resources.

A message that concerns routing has a finding of `headerroute validate` of the same kind on the same configuration, or
there is a reason here why it needs none, which docs/linter.md repeats; any other code fails the run. The resources are the
analyzers' own test data, the linter's cases in tests/headerroute/fixtures/cases, and random configurations.
"""
import argparse
import collections
import json
import os
import pathlib
import re
import subprocess
import sys

import yaml

HERE = pathlib.Path(__file__).resolve().parent
CASES = HERE.parent / "headerroute" / "fixtures" / "cases"
sys.path.insert(0, str(HERE))

# What a message of that code corresponds to: names of findings, and why a message may have none. An error of the load
# counts for all, since the linter does not read a load with errors.
FINDINGS = {
    "IST0101": ({"host-unknown", "gateway-unknown", "subset-unknown", "subset-not-reached", "no-services", "alias-unknown", "not-exported",
                 "vs-not-exported", "port-unknown", "destination-empty"},
                "the analyzer overlooks DestinationRules for wildcard hosts, and hosts that another namespace exports"),
    "IST0106": (set(), ""),
    "IST0109": ({"host-taken"}, "exportTo or sourceLabels keep the two apart, or no caller of that namespace is known"),
    "IST0112": ({"port-missing", "port-unknown"}, "the port that is called is one of the destination's, so that it is used"),
    "IST0130": ({"never-matches"}, ""),
    "IST0131": ({"never-matches"}, "the conditions differ in letter case or belong to a delegate; never-matches is exact"),
    "IST0132": ({"host-not-on-gateway", "gateway-unknown"}, "another of its Gateways has the host, the VirtualService is not exported to the Gateway, or the rules are for TCP"),
    "IST0145": ({"gateway-port-conflict", "gateway-host-conflict"},
                "HTTP servers with one port and host are merged, and each VirtualService keeps its rules"),
    "IST0162": ({"gateway-port-closed"}, "no Service of the gateway's pods is loaded, or one has the port"),
    "IST0173": ({"subset-empty", "subset-not-reached"}, "no pod is loaded, so that the endpoints are unknown"),
}
MESH = "it is about injection, certificates, policies or the installation, which do not choose where a request goes"
REASONS = {
    "IST0110": "the oldest Sidecar applies, as in Istio; explain names what it leaves out",
    "IST0111": "the oldest Sidecar applies, as in Istio; explain names what it leaves out",
    "IST0116": "a pod in several Services is an endpoint of each; what differs is its inbound protocol",
    "IST0118": "the protocol of such a port is found out by the proxy, as a decision takes it",
    "IST0133": "the warnings of Istio's webhook have warnings of the load; validation.md",
    "IST0134": "it is about TCP ports, which take no HTTP rules",
    "IST0137": "a pod in several Services is an endpoint of each; what differs is its inbound protocol",
    "IST0140": "each VirtualService decides at its own gateways; mesh-only-service is about rules for the mesh alone",
    "IST0149": "claims are stated by the caller (--claim); no RequestAuthentication is read",
    "IST0150": "it is about an ExternalName's TCP port",
    "IST0165": "the Gateways that Istio generates are not in the files: gateway-unknown if one is named",
    "IST0174": "a DestinationRule without a Service changes no decision",
    "IST0177": "the protocol of the older ServiceEntry counts, as in Istio",
}
for code in (
        "IST0002 IST0102 IST0103 IST0107 IST0108 IST0123 IST0125 IST0126 IST0127 IST0128 IST0129 IST0135 IST0136 "
        "IST0138 IST0139 IST0141 IST0142 IST0143 IST0144 IST0146 IST0147 IST0148 IST0151 IST0152 IST0153 IST0154 "
        "IST0155 IST0156 IST0157 IST0158 IST0159 IST0160 IST0161 IST0163 IST0164 IST0166 IST0167 IST0168 IST0169 "
        "IST0170 IST0171 IST0172 IST0175 IST0176 "
).split():
    REASONS[code] = MESH
CLUSTER_WIDE = {"Namespace", "Node", "CustomResourceDefinition", "GatewayClass", "ClusterRole", "ClusterRoleBinding",
                "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"}


def cases_of(path):
    """The YAML of every case of a fixture file."""
    for block in re.split(r"^=== ", path.read_text(), flags=re.M)[1:]:
        name, _, rest = block.partition("\n")
        yield "%s: %s" % (path.name, name), rest.partition("--- findings\n")[0]


def with_namespaces(text):
    """The resources with the namespace `default` where they name none, which the analyzers do not add."""
    try:
        docs = [d for d in yaml.safe_load_all(text) if isinstance(d, dict)]
    except yaml.YAMLError:
        return text
    for d in docs:
        meta = d.get("metadata")
        if isinstance(meta, dict) and d.get("kind") not in CLUSTER_WIDE and not meta.get("namespace"):
            meta["namespace"] = "default"
    return yaml.safe_dump_all(docs, sort_keys=False)


def istio_test_data():
    module = subprocess.run(["go", "list", "-m", "-f", "{{.Dir}}", "istio.io/istio"], cwd=HERE / "translate", check=True,
                            capture_output=True, text=True).stdout.strip()
    for path in sorted((pathlib.Path(module) / "pkg/config/analysis/analyzers/testdata").glob("*.yaml")):
        yield "testdata: " + path.name, path.read_text()


def generated(seed, n):
    import generate
    from generate_wide import WideWorld
    for i in range(n):
        yield "generated %d" % (seed + i), generate.text(WideWorld(seed + i, 0).docs)


def analyzer():
    given = os.environ.get("ANALYZE")
    if given:
        return given
    build = pathlib.Path(os.environ.get("CONFORMANCE_BUILD", HERE / "build"))
    build.mkdir(parents=True, exist_ok=True)
    subprocess.run(["go", "build", "-o", str(build / "analyze"), "./analyze"], cwd=HERE / "translate", check=True)
    return str(build / "analyze")


def analyze(inputs):
    jobs = "".join(json.dumps({"id": name, "yaml": yaml}) + "\n" for name, yaml in inputs)
    done = subprocess.run([analyzer()], input=jobs, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def findings(binary, yaml):
    """Names of the findings of `validate`; "error" for an error of the load."""
    done = subprocess.run([binary, "validate", "--format", "json", "-"], input=yaml, capture_output=True, text=True)
    out = set()
    for finding in json.loads(done.stdout)["findings"]:
        out.add("error" if finding["severity"] == "error" else finding["rule"])
    return out


def concerns_routing(m):
    """IST0101 and IST0106 are about resources of any kind: names of hosts, Gateways and subsets decide where a request goes."""
    if m["code"] == "IST0106":
        return m["resource"].split(" ")[0] in ("VirtualService", "DestinationRule", "Gateway", "ServiceEntry", "Sidecar", "WorkloadEntry")
    return m["code"] != "IST0101" or re.search("Referenced (host|gateway)", m["text"]) is not None


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--headerroute", required=True)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--configs", type=int, default=200, help="random configurations (default: 200)")
    p.add_argument("--show", type=int, default=0, help="messages without a finding to print (default: 0)")
    a = p.parse_args()
    inputs = list(istio_test_data())
    for name in ("lint.txt", "lint_across.txt", "lint_gateway_api.txt"):
        inputs += cases_of(CASES / name)
    inputs += generated(a.seed, a.configs)
    inputs = [(name, with_namespaces(text)) for name, text in inputs]
    said, found, lacking = collections.Counter(), collections.Counter(), []
    for (name, yaml), answer in zip(inputs, analyze(inputs)):
        ours = None
        for m in answer["messages"]:
            said[m["code"]] += 1
            if m["code"] not in FINDINGS or not concerns_routing(m):
                continue
            ours = findings(a.headerroute, yaml) if ours is None else ours
            if ours & (FINDINGS[m["code"]][0] | {"error"}):
                found[m["code"]] += 1
            else:
                lacking.append((name, m, sorted(ours)))
    unknown = sorted(set(said) - set(FINDINGS) - set(REASONS))
    unknown += sorted({m["code"] for _, m, _ in lacking if not FINDINGS[m["code"]][1]})
    for code in sorted(said):
        n = sum(m["code"] == code for _, m, _ in lacking)
        print("%s %5d messages: %s" % (code, said[code], "NOT SETTLED" if code in unknown else REASONS[code] if code in REASONS else
                                       "%d with a finding, %d without: %s" % (found[code], n, FINDINGS[code][1]) if n else
                                       "%d with a finding" % found[code]))
    for name, m, ours in lacking[:a.show]:
        print("%s: %s %s: %s\n    ours: %s" % (name, m["code"], m["resource"], m["text"], ", ".join(ours) or "none"))
    print("%d configurations; not settled: %s" % (len(inputs), ", ".join(unknown) or "none"))
    return 1 if unknown else 0


if __name__ == "__main__":
    sys.exit(main())
