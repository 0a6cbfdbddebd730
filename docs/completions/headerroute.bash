# bash completion for headerroute. Made by scripts/cli_docs.py.
_headerroute() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} flags=''
    COMPREPLY=()
    # bash splits words at '=': --flag=value
    if [[ $cur == = ]]; then
        cur=''
    elif [[ $prev == = ]] && (( COMP_CWORD > 2 )); then
        prev=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    if [[ $COMP_CWORD -eq 1 ]]; then
        mapfile -t COMPREPLY < <(compgen -W "validate route explain test diff convert replay --help --version" -- "$cur")
        return
    fi
    case $prev in
    --format)
        mapfile -t COMPREPLY < <(compgen -W "text json github sarif" -- "$cur")
        return ;;
    --color)
        mapfile -t COMPREPLY < <(compgen -W "auto always never" -- "$cur")
        return ;;
    -X|--request)
        mapfile -t COMPREPLY < <(compgen -W "GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH" -- "$cur")
        return ;;
    --scheme)
        mapfile -t COMPREPLY < <(compgen -W "http https" -- "$cur")
        return ;;
    --gateway)
        mapfile -t COMPREPLY < <(compgen -W "mesh" -- "$cur")
        return ;;
    --outbound-policy)
        mapfile -t COMPREPLY < <(compgen -W "allow-any registry-only" -- "$cur")
        return ;;
    --repeated-headers)
        mapfile -t COMPREPLY < <(compgen -W "joined each" -- "$cur")
        return ;;
    --path-normalization)
        mapfile -t COMPREPLY < <(compgen -W "none base merge-slashes decode-and-merge-slashes" -- "$cur")
        return ;;
    --to)
        mapfile -t COMPREPLY < <(compgen -W "gateway-api istio" -- "$cur")
        return ;;
    -f|--file|--body|--body-header|--batch|--junit|--lcov|--old|--new|--locate|-o|--output|--against)
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return ;;
    --expand|--rollout-step|-H|--header|--random|--request-id|--fact|--claim|--port|--namespace|--source-label|--locality|--peer-address|--trusted-proxies|--fail-under|--only|--authority)
        return ;;
    esac
    case ${COMP_WORDS[1]} in
    validate) flags="-f --file -R --recursive --strict --no-lint --format --color -h --help" ;;
    route) flags="-f --file -R --recursive --strict --expand --rollout-step -X --request -H --header --random --scheme --request-id --fact --claim --body --body-header --json --batch --color -h --help --gateway --port --namespace --source-label --locality --outbound-policy --repeated-headers --path-normalization --peer-address --trusted-proxies" ;;
    explain) flags="-f --file -R --recursive --strict --expand --rollout-step -X --request -H --header --random --scheme --request-id --fact --claim --body --body-header --order --json --color -h --help --gateway --port --namespace --source-label --locality --outbound-policy --repeated-headers --path-normalization --peer-address --trusted-proxies" ;;
    test) flags="-f --file -R --recursive --strict --expand --rollout-step --format --junit --coverage --fail-under --lcov --generate --color -h --help --gateway --port --namespace --source-label --locality --outbound-policy --repeated-headers --path-normalization --peer-address --trusted-proxies" ;;
    diff) flags="--old --new -R --recursive --strict --only --format --json --locate -h --help --gateway --port --namespace --source-label --locality --outbound-policy --repeated-headers --path-normalization" ;;
    convert) flags="-f --file --to -o --output -R --recursive --strict --expand --rollout-step --color -h --help" ;;
    replay) flags="-f --file --against -R --recursive --strict --expand --rollout-step --authority --json --color -h --help --gateway --port --namespace --source-label --locality --outbound-policy --repeated-headers --path-normalization" ;;
    *) return ;;
    esac
    if [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$flags" -- "$cur")
    elif [[ ${COMP_WORDS[1]} == @(validate|test|diff|replay) ]]; then
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    fi
}
complete -F _headerroute headerroute
