"""The oracle: Istio's packages compile, Envoy executes, and each request gets its expected decision."""
import json
import os
import pathlib
import shutil
import subprocess

import runner
import expect

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get("CONFORMANCE_BUILD", HERE / "build"))


class Config:
    """Resources and the requests to try on them."""

    def __init__(self, ident, yaml, requests=()):
        self.id = ident
        self.yaml = yaml
        self.requests = list(requests)  # dicts in the batch format
        self.errors = None              # what Istio's admission says
        self.expected = []              # one a request: a dict, or a string that says why there is none


def translator():
    """Path of the built translator; builds it where Go is at hand."""
    given = os.environ.get("TRANSLATE")
    if given:
        return given
    out = BUILD / "translate"
    sources = list((HERE / "translate").glob("*.go")) + [HERE / "translate" / "go.mod"]
    if not out.exists() or out.stat().st_mtime < max(s.stat().st_mtime for s in sources):
        if not shutil.which("go"):
            raise SystemExit("conformance: no Go toolchain, so Istio's packages cannot be built")
        BUILD.mkdir(parents=True, exist_ok=True)
        subprocess.run(["go", "build", "-o", str(out), "."], cwd=HERE / "translate", check=True)
    return str(out)


def view_of(request):
    return {"gateway": request.get("gateway") or "mesh", "port": request.get("port") or 80,
            "namespace": request.get("namespace") or "", "source_labels": request.get("source_labels") or {},
            "outbound_policy": request.get("outbound_policy") or "allow-any", "locality": request.get("locality") or "",
            "path_normalization": request.get("path_normalization") or "",
            "trusted_proxies": request.get("trusted_proxies") or 0}


def translate(configs, binary):
    """Sets config.views: {view as text: what the translator made of it}."""
    jobs = []
    for c in configs:
        views = []
        for r in c.requests:
            v = view_of(r)
            if v not in views:
                views.append(v)
        c.order = views
        jobs.append(json.dumps({"id": c.id, "yaml": c.yaml, "views": views}))
    p = subprocess.run([binary], input="\n".join(jobs) + "\n", capture_output=True, text=True)
    if p.returncode:
        raise SystemExit("conformance: translate failed:\n" + p.stderr[-3000:])
    for c, line in zip(configs, p.stdout.split("\n")):
        answer = json.loads(line)
        assert answer["id"] == c.id
        c.errors = answer.get("errors")
        c.warnings = answer.get("warnings")
        c.views = {json.dumps(v, sort_keys=True): r for v, r in zip(c.order, answer.get("views") or [])}


def host_of(authority):
    """An authority without its port, in lower case."""
    if authority.endswith("]") or ":" not in authority:
        return authority.lower()
    return authority[:authority.rindex(":")].lower()


def called_host(request):
    """What the client connects to, which is what Host names unless the request says otherwise."""
    return host_of(request.get("connect_to") or request["authority"])


def pick(view, request):
    """The table that serves a request: the sniffed one of the service called, else the shared one."""
    tables = view["tables"] or []
    if (request.get("gateway") or "mesh") != "mesh":
        if len(tables) < 2:
            return tables[0] if tables else None
        host = host_of(request["authority"])
        best = None
        for t in tables:
            for s in t.get("sni") or ["*"]:
                if s == "*" or s == host or (s.startswith("*.") and host.endswith(s[1:])):
                    rank = (not s.startswith("*"), len(s))
                    if best is None or rank > best[0]:
                        best = (rank, t)
        return best[1] if best else None
    service = view["names"].get(called_host(request))
    for t in tables:
        if service and t.get("service") == service:
            return t
    return next((t for t in tables if not t.get("service")), None)


def judge(configs, binary, progress=None):
    """Fills config.errors and config.expected for every configuration."""
    translate(configs, translator())
    tables, owners = {}, []
    for c in configs:
        if c.errors:
            continue
        for r in c.requests:
            view = c.views[json.dumps(view_of(r), sort_keys=True)]
            r["_table"] = None
            if view.get("gateway_api") and (view.get("error") == "no such Gateway" or not view.get("error") and not view["tables"]):
                r["_why"] = {"error": "Istio has no HTTP listener for this Gateway and port"}
                continue
            if view.get("error"):
                r["_why"] = "view: " + view["error"]
                continue
            service = view["names"].get(called_host(r))
            if view_of(r)["gateway"] == "mesh" and service in (view.get("tcp") or []):
                r["_why"] = {"virtual_service": None}  # declared TCP: no HTTP rule acts on it
                continue
            t = pick(view, r)
            if t is None or not t.get("routes"):
                r["_why"] = "no table: no listener of this view speaks HTTP on that port"
                continue
            key = (id(c), json.dumps(view_of(r), sort_keys=True), t["name"])
            if key not in tables:
                known = view["clusters"]
                for cl in known.values():
                    if cl["type"] == "ORIGINAL_DST":
                        cl["assumed"] = True
                tables[key] = runner.Table(t, known)
                owners.append(tables[key])
            r["_table"] = tables[key]
            tables[key].requests.append(r)
    for t in owners:
        for r in t.requests:
            r["_random"] = 0
    for t in owners:
        # Which route answers is Envoy's to say; the draw must suit every weighted route, so it is sent
        # as the smallest number with the required remainder for each sum of weights in the table.
        for r in t.requests:
            r["_random"] = _random(t, r)
    runner.run(binary, owners)
    for c in configs:
        c.expected = []
        if c.errors:
            continue
        for r in c.requests:
            t = r.pop("_table")
            if t is None:
                c.expected.append(r.pop("_why"))
            elif t.rejected:
                c.expected.append("rejected by Envoy: " + t.rejected)
            elif r.pop("_conflict", False):
                c.expected.append("two sums of weights that no one random value suits")
            elif "UT" in ((r.get("_log") or {}).get("flags") or "").split(","):
                c.expected.append("the echo upstream was slower than the route's timeout")
            elif "status" not in (r.get("_answer") or {}):
                c.expected.append("no answer: " + str(r.get("_answer")))
            else:
                e = expect.decision(t, r)
                c.expected.append(e if e is not None else "no log line")
            for k in ("_answer", "_log", "_random"):
                r.pop(k, None)


def _random(table, request):
    """A value whose remainder by every sum of weights of the table is floor(r x sum)."""
    wanted = {}
    for _, route in table.index:
        w = ((route.get("route") or {}).get("weighted_clusters") or {}).get("clusters")
        if w:
            wanted[sum(x.get("weight", 0) for x in w)] = expect.weight_value(route, request)
    if len(wanted) == 1:
        return next(iter(wanted.values()))
    for candidate in range(200000 if wanted else 0):
        if all(candidate % m == x for m, x in wanted.items() if m):
            return candidate
    request["_conflict"] = bool(wanted)
    return 0
