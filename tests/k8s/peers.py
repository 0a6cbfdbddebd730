"""Tools of other registries that judge the manifests: kustomize, kubernetes-validate, the CRDs of Istio and of the Gateway API.

Fetched once into build/peers by their own package managers. Where a registry cannot be reached the
tests that need it are skipped, with the reason.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PEERS = ROOT / "build/peers"
KUSTOMIZE = "sigs.k8s.io/kustomize/kustomize/v5@v5.8.2"
KUBERNETES_VALIDATE = "kubernetes-validate"
ISTIO_API = "istio.io/api@v1.31.1"
GATEWAY_API = "sigs.k8s.io/gateway-api"


def get(command, reason, **kwargs):
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=600, **kwargs)
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"{reason}: {error}")


def kustomize():
    """Path of a current kustomize, from the Go module proxy."""
    path = PEERS / "bin/kustomize"
    if not path.exists():
        if not shutil.which("go"):
            pytest.skip("kustomize comes from Go's registry, and there is no Go here")
        get(["go", "install", KUSTOMIZE], "kustomize could not be fetched",
            env={**os.environ, "GOBIN": str(path.parent), "GOFLAGS": "-mod=mod"})
    return path


def kubernetes_validate():
    """Path of kubernetes-validate, which carries Kubernetes' own schemas."""
    path = PEERS / "venv/bin/kubernetes-validate"
    if not path.exists():
        get([sys.executable, "-m", "venv", str(PEERS / "venv")], "no virtual environment could be made")
        get([PEERS / "venv/bin/pip", "-q", "install", KUBERNETES_VALIDATE], "kubernetes-validate could not be fetched")
    return path


def gateway_api_version():
    """The release that Istio's own code is compiled with in the conformance harness."""
    return re.search(rf"{GATEWAY_API} (v\S+)", (ROOT / "tests/conformance/translate/go.mod").read_text())[1]


def go_module(module, reason):
    """Folder of a module's source, from the Go module proxy."""
    if not shutil.which("go"):
        pytest.skip(f"{module} comes from Go's registry, and there is no Go here")
    PEERS.mkdir(parents=True, exist_ok=True)
    answer = get(["go", "mod", "download", "-json", module], reason, cwd=PEERS)
    return pathlib.Path(json.loads(answer.stdout)["Dir"])


def istio_schemas():
    """(group, version, kind) -> the openAPI schema of Istio's CRD, unknown fields forbidden."""
    folder = go_module(ISTIO_API, "Istio's CRDs could not be fetched")
    return crd_schemas([folder / "kubernetes/customresourcedefinitions.gen.yaml"])


def gateway_api_schemas():
    """The same for the standard channel of the Gateway API."""
    folder = go_module(f"{GATEWAY_API}@{gateway_api_version()}", "the Gateway API's CRDs could not be fetched")
    return crd_schemas(sorted((folder / "config/crd/standard").glob("*.yaml")))


def crd_schemas(files):
    import yaml

    schemas = {}
    for crd in [document for file in files for document in yaml.safe_load_all(file.read_text())]:
        if not crd or crd["kind"] != "CustomResourceDefinition":
            continue
        spec = crd["spec"]
        for version in spec["versions"]:
            schema = seal(version["schema"]["openAPIV3Schema"])
            schema["properties"].update(apiVersion={}, kind={}, metadata={})
            schemas[spec["group"], version["name"], spec["names"]["kind"]] = schema
    return schemas


def seal(schema):
    """Forbids what the schema does not name, as the API server does with strict field validation."""
    if isinstance(schema, dict):
        named = schema.get("properties")
        if named is not None and "additionalProperties" not in schema and \
                not schema.get("x-kubernetes-preserve-unknown-fields"):
            schema["additionalProperties"] = False
        for key, value in schema.items():
            # Branches of oneOf and the like only restrict what the parent names.
            if key not in ("oneOf", "anyOf", "allOf", "not"):
                seal(value)
        if "properties" in schema:
            for value in schema["properties"].values():
                seal(value)
    elif isinstance(schema, list):
        for value in schema:
            seal(value)
    return schema
