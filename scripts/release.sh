#!/usr/bin/env bash
# Builds everything that a release consists of, with checksums.
set -euo pipefail

usage() {
    cat <<'USAGE'
usage: scripts/release.sh [--out DIR] [--without PART]... [--push REGISTRY]

Builds a release of the commit that is checked out into an empty folder:

  sources   source/headerroute-VERSION-source.tar.gz, the tree of the commit
  wheel     the Python source distribution and a manylinux wheel, tried on Debian 12 (scripts/test-wheel.sh)
  debian    Debian packages for Debian 12, installed, upgraded and removed in a minimal root (scripts/test-debian.sh)
  images    a file a container image for `docker load` or `podman load`, and images.json with tags and digests
            (scripts/test-images.sh)
  sbom      a bill of materials of the sources, of each package and of each image, as SPDX (syft, through the Go module proxy)

and SHA256SUMS of all of it.

  --out DIR        default: dist
  --without PART   leave a part out (repeatable)
  --push REGISTRY  push the images, for example to europe-docker.pkg.dev/PROJECT/REPOSITORY (after `podman login`), and write
                   the names under which they can be pulled to images.json

Needs root, Debian 12, a commit without local changes, and what the scripts above need. A part whose registry does not
answer is reported as left out; the exit code is 77 then.
USAGE
}

out=dist push='' parts=(sources wheel debian images sbom) left_out=()
while [ $# -gt 0 ]; do
    case $1 in
    --out) out=${2:?--out needs a folder} && shift ;;
    --push) push=${2:?--push needs a registry} && shift ;;
    --without)
        [[ " ${parts[*]} " = *" ${2:-} "* ]] || { echo "release.sh: --without: expected sources, wheel, debian, images or sbom, got '${2:-}'" >&2; exit 2; }
        mapfile -t parts < <(printf '%s\n' "${parts[@]}" | grep -vx "$2")
        shift
        ;;
    --help | -h) usage; exit 0 ;;
    *) echo "release.sh: unknown argument '$1' (try --help)" >&2; exit 2 ;;
    esac
    shift
done
cd "$(dirname "$(readlink -f "$0")")/.."
git() { command git -c safe.directory="$PWD" "$@"; }
[ -z "$(git status --porcelain)" ] || { echo "release.sh: there are local changes: commit them first" >&2; exit 1; }
[ ! -e "$out" ] || [ -z "$(ls -A "$out")" ] || { echo "release.sh: $out is not empty" >&2; exit 1; }
mkdir -p "$out"
out=$(readlink -f "$out")
version=$(sed -nE 's/^project\(headerroute VERSION ([0-9.]+).*/\1/p' CMakeLists.txt)
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
wanted() { [[ " ${parts[*]} " = *" $1 "* ]]; }
run() { # PART COMMAND...: 77 leaves the part out
    local part=$1 code=0
    shift
    echo "== $part"
    "$@" || code=$?
    case $code in 0) ;; 77) left_out+=("$part") ;; *) echo "release.sh: $part failed" >&2; exit 1 ;; esac
}

sources() { # the same bytes for the same commit
    mkdir -p "$out/source"
    git archive --format=tar --prefix="headerroute-$version/" HEAD | gzip -n9 >"$out/source/headerroute-$version-source.tar.gz"
}

# ---- images ----

images() {
    local name engine
    scripts/test-images.sh || return
    # shellcheck source=scripts/images.sh
    . scripts/images.sh
    engine=("${HR_PODMAN[@]}")
    mkdir -p "$out/images"
    for name in headerroute headerroute-gateway headerroute-predict headerroute-proxy; do
        "${engine[@]}" save -q --format docker-archive -o "$out/images/$name-$version.tar" "$name:$version"
        if [ -n "$push" ]; then
            "${engine[@]}" push -q --digestfile "$work/$name.digest" "$name:$version" "docker://$push/$name:$version"
        else
            "${engine[@]}" push -q --digestfile "$work/$name.digest" "$name:$version" "dir:$work/$name"
        fi
        "${engine[@]}" image inspect "$name:$version" >"$work/$name.json"
    done
    /usr/bin/python3 - "$work" "$out" "$version" "$push" <<'PYTHON'
import json, pathlib, sys
work, out, version, registry = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3], sys.argv[4]
images = []
for file in sorted(work.glob("*.digest")):
    name, digest = file.stem, file.read_text().strip()
    [about] = json.loads((work / f"{name}.json").read_text())
    images.append({"name": name, "tag": version, "digest": digest, "platform": f"{about['Os']}/{about['Architecture']}", "size": about["Size"],
                   "archive": f"images/{name}-{version}.tar", "reference": f"{registry}/{name}@{digest}" if registry else None})
(out / "images.json").write_text(json.dumps({"version": version, "images": images}, indent=1) + "\n")
PYTHON
}

# ---- SBOM ----

sbom() {
    local file
    command -v go >/dev/null || { echo "release.sh: there is no Go"; return 77; }
    GOBIN=$work/bin go install github.com/anchore/syft/cmd/syft@v1.32.0 >"$work/log" 2>&1 ||
        { echo "release.sh: the Go module proxy does not answer: $(tail -n 1 "$work/log")"; return 77; }
    mkdir -p "$out/sbom"
    describe() { "$work/bin/syft" scan -q --source-name "$1" --source-version "$version" -o "spdx-json=$out/sbom/$1.spdx.json" "$2"; }
    git archive HEAD | (mkdir "$work/tree" && tar -C "$work/tree" -xf -)
    describe "headerroute-$version" "dir:$work/tree"
    for file in "$out"/*.whl "$out"/*.deb; do [ ! -e "$file" ] || describe "$(basename "$file")" "file:$file"; done
    for file in "$out"/images/*.tar; do [ ! -e "$file" ] || describe "$(basename "$file" .tar)" "docker-archive:$file"; done
}

work=$(mktemp -d)
trap 'chmod -R u+w "$work" && rm -rf "$work"' EXIT
wanted sources && run sources sources
wanted wheel && run wheel scripts/test-wheel.sh --out "$out" bookworm
wanted debian && run debian scripts/test-debian.sh --out "$out"
wanted images && run images images
wanted sbom && run sbom sbom
(cd "$out" && find . -type f ! -name SHA256SUMS -printf '%P\n' | LC_ALL=C sort | tr '\n' '\0' | xargs -0 sha256sum >SHA256SUMS)
echo "$(wc -l <"$out/SHA256SUMS") files of version $version in $out"
[ ${#left_out[@]} = 0 ] || { echo "left out: ${left_out[*]}"; exit 77; }
