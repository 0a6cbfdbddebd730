#!/usr/bin/env bash
# A step of action.yml: runs `headerroute diff` between a commit and the working tree. The report goes to the job's log and, as
# Markdown, to its summary. A request that changes is not a failure: the reviewers see it.
set -euo pipefail

fail() { # SENTENCE
    echo "::error title=headerroute::$1"
    exit 2
}
lines() { # TEXT: its lines without blanks around them, empty ones left out
    sed -E 's/^[[:space:]]+//; s/[[:space:]]+$//; /^$/d' <<<"$1"
}

flags=() old=() new=()
case ${RECURSIVE:-} in
true) flags+=(--recursive) ;;
false | '') ;;
*) fail "the input recursive is true or false, not '$RECURSIVE'" ;;
esac
mapfile -t rules < <(lines "${RULES:-}")
[ ${#rules[@]} -gt 0 ] || fail "the input rules names no file and no folder"
case $AGAINST in -*) fail "the input against is a commit, not '$AGAINST'" ;; esac

# actions/checkout fetches one commit only.
if ! commit=$(git rev-parse --verify --quiet "$AGAINST^{commit}"); then
    git fetch --quiet --depth 1 origin "$AGAINST" 2>/dev/null || fail "the input against: the repository has no commit '$AGAINST'"
    commit=$(git rev-parse FETCH_HEAD)
fi
before=$(mktemp -d "${RUNNER_TEMP:-/tmp}/headerroute-XXXXXX")
trap 'rm -rf "$before"' EXIT
# A side needs a resource. Where the commit has no rules, it is this one, which decides nothing.
printf '{apiVersion: v1, kind: ConfigMap, metadata: {name: no-rules}}\n' >"$before/none.yaml"
old+=(--old "$before/none.yaml")
for path in "${rules[@]}"; do
    new+=(--new "$path")
    git cat-file -e "$commit:./$path" 2>/dev/null || continue # new in the working tree
    git archive --format tar "$commit" -- "$path" | tar -x -C "$before"
    old+=(--old "$before/$path")
done

compare() { # FORMAT: 0 and 1 are reports without and with regions, 3 is one that is not complete
    code=0
    headerroute diff "${flags[@]}" "${old[@]}" "${new[@]}" --format "$1" || code=$?
    case $code in 0 | 1 | 3) ;; *) exit "$code" ;; esac
}
compare text
case $code in
1) echo "::notice title=headerroute::requests are decided differently than in $AGAINST: see the log and the summary of this job" ;;
3) echo "::warning title=headerroute::no request was found that is decided differently, but not everything was decided" ;;
esac
if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
    compare markdown >>"$GITHUB_STEP_SUMMARY" 2>/dev/null
fi
if [ -n "${SARIF:-}" ]; then
    mkdir -p "$SARIF"
    compare sarif >"$SARIF/diff.sarif" 2>/dev/null
fi
