"""The C header as SWIG wraps it: see libheaderroute's headerroute.h, and bindings/headerroute.i for what
Python gets in another form."""
from typing import List, Optional, Tuple, Union

_Text = Union[str, bytes]
_Pairs = Tuple[Tuple[_Text, Optional[_Text]], ...]

HR_ACTION_DIRECT_RESPONSE: int
HR_ACTION_NO_ROUTE: int
HR_ACTION_PASSTHROUGH: int
HR_ACTION_REDIRECT: int
HR_ACTION_ROUTE: int
HR_ALLOW_ANY: int
HR_CLUSTER_EDS: int
HR_CLUSTER_LOGICAL_DNS: int
HR_CLUSTER_ORIGINAL_DST: int
HR_CLUSTER_STRICT_DNS: int
HR_ECONFIG: int
HR_EINVAL: int
HR_EIO: int
HR_ENOENT: int
HR_ENOMEM: int
HR_ENOSPC: int
HR_EREQUEST: int
HR_HASH_COOKIE: int
HR_HASH_HEADER: int
HR_HASH_QUERY_PARAMETER: int
HR_HASH_SOURCE_IP: int
HR_LB_LEAST_REQUEST: int
HR_LB_MAGLEV: int
HR_LB_PASSTHROUGH: int
HR_LB_RANDOM: int
HR_LB_RING_HASH: int
HR_LB_ROUND_ROBIN: int
HR_LOAD_OPTIONS_VERSION: int
HR_MATCH_EXACT: int
HR_MATCH_PREFIX: int
HR_MATCH_REGEX: int
HR_OK: int
HR_PATH_NORMALIZATION_BASE: int
HR_PATH_NORMALIZATION_DECODE_AND_MERGE_SLASHES: int
HR_PATH_NORMALIZATION_MERGE_SLASHES: int
HR_PATH_NORMALIZATION_NONE: int
HR_REGISTRY_ONLY: int
HR_REPEATED_EACH: int
HR_REPEATED_JOINED: int
HR_SEVERITY_ERROR: int
HR_TLS_DISABLE: int
HR_TLS_ISTIO_MUTUAL: int
HR_TLS_MUTUAL: int
HR_TLS_SIMPLE: int
HR_TRACE_CONDITION: int
HR_TRACE_MAX_TEXT: int
HR_TRACE_OMITTED: int
HR_TRACE_RULE: int
HR_TRACE_VIRTUAL_HOST: int
HR_VIEW_OPTIONS_VERSION: int
HR_CONNECTION_VERSION: int
HR_REQUEST_VERSION: int
HR_RESPONSE_VERSION: int
HR_WARNING: int

class hr_table: ...
class hr_diagnostics: ...
class hr_view: ...
class hr_scratch: ...

class hr_diagnostic:
    @property
    def severity(self) -> int: ...
    @property
    def file(self) -> Optional[str]: ...
    @property
    def line(self) -> int: ...
    @property
    def column(self) -> int: ...
    @property
    def field(self) -> Optional[str]: ...
    @property
    def message(self) -> Optional[str]: ...

class hr_gateway_info:
    @property
    def name(self) -> str: ...
    @property
    def n_ports(self) -> int: ...

class hr_stats:
    @property
    def virtual_services(self) -> int: ...
    @property
    def destination_rules(self) -> int: ...
    @property
    def gateways(self) -> int: ...
    @property
    def services(self) -> int: ...
    @property
    def service_entries(self) -> int: ...
    @property
    def workloads(self) -> int: ...
    @property
    def routes(self) -> int: ...
    @property
    def clusters(self) -> int: ...
    @property
    def bytes(self) -> int: ...

def hr_strerror(error: int) -> str: ...
def hr_version() -> str: ...
def hr_diagnostics_count(d: Optional[hr_diagnostics]) -> int: ...
def hr_diagnostics_get(d: Optional[hr_diagnostics], index: int) -> hr_diagnostic: ...
def hr_diagnostics_errors(d: Optional[hr_diagnostics]) -> int: ...
def hr_table_gateway_count(table: hr_table) -> int: ...
def hr_table_gateway(out: hr_gateway_info, table: hr_table, index: int) -> int: ...
def hr_table_stats(out: hr_stats, table: hr_table) -> None: ...
def hr_scratch_new() -> Tuple[int, Optional[hr_scratch]]: ...
def hr_scratch_error(scratch: hr_scratch) -> Optional[str]: ...
def hr_load(
    sources: Tuple[Tuple[Optional[bytes], Optional[bytes], Optional[_Text]], ...],
    domain: Optional[str], root_namespace: Optional[str], default_namespace: Optional[str],
    max_bytes: int, max_depth: int, max_nodes: int, lint: int,
) -> Tuple[int, Optional[hr_table], Optional[hr_diagnostics]]: ...
def hr_view_option_name(index: int) -> Optional[str]: ...
def hr_view_open(
    table: hr_table, options: _Pairs, pairs: _Pairs,
) -> Tuple[int, Optional[hr_view], Optional[Tuple[int, str]]]: ...
def hr_decide(
    view: hr_view, scratch: hr_scratch, method: _Text, scheme: _Text, authority: _Text, path: _Text, pairs: _Pairs,
    weight: float, delay: float, abort_: float, mirror: float, peer_address: Optional[_Text],
    peer_port: int, trusted_proxies: int, request_id: Optional[_Text], facts: _Pairs,
    events: Optional[List[Tuple[object, ...]]],
) -> Tuple[int, Optional[str]]: ...
def hr_gateway_ports(info: hr_gateway_info) -> Tuple[int, ...]: ...
