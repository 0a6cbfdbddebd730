#!/usr/bin/env python3
"""Draws docs/explain.svg: a terminal with the output of `headerroute explain` for the rules in k8s/."""
import argparse
import html
import os
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = ROOT / "docs" / "explain.svg"
COMMAND = ["headerroute", "explain", "-f", "k8s/base", "-f", "k8s/local", "-H", "target: condition2",
           "http://proxy-server:5000/predict"]
COLORS = {"31": "bad", "32": "good", "33": "warn", "2": "faint"}
STYLE = """
    text { font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #dfe4ee; white-space: pre }
    .prompt { fill: #8ea4ff } .good { fill: #5fd38d } .bad { fill: #ff7b72 } .warn { fill: #e3b341 } .faint { fill: #8b94a8 }
"""
COLUMN, LINE, LEFT, TOP = 7.83, 19, 18, 50


def output_of(build):
    """What the command prints on a terminal with colour."""
    words = [str(pathlib.Path(build).resolve() / "bin" / COMMAND[0]), *COMMAND[1:2], "--color", "always", *COMMAND[2:]]
    environment = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    return subprocess.run(words, cwd=ROOT, env=environment, check=True, capture_output=True, text=True).stdout


def command_line():
    return " ".join(f"'{word}'" if " " in word else word for word in COMMAND)


def spans(line):
    """(class, text) of each part of a line that has a colour of its own."""
    kind = ""
    for part in re.split(r"(\x1b\[\d+m)", line):
        code = re.fullmatch(r"\x1b\[(\d+)m", part)
        if code:
            kind = COLORS.get(code[1], "")
        elif part:
            yield kind, part


def line_svg(number, parts):
    x, y = LEFT, TOP + number * LINE
    words = "".join(f'<tspan class="{kind}">{html.escape(text)}</tspan>' if kind else html.escape(text) for kind, text in parts)
    return f'  <text x="{x}" y="{y}" xml:space="preserve">{words}</text>'


def draw(text):
    lines = [[("prompt", "$ "), ("", command_line())], *[list(spans(line)) for line in text.splitlines()]]
    columns = max(sum(len(words) for _, words in line) for line in lines)
    width, height = round(2 * LEFT + columns * COLUMN), TOP + len(lines) * LINE
    body = "\n".join(line_svg(i, parts) for i, parts in enumerate(lines) if parts)
    dots = "".join(f'<circle cx="{22 + 20 * i}" cy="20" r="6" fill="{color}"/>' for i, color in
                   enumerate(("#ff5f57", "#febc2e", "#28c840")))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
            f'aria-label="Output of headerroute explain">\n  <!-- drawn by scripts/terminal_svg.py -->\n'
            f'  <style>{STYLE}  </style>\n  <rect width="{width}" height="{height}" rx="10" fill="#171b26" stroke="#3a4358"/>\n'
            f'  {dots}\n{body}\n</svg>\n')


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", help="build folder, such as build/release")
    OUT.write_text(draw(output_of(parser.parse_args().build)))


if __name__ == "__main__":
    main()
