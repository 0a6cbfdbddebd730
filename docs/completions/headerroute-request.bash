# bash completion for headerroute-request. Made by scripts/cli_docs.py.
_headerroute_request() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    COMPREPLY=()
    # bash splits words at '=': --flag=value
    if [[ $cur == = ]]; then
        cur=''
    elif [[ $prev == = ]] && (( COMP_CWORD > 2 )); then
        prev=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    case $prev in
    --rect)
        mapfile -t COMPREPLY < <(compgen -W "auto" -- "$cur")
        return ;;
    --gateway)
        mapfile -t COMPREPLY < <(compgen -W "mesh" -- "$cur")
        return ;;
    --host|--port|--headers_target_value|--header-name|--concurrency|--timeout|--retries|--gateway-port)
        return ;;
    esac
    if [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "-h --help --host --port --headers_target_value --in_images_dir --out_images_dir --debug --header-name --rect --raw --concurrency --timeout --retries --config --gateway --gateway-port --report --no-progress --version" -- "$cur")
    else
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    fi
}
complete -F _headerroute_request headerroute-request
