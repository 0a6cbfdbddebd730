"""Istio's VirtualService and DestinationRule, evaluated inside your own process.

    import headerroute

    table = headerroute.load("k8s/base", "k8s/local")
    d = table.route("POST", "http://proxy-server:5000/predict", headers={"target": "condition1"})
    d.destination.subset    # 'proxy-pod-subset1'

A table never changes and may be used by any number of threads; the interpreter's lock is released
while the C library works. The module ``headerroute.lowlevel`` is the C header as SWIG
wraps it.
"""
from .decision import Decision
from .decision_members import (Cors, Destination, DirectResponse, Endpoint, Fault, HashPolicy, HeaderOperations, LocalReply,
                               Mirror, Redirect, Retries, Upstream)
from .differences import ComparedView, Diff, Region, Rule, Undecided, Where, Witness, diff
from .errors import ConfigError, Diagnostic, RouteError
from .explanation import Event, Explanation
from .lowlevel import hr_version as _hr_version
from .table import Stats, Table, View, Yaml, load

__version__: str = _hr_version()

__all__ = [
    "ComparedView", "ConfigError", "Cors", "Decision", "Destination", "Diagnostic", "Diff", "DirectResponse", "Endpoint",
    "Event", "Explanation", "Fault", "HashPolicy", "HeaderOperations", "LocalReply", "Mirror", "Redirect", "Region", "Retries",
    "RouteError", "Rule", "Stats", "Table", "Undecided", "Upstream", "View", "Where", "Witness", "Yaml", "diff", "load",
]
