"""The blocks of a Markdown document, and a shell that runs them.

A block ```console has commands after "$ " and below each the output expected of it. "..." there matches anything within a
line, and any lines if it is all of the line; blanks count as one. Any other block is written to the file that the paragraph
before it names with "Save this as `NAME`:", or added to the one of "Append this to `NAME`:". Blocks without either are shown only.
"""
import os
import re
import subprocess
from typing import NamedTuple

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TARGET = re.compile(r"(Save this as|Append this to)\s+`([^`]+)`:\s*\Z")


class Command(NamedTuple):
    line: int  # in the document
    text: str
    expected: list


class File(NamedTuple):
    name: str
    text: str
    append: bool


def commands_of(text, line):
    commands = []
    for offset, words in enumerate(text.splitlines()):
        if words.startswith("$ "):
            commands.append(Command(line + offset, words[2:], []))
        else:
            assert commands, f"line {line + offset}: output without a command"
            commands[-1].expected.append(words)
    return commands


def steps_of(document):
    """What a reader does, in the order of the text: Commands and Files."""
    steps = []
    for block in BLOCK.finditer(document):
        first_line = document.count("\n", 0, block.start()) + 2
        target = TARGET.search(document[:block.start()])
        if block[1] == "console":
            steps += commands_of(block[2], first_line)
        elif target:
            steps.append(File(target[2], block[2], target[1].startswith("Append")))
    return steps


def matches(expected, actual):
    """Whether the lines of the output are as the document has them."""
    if not expected:
        return not actual
    if expected[0].strip() == "...":
        return any(matches(expected[1:], actual[i:]) for i in range(len(actual) + 1))
    pattern = ".*".join(re.escape(" ".join(part.split())) for part in expected[0].split("..."))
    pattern = pattern.replace(r"\ ", " ")
    return bool(actual) and re.fullmatch(pattern, " ".join(actual[0].split())) is not None and matches(expected[1:], actual[1:])


class Shell:
    """One bash for all commands of a document, so that an export is still there in the next one."""

    END = "--- end of the command, exit code "

    def __init__(self, folder, environment):
        self.process = subprocess.Popen(["bash", "--norc"], cwd=folder, env=environment, text=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def run(self, command):
        """(exit code, lines of output) of a command."""
        self.process.stdin.write(f"{{ {command}\n}} </dev/null\necho \"{self.END}$?\"\n")
        self.process.stdin.flush()
        lines = []
        for line in self.process.stdout:
            before, end, code = line.rstrip("\n").partition(self.END)
            lines += [before] if before or not end else []
            if end:
                return int(code), lines
        raise AssertionError(f"the shell ended within {command!r}: {lines}")

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(60)


def follow(path, folder, environment):
    """Does in `folder` what the document says, and compares."""
    steps = steps_of(path.read_text(encoding="utf-8"))
    assert any(isinstance(step, Command) for step in steps), f"{path.name} has no command"
    shell = Shell(folder, environment)
    try:
        for step in steps:
            if isinstance(step, File):
                os.makedirs(os.path.dirname(folder / step.name) or ".", exist_ok=True)
                with open(folder / step.name, "a" if step.append else "w", encoding="utf-8") as file:
                    file.write(step.text)
                continue
            code, lines = shell.run(step.text)
            shown = "\n".join(lines[-60:])
            where = f"{path.name}:{step.line}: $ {step.text}"
            assert code == 0, f"{where}\nexit code {code}\n{shown}"
            assert matches(step.expected, lines), f"{where}\nexpected:\n" + "\n".join(step.expected) + f"\ngot:\n{shown}"
    finally:
        shell.close()
