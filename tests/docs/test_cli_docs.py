"""Manual pages and completions say what --help says, in the words of the shells that read them."""
import os
import pathlib
import pty
import re
import select
import shlex
import shutil
import subprocess
import sys
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ["HR_BUILD_DIR"])
sys.path.insert(0, str(ROOT / "scripts"))
import cli_docs  # noqa: E402

GENERATED = cli_docs.generate(BUILD)
PAGES = sorted((ROOT / "docs" / "man").iterdir())
BASH = ROOT / "docs" / "completions" / "headerroute.bash"
FLAG = re.compile(r"(?<![\w-])--?[a-zA-Z][a-z_-]*")


def program_of(name):
    return cli_docs.REQUEST if name == "headerroute-request" else BUILD / "bin" / name


@pytest.mark.parametrize("path", sorted(GENERATED))
def test_files_are_those_that_the_programs_make(path):
    assert (ROOT / "docs" / path).read_text() == GENERATED[path], "run scripts/cli_docs.py"


def flags_of_help(program):
    """Without the parser that made the pages: a flag stands at the beginning of a line."""
    commands = [[c] for c in cli_docs.COMMANDS] if program == "headerroute" else [[]]
    found = set()
    for command in commands:
        for line in cli_docs.ask(program_of(program), *command).splitlines():
            begins = re.match(r"  (-\S.*?)(?:  |$)", line)
            found |= set(FLAG.findall(begins.group(1))) if begins else set()
    return found


def test_every_command_of_help_is_described():
    listed = re.findall(r"^  ([a-z]+)  ", cli_docs.ask(BUILD / "bin" / "headerroute"), re.M)
    assert sorted(listed) == sorted(cli_docs.COMMANDS)
    page = (ROOT / "docs" / "man" / "headerroute.1").read_text()
    assert all(f"\n\\fBheaderroute {command}\\fR" in page for command in listed)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_page_and_help_have_the_same_flags(page):
    program = page.stem
    if not program_of(program).exists():
        pytest.skip(f"{program} is not part of this build")
    tagged = re.findall(r"^\.TP\n(\\fB.*)$", page.read_text(), re.M)
    in_page = {name for line in tagged for name in FLAG.findall(line.replace("\\fB", " ").replace("\\fR", " ").replace("\\-", "-"))}
    in_help = flags_of_help(program)
    assert len(in_help) >= 10
    assert in_page == in_help


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_groff_reads_the_page_without_a_warning(page):
    done = subprocess.run(["groff", "-man", "-ww", "-z", "-Tutf8", page], text=True, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("line", [line for _, line in cli_docs.EXAMPLES + cli_docs.GRABCUT_EXAMPLES])
def test_examples_of_the_page_work(line, tmp_path):
    (tmp_path / "photos").symlink_to(ROOT / "photos")
    (tmp_path / "k8s").symlink_to(ROOT / "k8s")
    environment = {**os.environ, "PATH": f"{BUILD / 'bin'}:{os.environ['PATH']}"}
    assert subprocess.run(["sh", "-c", line], cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL).returncode == 0


# ---- bash ----

def bash(*words):
    """What bash would offer for the last of the words."""
    quoted = " ".join(shlex.quote(w) for w in words)
    script = (f"source {shlex.quote(str(BASH.with_name(words[0] + '.bash')))}; COMP_WORDS=({quoted}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); "
              f"_{words[0].replace('-', '_')}; " "printf '%s\\n' \"${COMPREPLY[@]}\"")
    done = subprocess.run(["bash", "--norc", "-c", script], cwd=ROOT, text=True, check=True, stdout=subprocess.PIPE)
    return set(done.stdout.split())


@pytest.mark.parametrize("command", cli_docs.COMMANDS)
def test_bash_offers_the_flags_of_each_command(command):
    in_help = set()
    for line in cli_docs.ask(BUILD / "bin" / "headerroute", command).splitlines():
        begins = re.match(r"  (-\S.*?)(?:  |$)", line)
        in_help |= set(FLAG.findall(begins.group(1))) if begins else set()
    assert bash("headerroute", command, "-") == in_help


@pytest.mark.parametrize("words, offered", [
    (["headerroute", ""], {*cli_docs.COMMANDS, "--help", "--version"}),
    (["headerroute", "ex"], {"explain"}),
    (["headerroute", "route", "--out"], {"--outbound-policy"}),
    (["headerroute", "route", "--outbound-policy", ""], {"allow-any", "registry-only"}),
    (["headerroute", "route", "--outbound-policy", "=", "r"], {"registry-only"}),
    (["headerroute", "test", "--repeated-headers", "e"], {"each"}),
    (["headerroute", "route", "--gateway", ""], {"mesh"}),
    (["headerroute", "route", "-X", "P"], {"POST", "PUT", "PATCH"}),
    (["headerroute", "route", "-f", "k8s/ba"], {"k8s/base"}),
    (["headerroute", "validate", "k8s/lo"], {"k8s/local"}),
    (["headerroute", "diff", "k8s/lo"], {"k8s/local"}),
    (["headerroute", "diff", "k8s/base", "k8s/lo"], {"k8s/local"}),
    (["headerroute", "replay", "-f", "k8s/base", "k8s/lo"], {"k8s/local"}),
    (["headerroute", "convert", "k8s/lo"], set()),
    (["headerroute", "route", "k8s/lo"], set()),
    (["headerroute", "route", "--port", ""], set()),
    (["headerroute", "nothing", "-"], set()),
    (["grabcut", "--it"], {"--iterations"}),
    (["grabcut", "--output", ""], {"cutout", "rgba", "mask"}),
    (["grabcut", "--output", "=", "r"], {"rgba"}),
    (["grabcut", "--mask", "photos/po"], {"photos/portrait.jpg"}),
    (["grabcut", "photos/ch"], {"photos/chelsea.png"}),
    (["grabcut", "--seed", ""], set()),
    (["headerroute-request", "--he"], {"--headers_target_value", "--header-name", "--help"}),
    (["headerroute-request", "--in_images_dir", "pho"], {"photos"}),
    (["headerroute-request", "--port", ""], set()),
])
def test_bash_offers(words, offered):
    assert bash(*words) == offered


def typed(argv, setup, keys, wanted, environment):
    """Types into a shell on a terminal of its own until `wanted` shows; what it shows, else."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(argv[0], argv, {**os.environ, "TERM": "dumb", **environment})
    shown = ""
    try:
        os.write(terminal, (setup + "echo rea''dy\n").encode())
        deadline, sent = time.monotonic() + 60, False
        while time.monotonic() < deadline:
            if not select.select([terminal], [], [], 1)[0]:
                continue
            shown += os.read(terminal, 4096).decode(errors="replace")
            if not sent and "ready\r\n" in shown:
                sent, shown = True, ""
                os.write(terminal, keys.encode())
            elif sent and wanted in shown:
                break
    except OSError:
        pass  # the shell has exited: the assertion reports it
    finally:
        os.close(terminal)
        os.waitpid(pid, 0)
    return shown


def test_bash_completes_at_the_prompt():
    shown = typed(["bash", "--norc", "--noprofile", "-i"], f"source {shlex.quote(str(BASH))}\n",
                  "headerroute exp\t--rep\t", "--repeated-headers", {"INPUTRC": "/dev/null"})
    assert "headerroute explain --repeated-headers " in shown


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
@pytest.mark.parametrize("keys, wanted", [("headerroute exp\t--rep\t", ["explain", "--repeated-headers"]),
                                          ("grabcut --no\t", ["--no-progress"]),
                                          ("headerroute-request --in_\t", ["--in_images_dir"])])
def test_zsh_completes_at_the_prompt(tmp_path, keys, wanted):
    setup = (f"fpath=({shlex.quote(str(BASH.parent))} $fpath); autoload -Uz compinit; "
             f"compinit -u -d {shlex.quote(str(tmp_path / 'dump'))}\n")
    shown = typed(["zsh", "-f", "-i"], setup, keys, wanted[-1], {})
    assert all(text in shown for text in wanted)


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
@pytest.mark.parametrize("line, offered", [
    ("headerroute ex", ["explain"]),
    ("headerroute route --outbound-policy r", ["registry-only"]),
    ("headerroute explain --rep", ["--repeated-headers"]),
    ("headerroute diff k8s/loc", ["k8s/local/"]),
    ("headerroute convert k8s/loc", []),
    ("grabcut --output r", ["rgba"]),
    ("grabcut --no", ["--no-progress"]),
    ("headerroute-request --in_", ["--in_images_dir"]),
])
def test_fish_offers(line, offered, tmp_path):
    script = f"source {shlex.quote(str(BASH.with_name(line.split()[0] + '.fish')))}; complete -C {shlex.quote(line)}"
    done = subprocess.run(["fish", "--no-config", "-c", script], text=True, check=True, stdout=subprocess.PIPE,
                          cwd=ROOT, env={**os.environ, "HOME": str(tmp_path)})
    assert [found.split("\t")[0] for found in done.stdout.splitlines()] == offered
