# bash completion for grabcut. Made by scripts/cli_docs.py.
_grabcut() {
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
    --output)
        mapfile -t COMPREPLY < <(compgen -W "cutout rgba mask" -- "$cur")
        return ;;
    --alpha)
        mapfile -t COMPREPLY < <(compgen -W "ignore respect" -- "$cur")
        return ;;
    --iterations|--seed|--threads|--jobs)
        return ;;
    esac
    if [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "-o --rect --mask --iterations --seed --output --alpha --allow-truncated --threads --jobs --no-progress --version -h --help" -- "$cur")
    else
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    fi
}
complete -F _grabcut grabcut
