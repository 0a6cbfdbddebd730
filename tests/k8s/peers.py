"""Tools of other registries that judge the manifests: kustomize, kubernetes-validate, Istio's CRDs.

Fetched once into build/peers by their own package managers. Where a registry cannot be reached the
tests that need it are skipped, with the reason.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PEERS = ROOT / "build/peers"
KUSTOMIZE = "sigs.k8s.io/kustomize/kustomize/v5@v5.8.2"
KUBERNETES_VALIDATE = "kubernetes-validate"
ISTIO_API = "istio.io/api@v1.31.1"


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


def istio_schemas():
    """(group, version, kind) -> the openAPI schema of Istio's CRD, unknown fields forbidden."""
    import yaml

    if not shutil.which("go"):
        pytest.skip("Istio's CRDs come from Go's registry, and there is no Go here")
    PEERS.mkdir(parents=True, exist_ok=True)
    answer = get(["go", "mod", "download", "-json", ISTIO_API], "Istio's CRDs could not be fetched", cwd=PEERS)
    crds = pathlib.Path(json.loads(answer.stdout)["Dir"]) / "kubernetes/customresourcedefinitions.gen.yaml"
    schemas = {}
    for crd in yaml.safe_load_all(crds.read_text()):
        if not crd:
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
