#!/usr/bin/python3
"""The demo's table and contact sheet, from the reports of headerroute-request."""
import argparse
import json
import os
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont

PANEL, GAP, CAPTION, MARGIN, TITLE = 340, 24, 56, 40, 96
PAPER, CARD, INK, FADED = "#f4f2ee", "#ffffff", "#22252a", "#6d7178"
ACCENTS = ("#8a8f98", "#2f6fde", "#d9643a", "#3a9a5b", "#8a4fc8")


class Run(NamedTuple):
    value: str  # of the header
    label: str  # what the model behind it does
    lines: dict  # file: line of the report
    folder: str  # of the results


def font(size, bold=False):
    """DejaVu where it is installed (Debian: fonts-dejavu-core), else what Pillow brings."""
    try:
        return ImageFont.truetype("DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf", size)
    except OSError:
        return ImageFont.load_default()


def read_runs(arguments):
    """Adds to each run {file: line of its report}."""
    runs = []
    for value, label, report, folder in arguments:
        with open(report, encoding="utf-8") as f:
            lines = [json.loads(line) for line in f]
        runs.append(Run(value, label, {line["file"]: line for line in lines}, folder))
    return runs


def hop(line, kind):
    """The pod of that kind among the hops that the answer names."""
    return next((name for name in line["via"] if name.startswith(kind)), "?")


def print_table(runs):
    head = ("photo", "header", "proxy", "predict", "status", "ms")
    rows = [(name, f"target: {run.value}", hop(line, "proxy"), hop(line, "predict"), str(line["status"]),
             f"{line['milliseconds']:.0f}")
            for run in runs for name, line in sorted(run.lines.items())]
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    for row in [head, tuple("-" * w for w in widths), *rows]:
        cells = [c.rjust(w) if head[i] in ("status", "ms") else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths))]
        print("  ".join(cells).rstrip())


def fitted(path):
    """The picture, as large as a panel allows."""
    with Image.open(path) as picture:
        picture = picture.convert("RGB")
    scale = min(PANEL / picture.width, PANEL / picture.height)
    return picture.resize((max(1, round(picture.width * scale)), max(1, round(picture.height * scale))),
                          Image.Resampling.LANCZOS)


def draw_panel(sheet, x, y, height, picture, title, note, accent):
    draw = ImageDraw.Draw(sheet)
    draw.rounded_rectangle((x, y, x + PANEL, y + height + CAPTION), 10, fill=CARD)
    sheet.paste(picture, (x + (PANEL - picture.width) // 2, y + (height - picture.height) // 2))
    draw.rectangle((x, y + height, x + PANEL, y + height + 3), fill=accent)
    draw.text((x + 12, y + height + 10), title, INK, font(15, bold=True))
    draw.text((x + 12, y + height + 32), note, FADED, font(12))


def panels_of(name, photos, runs):
    """[(picture, title, note)] of one row: the original, then what each header value gave."""
    original = os.path.join(photos, name)
    with Image.open(original) as picture:
        panels = [(fitted(original), name, f"{picture.width} x {picture.height}")]
    for run in runs:
        line = run.lines[name]
        note = f"{hop(line, 'proxy')}, {hop(line, 'predict')}: {line['milliseconds']:.0f} ms"
        panels.append((fitted(os.path.join(run.folder, name)), f"target: {run.value}, {run.label}", note))
    return panels


def contact_sheet(photos, runs):
    names = sorted(set.intersection(*(set(run.lines) for run in runs)))
    rows = [panels_of(name, photos, runs) for name in names]
    heights = [max(picture.height for picture, _, _ in row) for row in rows]
    columns = 1 + len(runs)
    sheet = Image.new("RGB", (2 * MARGIN + columns * (PANEL + GAP) - GAP,
                              TITLE + MARGIN + sum(h + CAPTION + GAP for h in heights) - GAP), PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((MARGIN, 28), f"One service, {len(runs)} models: the header decides", INK, font(26, bold=True))
    draw.text((MARGIN, 62), "left: the photo; then the foreground that each model finds", FADED, font(14))
    y = TITLE
    for row, height in zip(rows, heights):
        for i, panel in enumerate(row):
            draw_panel(sheet, MARGIN + i * (PANEL + GAP), y, height, *panel, ACCENTS[i % len(ACCENTS)])
        y += height + CAPTION + GAP
    return sheet


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--photos", required=True, metavar="DIR")
    p.add_argument("--run", nargs=4, action="append", required=True,
                   metavar=("VALUE", "LABEL", "REPORT", "RESULTS"),
                   help="a header value, what its model does, the client's report, the folder of results; repeatable")
    options = p.parse_args()
    runs = read_runs(options.run)
    print_table(runs)
    sheet = contact_sheet(options.photos, runs)
    print()
    for run in runs:
        path = os.path.join(run.folder, "contact_sheet.png")
        sheet.save(path)
        print(f"contact sheet: {path}")


if __name__ == "__main__":
    main()
