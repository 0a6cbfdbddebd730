#!/usr/bin/env python3
"""Check that no two C sources define static functions of the same name.

A name that is unique in the tree can be found with one grep and is unambiguous in a backtrace. The arguments are
folders; every folder is a scope of its own, because two libraries may well use the same word.
"""

import re
import sys
from collections import defaultdict
from pathlib import Path

DEFINITION = re.compile(r"^static\s[^;={}()]*?\b(\w+)\([^;{}]*\)\s*\{", re.MULTILINE)


def repeated_names(folder: Path) -> dict[str, list[str]]:
    files = defaultdict(set)
    for source in sorted(folder.rglob("*")):
        if source.suffix not in (".c", ".cc", ".h"):
            continue
        for name in DEFINITION.findall(source.read_text(encoding="utf-8")):
            files[name].add(str(source))
    return {name: sorted(found) for name, found in files.items() if len(found) > 1}


def main(folders: list[str]) -> int:
    failed = False
    for folder in folders:
        for name, files in sorted(repeated_names(Path(folder)).items()):
            print(f"the static function {name} is defined in {len(files)} files: {', '.join(files)}", file=sys.stderr)
            failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
