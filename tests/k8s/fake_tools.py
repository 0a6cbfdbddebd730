"""gcloud, kubectl and istioctl as far as the scripts of k8s/ use them, over a cloud that is a JSON file.

Every call is recorded in $CALLS. A call that the real tool would refuse (a missing namespace, an unknown kind, an API that
is not enabled, a context without credentials, a flag that no script has needed so far) fails here too.
usage: fake_tools.py gcloud|kubectl|istioctl ARGUMENT...
"""
import json
import os
import pathlib
import re
import shlex
import sys

import yaml

EMPTY = {"enabled": [], "clusters": {}, "repositories": [], "contexts": [], "objects": {}, "crds": []}
# What a new cluster has, and the groups that its API server knows without any CRD.
NAMESPACES = ["default", "kube-node-lease", "kube-public", "kube-system"]
ISTIO_GROUPS = ["networking.istio.io", "security.istio.io"]
GATEWAY_API = "gateway.networking.k8s.io"
GATEWAY_API_CRDS = "https://github.com/kubernetes-sigs/gateway-api/releases/download/"
CLUSTER_WIDE = {"Namespace", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition"}


class Refused(Exception):
    """What the tool prints before it exits with 1."""


class Cloud:
    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.state = json.loads(self.path.read_text()) if self.path.exists() else EMPTY

    def __getitem__(self, key):
        return self.state[key]

    def save(self):
        self.path.write_text(json.dumps(self.state))

    def objects(self, context):
        if context not in self["contexts"]:
            raise Refused(f'error: context "{context}" does not exist')
        return self["objects"].setdefault(context, [f"Namespace//{name}" for name in NAMESPACES])


class Arguments:
    """The words of a call without its flags, and the flags by name: a flag that is not in `known` is refused."""

    def __init__(self, words, known):
        self.words, self.flags = [], {}
        words = list(words)
        while words:
            word = words.pop(0)
            name, equals, value = word.partition("=")
            if not word.startswith("-"):
                self.words.append(word)
            elif name not in known:
                raise Refused(f"unknown flag: {name}")
            elif known[name] and not equals and not words:
                raise Refused(f"flag needs an argument: {name}")
            else:
                self.flags[name] = value if equals else words.pop(0) if known[name] else True

    def starts(self, text):
        """True if the words begin with these, which are then taken away."""
        wanted = text.split()
        if self.words[:len(wanted)] != wanted:
            return False
        self.words = self.words[len(wanted):]
        return True

    def need(self, name):
        if name not in self.flags:
            raise Refused(f"required flag {name} not set")
        return self.flags[name]


# ---- gcloud ----

GCLOUD_FLAGS = {"--project": 1, "--zone": 1, "--location": 1, "--filter": 1, "--format": 1, "--machine-type": 1, "--num-nodes": 1,
                "--labels": 1, "--enable-ip-alias": 0, "--enable-dataplane-v2": 0, "--release-channel": 1, "--workload-pool": 1,
                "--repository-format": 1, "--description": 1, "--config": 1, "--substitutions": 1, "--quiet": 0}


def need_api(cloud, api):
    if f"{api}.googleapis.com" not in cloud["enabled"]:
        raise Refused(f"ERROR: (gcloud) {api}.googleapis.com has not been used in this project before or it is disabled")


def cluster_name(cloud, arguments, present):
    [name] = arguments.words
    if (name in cloud["clusters"]) != present:
        raise Refused(f"ERROR: (gcloud.container.clusters) {'Not found' if present else 'Already exists'}: {name}")
    return name


def create_cluster(cloud, arguments):
    need_api(cloud, "container")
    cloud["clusters"][cluster_name(cloud, arguments, present=False)] = arguments.flags.get("--labels", "")


def list_clusters(cloud, arguments):
    name = re.fullmatch(r"name=(\S+)", arguments.need("--filter"))[1]
    if name in cloud["clusters"]:
        print(name, cloud["clusters"][name])


def get_credentials(cloud, arguments):
    name = cluster_name(cloud, arguments, present=True)
    cloud["contexts"].append(f"gke_{arguments.need('--project')}_{arguments.need('--zone')}_{name}")


def delete_cluster(cloud, arguments):
    name = cluster_name(cloud, arguments, present=True)
    if "--quiet" not in arguments.flags:
        raise Refused("ERROR: (gcloud.container.clusters.delete) this needs an answer from a terminal")
    del cloud["clusters"][name]


def describe_repository(cloud, arguments):
    if arguments.words[0] not in cloud["repositories"]:
        raise Refused("ERROR: (gcloud.artifacts.repositories.describe) NOT_FOUND: Requested entity was not found")


def create_repository(cloud, arguments):
    need_api(cloud, "artifactregistry")
    arguments.need("--repository-format")
    if arguments.words[0] in cloud["repositories"]:
        raise Refused("ERROR: (gcloud.artifacts.repositories.create) ALREADY_EXISTS: the repository already exists")
    cloud["repositories"].append(arguments.words[0])


def submit_build(cloud, arguments):
    need_api(cloud, "cloudbuild")
    build = yaml.safe_load(pathlib.Path(arguments.need("--config")).read_text())
    values = dict(pair.split("=", 1) for pair in arguments.need("--substitutions").split(","))
    used = set(re.findall(r"\$\{(_\w+)\}", json.dumps(build)))
    if used != set(values):
        raise Refused(f"ERROR: (gcloud.builds.submit) INVALID_ARGUMENT: substitutions {sorted(values)}, the template has {sorted(used)}")
    for step in build["steps"]:
        if not pathlib.Path(arguments.words[0], step["args"][2]).is_file():
            raise Refused(f"ERROR: (gcloud.builds.submit) no Dockerfile {step['args'][2]}")
    if values["_REGISTRY"].rsplit("/", 1)[1] not in cloud["repositories"]:
        raise Refused('ERROR: (gcloud.builds.submit) denied: Repository "headerroute" not found')


def gcloud(cloud, words):
    arguments = Arguments(words, GCLOUD_FLAGS)
    if arguments.starts("config get-value project"):
        print(os.environ.get("FAKE_PROJECT", "my-project"))
        return
    arguments.need("--project")
    if arguments.starts("services enable"):
        cloud["enabled"].extend(arguments.words)
        return
    for text, action in {"container clusters list": list_clusters, "container clusters create": create_cluster,
                         "container clusters get-credentials": get_credentials, "container clusters delete": delete_cluster}.items():
        if arguments.starts(text):
            arguments.need("--zone")
            return action(cloud, arguments)
    for text, action in {"artifacts repositories describe": describe_repository,
                         "artifacts repositories create": create_repository}.items():
        if arguments.starts(text):
            arguments.need("--location")
            return action(cloud, arguments)
    if not arguments.starts("builds submit"):
        raise Refused(f"ERROR: (gcloud) Invalid choice: '{' '.join(arguments.words)}'")
    submit_build(cloud, arguments)


# ---- kubectl ----

KUBECTL_FLAGS = {"--context": 1, "-f": 1, "-n": 1, "-o": 1, "--timeout": 1, "--load-restrictor": 1, "--all-namespaces": 0,
                 "--field-selector": 1, "--wait": 0, "--server-side": 0}


def documents_of(path):
    try:
        text = pathlib.Path(path).read_text()
    except OSError as error:
        raise Refused(f'error: the path "{path}" does not exist') from error
    return [document for document in yaml.safe_load_all(text) if document]


def group_of(document):
    return document["apiVersion"].rpartition("/")[0]


def deleted_by(patch, document):
    target = patch.get("target", {})
    return "$patch: delete" in patch.get("patch", "") and target.get("group", group_of(document)) == group_of(document) and \
        target.get("kind", document["kind"]) == document["kind"] and \
        re.fullmatch(target.get("name", ".*"), document["metadata"]["name"]) is not None


def kustomize(folder, restricted):
    """The resources of a kustomization: which there are, not what patches make of them."""
    folder = pathlib.Path(folder)
    build = yaml.safe_load((folder / "kustomization.yaml").read_text())
    documents = []
    for name in build.get("resources", []):
        path = folder / name
        documents += kustomize(path, restricted) if path.is_dir() else documents_of(path)
    for generator in build.get("configMapGenerator", []):
        for file in generator["files"]:
            path = folder / file.rpartition("=")[2]
            if restricted and folder.resolve() not in path.resolve().parents:
                raise Refused(f"error: security; file '{path}' is not in or below '{folder}'")
            documents_of(path)
        documents.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": generator["name"]}})
    return [d for d in documents if not any(deleted_by(patch, d) for patch in build.get("patches", []))]


def apply(cloud, context, path):
    objects = cloud.objects(context)
    if path.startswith(GATEWAY_API_CRDS):
        cloud["crds"].append(GATEWAY_API)
        return
    for document in documents_of(path):
        group, kind, metadata = group_of(document), document["kind"], document["metadata"]
        if (group.endswith("istio.io") or group == GATEWAY_API) and group not in cloud["crds"]:
            raise Refused(f'error: resource mapping not found for name: "{metadata["name"]}": no matches for kind "{kind}" in '
                          f'version "{document["apiVersion"]}"; ensure CRDs are installed first')
        namespace = "" if kind in CLUSTER_WIDE else metadata.get("namespace", "default")
        if namespace and f"Namespace//{namespace}" not in objects:
            raise Refused(f'Error from server (NotFound): namespaces "{namespace}" not found')
        objects.append(f"{kind}/{namespace}/{metadata['name']}")


def need_object(objects, kind, namespace, name):
    if f"{kind}/{namespace}/{name}" not in objects:
        raise Refused(f'Error from server (NotFound): {kind.lower()}s "{name}" not found')


def kubectl(cloud, words):
    arguments = Arguments(words, KUBECTL_FLAGS)
    if arguments.starts("kustomize"):
        restricted = arguments.flags.get("--load-restrictor") != "LoadRestrictionsNone"
        print(yaml.safe_dump_all(kustomize(arguments.words[0], restricted)))
        return
    context = arguments.need("--context")  # without it the call would go to whatever cluster is current
    objects = cloud.objects(context)
    namespace = arguments.flags.get("-n", "default")
    if arguments.starts("apply"):
        apply(cloud, context, arguments.need("-f"))
    elif arguments.starts("rollout status"):
        kind, _, name = arguments.words[0].partition("/")
        need_object(objects, kind.capitalize(), namespace, name)
    elif arguments.starts("get service"):
        need_object(objects, "Service", namespace, arguments.words[0])
        print(os.environ.get("FAKE_ADDRESS", ""))
    elif arguments.starts("get crd"):
        [name] = arguments.words
        if name.partition(".")[2] not in cloud["crds"]:
            raise Refused(f'Error from server (NotFound): customresourcedefinitions.apiextensions.k8s.io "{name}" not found')
    elif arguments.starts("delete service"):
        if not arguments.words and "--field-selector" not in arguments.flags:
            raise Refused("error: resource(s) were provided, but no name was specified")
    else:
        raise Refused(f"error: unknown command \"{' '.join(arguments.words)}\" for \"kubectl\"")


# ---- istioctl ----

def istioctl(cloud, words):
    arguments = Arguments(words, {"--context": 1, "-f": 1, "--skip-confirmation": 0})
    if not arguments.starts("install"):
        raise Refused(f"Error: unknown command \"{' '.join(arguments.words)}\" for \"istioctl\"")
    objects = cloud.objects(arguments.need("--context"))
    [operator] = documents_of(arguments.need("-f"))
    if "--skip-confirmation" not in arguments.flags:
        raise Refused("Cancelled.")  # standard input is not a terminal
    objects.append("Namespace//istio-system")  # the only one that istioctl makes
    cloud["crds"].extend(ISTIO_GROUPS)
    for gateway in operator["spec"]["components"].get("ingressGateways", []):
        if f"Namespace//{gateway['namespace']}" not in objects:
            raise Refused(f'Error: failed to install manifests: failed to create resource: namespaces "{gateway["namespace"]}" not found')
        objects.append(f"Service/{gateway['namespace']}/{gateway['name']}")


def main():
    tool, words = sys.argv[1], sys.argv[2:]
    with open(os.environ["CALLS"], "a", encoding="utf-8") as calls:
        calls.write(shlex.join([tool, *words]) + "\n")
    cloud = Cloud(os.environ["CLOUD"])
    try:
        {"gcloud": gcloud, "kubectl": kubectl, "istioctl": istioctl}[tool](cloud, words)
    except Refused as refused:
        print(refused, file=sys.stderr)
        return 1
    finally:
        cloud.save()
    return 0


if __name__ == "__main__":
    sys.exit(main())
