#!/usr/bin/env bash
# A step of action.yml: runs `headerroute validate` or `headerroute test` with annotations for GitHub. The action's inputs come
# as environment variables, so that no value of theirs is read as shell.
set -euo pipefail

command=$1
rules=() tests=() flags=()

lines() { # TEXT: its lines without blanks around them, empty ones left out
    sed -E 's/^[[:space:]]+//; s/[[:space:]]+$//; /^$/d' <<<"$1"
}
switch() { # NAME VALUE FLAG
    case $2 in
    true) flags+=("$3") ;;
    false | '') ;;
    *) echo "::error title=headerroute::the input $1 is true or false, not '$2'"; exit 2 ;;
    esac
}

mapfile -t rules < <(lines "${RULES:-}")
[ ${#rules[@]} -gt 0 ] || { echo "::error title=headerroute::the input rules names no file and no folder"; exit 2; }
switch recursive "${RECURSIVE:-}" --recursive
switch strict "${STRICT:-}" --strict
case $command in
validate) words=("${flags[@]}" -- "${rules[@]}") ;;
test)
    mapfile -t tests < <(lines "${TESTS:-}")
    for path in "${rules[@]}"; do flags+=(-f "$path"); done
    [ -z "${FAIL_UNDER:-}" ] || flags+=(--fail-under "$FAIL_UNDER")
    [ -z "${JUNIT:-}" ] || flags+=(--junit "$JUNIT")
    words=("${flags[@]}" -- "${tests[@]}")
    ;;
esac

if [ -n "${SARIF:-}" ]; then
    mkdir -p "$SARIF"
    headerroute "$command" --format sarif "${words[@]}" >"$SARIF/$command.sarif" 2>/dev/null || [ $? = 1 ]
fi
headerroute "$command" --format github "${words[@]}"
