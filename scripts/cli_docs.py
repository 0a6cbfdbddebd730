#!/usr/bin/env python3
"""Writes the manual pages (docs/man) and the shell completions (docs/completions) from what the programs' --help
says, so that nothing is described twice. usage: scripts/cli_docs.py [BUILD-DIR]"""
import os
import pathlib
import re
import subprocess
import sys
from typing import NamedTuple

ROOT = pathlib.Path(__file__).resolve().parents[1]
COMMANDS = ["validate", "route", "explain", "test", "diff", "convert", "replay"]
OF_FILES = ["validate", "test", "diff", "replay"]  # their arguments are files
OF_URLS = ["route", "explain"]
SERVERS = ["gateway", "proxy", "predict"]
REQUEST = ROOT / "services" / "request" / "headerroute-request"


class Flag(NamedTuple):
    names: list   # ["-f", "--file"]
    value: str    # "PATH"; "" where it takes none
    text: str
    environment: str

    @property
    def choices(self):
        """What the value may be, word for word."""
        words = self.value.split("|")
        return [w for w in words if re.fullmatch(r"[a-z-]{2,}", w)] if len(words) > 1 else []

    @property
    def is_path(self):
        return bool(re.search(r"\b(PATH|FILE|DIR)\b", self.value))


class Help(NamedTuple):
    usage: list       # lines
    paragraphs: list  # of lines
    flags: list
    view: list        # flags of the part "View: ..."
    end: list         # paragraphs behind the flags


def ask(program, *arguments):
    environment = {**os.environ, "COLUMNS": "1000"}  # for argparse: a flag and its text are not broken
    return subprocess.run([str(program), *arguments, "--help"], check=True, text=True, stdout=subprocess.PIPE, env=environment).stdout


def flag_of(head, lines):
    text = " ".join(line.strip() for line in lines if line.strip())
    environment = re.search(r"\s*\[(HR_[A-Z_, ]+)\]$", text)
    text = re.sub(r"\s*\[HR_[A-Z_, ]+\]$", "", text)
    if head.endswith("(repeatable)"):
        head = head.removesuffix("(repeatable)").strip()
        text = text.replace(" Repeatable.", "")
        text += " May be given more than once."
    names = re.findall(r"(?:^|, )(--?[A-Za-z][a-z_-]*)", head)
    value = re.sub(r"^(--?[A-Za-z][a-z_-]*(, )?)+", "", head).strip()
    return Flag(names, value, text, environment.group(1) if environment else "")


def parse(text):
    """Flags stand two blanks from the margin; what explains them stands further right."""
    found = Help([], [], [], [], [])
    head, lines, flags, paragraph = None, [], found.flags, []

    def close():
        nonlocal head, lines, paragraph
        if head is not None:
            flags.append(flag_of(head, lines))
        if paragraph:
            (found.end if found.flags else found.paragraphs).append(paragraph)
        head, lines, paragraph = None, [], []

    usage = True
    for line in text.splitlines():
        usage = usage and line != ""
        begins = re.match(r"  (-\S.*?)(?:   *(\S.*))?$", line)
        if usage:
            found.usage.append(line.removeprefix("usage: ").strip())
        elif line.startswith("View:"):
            close()
            flags = found.view
        elif line.startswith("flags (") or line == "options:":
            close()
        elif begins:
            close()
            head, lines = begins.group(1), [begins.group(2) or ""]
            if lines[0] == "(repeatable)":
                head, lines = head + " (repeatable)", []
        elif head is not None and (line.startswith("     ") or line == ""):
            lines.append(line)
        elif line == "":
            close()
        else:
            if head is not None:
                close()
            paragraph.append(line)
    close()
    return found


# ---- manual pages ----

def roff(text):
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\`")
    return "\\&" + text if text.startswith((".", "'")) else text


def prose(paragraphs):
    out = []
    for lines in paragraphs:
        out.append(".PP")
        if all(line.startswith("  ") for line in lines):
            out += [".RS 4", ".nf"] + [roff(line.strip()) for line in lines] + [".fi", ".RE"]
        else:
            out += [roff(line) for line in lines]
    return out


def options(flags):
    out = []
    for flag in flags:
        names = ", ".join(f"\\fB{roff(name)}\\fR" for name in flag.names)
        value = f" \\fI{roff(flag.value)}\\fR" if flag.value else ""
        out += [".TP", names + value, roff(flag.text)]
        if flag.environment:
            out += [".br", "Environment: " + ", ".join(f"\\fB{roff(e)}\\fR" for e in flag.environment.split(", "))]
    return out


def synopsis(usage):
    joined = re.sub(r"\n(?!headerroute)", " ", "\n".join(usage))
    out = []
    for line in joined.splitlines():
        out += [".PP", re.sub(rf"^((?:[a-z]|\\-)+( (?:{'|'.join(COMMANDS)}))?)", r"\\fB\1\\fR", roff(line))]
    return out


EXAMPLES = [
    ("Where a request of a browser goes, and why:",
     "headerroute explain -f k8s/base -f k8s/local -H 'target: condition1' http://proxy-server:5000/predict"),
    ("The same from outside of the mesh, through its Gateway, as JSON:",
     "headerroute route -f k8s/base -f k8s/local --gateway default/proxy-gateway --json http://any.example.com/"),
    ("What admission would say about a folder, in CI:", "headerroute validate k8s/base"),
]


GRABCUT_EXAMPLES = [
    ("All photos of a folder, with a transparent background:", "grabcut --output rgba -o cutouts photos"),
    ("One photo with the rectangle around its subject, in a pipe:", "grabcut --rect 10,10,172,236 - < photos/portrait.jpg > portrait.png"),
]


def page(name, section, summary, body):
    return "\n".join([f'.\\" Made by scripts/cli_docs.py from what {name} \\-\\-help says.',
                      f'.TH {name.upper()} {section} "" headerroute', ".SH NAME", f"{roff(name)} \\- {roff(summary)}",
                      *body]) + "\n"


def command_page(helps):
    body = [".SH SYNOPSIS"]
    for command in COMMANDS:
        body += synopsis(helps[command].usage)
    body += [".SH DESCRIPTION", "Prints what Istio\\(aqs data plane does with an HTTP request, from the YAML of the cluster:",
             "VirtualServices, DestinationRules, Gateways, ServiceEntries, Services and pods. Nothing is contacted."]
    for command in COMMANDS:
        text = helps[command]
        body += [f".SH HEADERROUTE {command.upper()}", *prose(text.paragraphs), *options(text.flags), *prose(text.end)]
        if text.view:
            body += [".PP", "And the flags of VIEW, below."]
    body += [".SH VIEW", "Whose data plane decides.", *options(helps["route"].view), ".SH EXIT STATUS", ".TP", "0",
             "All is well.", ".TP", "1", "The configuration has errors, the request is malformed, or a test failed.", ".TP",
             "2", "The command line is wrong.", ".SH EXAMPLES"]
    for text, line in EXAMPLES:
        body += [".PP", text, ".PP", ".RS 4", ".nf", roff(line), ".fi", ".RE"]
    body += [".SH SEE ALSO", *[f".BR headerroute\\-{s} (8){',' if s != SERVERS[-1] else ''}" for s in SERVERS]]
    return page("headerroute", 1, "Istio's header routing, evaluated on the spot", body)


def server_page(name, text):
    summary = text.paragraphs[0][0].rstrip(".")
    others = [f"headerroute\\-{s}" for s in SERVERS if f"headerroute-{s}" != name]
    body = [".SH SYNOPSIS", f".B {roff(name)}", "[flags]", ".SH DESCRIPTION", *[roff(line) for line in text.paragraphs[0]],
            ".SH FLAGS", *options(text.flags), ".SH EXIT STATUS", ".TP", "0", "Drained after SIGTERM or SIGINT, or ready (\\-\\-check).",
            ".TP", "1", "It cannot listen, cannot load what it needs, or is not ready.", ".TP", "2", "A flag is wrong.",
            ".SH SEE ALSO", ".BR headerroute (1),", *[f".BR {o} (8){',' if o != others[-1] else ''}" for o in others]]
    return page(name, 8, summary[0].lower() + summary[1:], body)


def grabcut_page(text):
    body = [".SH SYNOPSIS"]
    for line in text.usage:
        body += [".PP", re.sub(r"^grabcut", r"\\fBgrabcut\\fR", roff(line))]
    body += [".SH DESCRIPTION", *prose(text.paragraphs), ".SH FLAGS", *options(text.flags), ".SH ERRORS", *prose(text.end),
             ".SH EXAMPLES"]
    for about, line in GRABCUT_EXAMPLES:
        body += [".PP", about, ".PP", ".RS 4", ".nf", roff(line), ".fi", ".RE"]
    body += [".SH SEE ALSO", ".BR headerroute (1),", ".BR headerroute\\-predict (8)"]
    return page("grabcut", 1, "cut the foreground out of images", body)


def request_page(text):
    body = [".SH SYNOPSIS", ".B headerroute\\-request", "[flags]", ".SH DESCRIPTION", *prose(text.paragraphs), ".SH FLAGS", *options(text.flags),
            ".SH RESULTS AND EXIT STATUS", *prose(text.end), ".SH SEE ALSO", ".BR headerroute\\-gateway (8),", ".BR headerroute\\-predict (8)"]
    return page("headerroute-request", 1, "send photos through headerroute-gateway", body)


# ---- completions ----

def all_flags(helps):
    """By their names: every flag of every command once."""
    flags = {}
    for command in COMMANDS:
        for flag in helps[command].flags + helps[command].view:
            flags.setdefault(tuple(flag.names), flag)
    return list(flags.values())


def names(flags):
    return " ".join(name for flag in flags for name in flag.names)


METHODS = "GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH"


def words_of(flag):
    return METHODS if flag.value == "METHOD" else " ".join(flag.choices)


def bash(helps):
    values, paths, plain = [], [], []
    for flag in all_flags(helps):
        if not flag.value:
            continue
        case = "|".join(flag.names)
        if words_of(flag):
            values.append(f'    {case})\n        mapfile -t COMPREPLY < <(compgen -W "{words_of(flag)}" -- "$cur")\n        return ;;')
        else:
            (paths if flag.is_path else plain).append(case)
    commands = "\n".join(f'    {c}) flags="{names(helps[c].flags + helps[c].view)}" ;;' for c in COMMANDS)
    return f"""# bash completion for headerroute. Made by scripts/cli_docs.py.
_headerroute() {{
    local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD - 1]}} flags=''
    COMPREPLY=()
    # bash splits words at '=': --flag=value
    if [[ $cur == = ]]; then
        cur=''
    elif [[ $prev == = ]] && (( COMP_CWORD > 2 )); then
        prev=${{COMP_WORDS[COMP_CWORD - 2]}}
    fi
    if [[ $COMP_CWORD -eq 1 ]]; then
        mapfile -t COMPREPLY < <(compgen -W "{' '.join(COMMANDS)} --help --version" -- "$cur")
        return
    fi
    case $prev in
{chr(10).join(values)}
    {'|'.join(paths)})
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return ;;
    {'|'.join(plain)})
        return ;;
    esac
    case ${{COMP_WORDS[1]}} in
{commands}
    *) return ;;
    esac
    if [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$flags" -- "$cur")
    elif [[ ${{COMP_WORDS[1]}} == @({'|'.join(OF_FILES)}) ]]; then
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    fi
}}
complete -F _headerroute headerroute
"""


def short(text):
    """The first sentence or clause, for a menu."""
    return re.split(r"(?<=\w)[;(]|\. ", text)[0].strip().rstrip(".:")


def zsh_flag(flag):
    text = short(flag.text).replace("'", "").replace("[", "(").replace("]", ")").replace(":", "\\:")
    value = ""
    if flag.value:
        label = re.sub(r"[^A-Za-z ]", " ", flag.value).strip().lower()
        action = f"({words_of(flag)})" if words_of(flag) else "_files" if flag.is_path else " "
        value = f":{label}:{action}"
    repeat = "*" if "repeatable" in flag.text else ""
    if repeat:
        return " ".join(f"'*{name}[{text}]{value}'" for name in flag.names)
    exclude = f"({' '.join(flag.names)})" if len(flag.names) > 1 else ""
    return " ".join(f"'{exclude}{name}[{text}]{value}'" for name in flag.names)


def zsh(helps):
    cases = []
    for command in COMMANDS:
        rest = ["'*:file:_files'"] if command in OF_FILES else ["'1:URL: '"] if command in OF_URLS else []
        lines = " \\\n            ".join([zsh_flag(f) for f in helps[command].flags + helps[command].view] + rest)
        cases.append(f"    {command})\n        _arguments \\\n            {lines} ;;")
    described = "\n".join(f"        '{c}:{short(helps[c].paragraphs[0][0])}'".replace("Istio's", "Istio") for c in COMMANDS)
    return f"""#compdef headerroute
# zsh completion for headerroute. Made by scripts/cli_docs.py.
_headerroute() {{
    local -a commands
    commands=(
{described}
    )
    if (( CURRENT == 2 )); then
        _describe command commands
        return
    fi
    local command=$words[2]
    shift words
    (( CURRENT-- ))
    case $command in
{chr(10).join(cases)}
    esac
}}
_headerroute "$@"
"""


def fish_flag(condition, flag):
    spelled = " ".join(("-l " + n[2:]) if n.startswith("--") else ("-s " + n[1:]) for n in flag.names)
    value = "" if not flag.value else " -rF" if flag.is_path else " -x"
    if words_of(flag):
        value += f" -a '{words_of(flag)}'"
    text = short(flag.text).replace("'", "\\'")
    return f"{condition} {spelled}{value} -d '{text}'"


def fish(helps):
    out = ["# fish completion for headerroute. Made by scripts/cli_docs.py.", "complete -c headerroute -f",
           "complete -c headerroute -n __fish_use_subcommand -l version -d 'Print the version'"]
    for command in COMMANDS:
        text = short(helps[command].paragraphs[0][0]).replace("'", "\\'")
        out.append(f"complete -c headerroute -n __fish_use_subcommand -a {command} -d '{text}'")
    for command in COMMANDS:
        seen = f"complete -c headerroute -n '__fish_seen_subcommand_from {command}'"
        out += [fish_flag(seen, flag) for flag in helps[command].flags + helps[command].view]
        if command in OF_FILES:
            out.append(f"{seen} -F")
    return "\n".join(out) + "\n"


# ---- completions of a program without commands ----

def bash_of_program(name, flags):
    """The flags, their values, and files."""
    cases = [f'    {"|".join(f.names)})\n        mapfile -t COMPREPLY < <(compgen -W "{words_of(f)}" -- "$cur")\n        return ;;'
             for f in flags if words_of(f)]
    plain = "|".join("|".join(f.names) for f in flags if f.value and not words_of(f) and not f.is_path)
    function = f"_{name}".replace("-", "_")
    return f"""# bash completion for {name}. Made by scripts/cli_docs.py.
{function}() {{
    local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD - 1]}}
    COMPREPLY=()
    # bash splits words at '=': --flag=value
    if [[ $cur == = ]]; then
        cur=''
    elif [[ $prev == = ]] && (( COMP_CWORD > 2 )); then
        prev=${{COMP_WORDS[COMP_CWORD - 2]}}
    fi
    case $prev in
{chr(10).join(cases)}
    {plain})
        return ;;
    esac
    if [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "{names(flags)}" -- "$cur")
    else
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    fi
}}
complete -F {function} {name}
"""


def zsh_of_program(name, flags):
    lines = " \\\n    ".join([zsh_flag(f) for f in flags] + ["'*:file:_files'"])
    return f"#compdef {name}\n# zsh completion for {name}. Made by scripts/cli_docs.py.\n_arguments \\\n    {lines}\n"


def fish_of_program(name, flags):
    return "\n".join([f"# fish completion for {name}. Made by scripts/cli_docs.py.",
                      *[fish_flag(f"complete -c {name}", f) for f in flags]]) + "\n"


def generate(build):
    """{path below docs: text}; pages of servers only where they are built."""
    helps = {c: parse(ask(build / "bin" / "headerroute", c)) for c in COMMANDS}
    files = {"man/headerroute.1": command_page(helps), "completions/headerroute.bash": bash(helps),
             "completions/_headerroute": zsh(helps), "completions/headerroute.fish": fish(helps)}
    for name, program, write in (("grabcut", build / "bin" / "grabcut", grabcut_page), ("headerroute-request", REQUEST, request_page)):
        text = parse(ask(program))
        files |= {f"man/{name}.1": write(text), f"completions/{name}.bash": bash_of_program(name, text.flags),
                  f"completions/_{name}": zsh_of_program(name, text.flags), f"completions/{name}.fish": fish_of_program(name, text.flags)}
    for server in SERVERS:
        name = f"headerroute-{server}"
        if (build / "bin" / name).exists():
            files[f"man/{name}.8"] = server_page(name, parse(ask(build / "bin" / name)))
    return files


def main():
    build = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build" / "release")
    for path, text in generate(build).items():
        (ROOT / "docs" / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / "docs" / path).write_text(text)
        print(f"docs/{path}")


if __name__ == "__main__":
    main()
