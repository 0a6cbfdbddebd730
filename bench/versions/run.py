#!/usr/bin/python3
"""This checkout against another commit: instructions (by callgrind) and time of a decision and of a cut.

    bench/versions/run.py COMMIT [--pairs N] [--only TEXT]    # about three minutes; N timed pairs a case (default: 9)

The two versions are timed in turns, and the printed ratio is the median of the ratios of the pairs. Instructions do not
depend on what else the machine does. Needs valgrind. The commit is built in a temporary folder.
"""
import argparse
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
DECISIONS = 256  # a round of main.c
KINDS = "exact header", "path prefix", "regex", "mixed"
PHOTO = "photos/portrait.jpg"
# Name, arguments of main.c, operations a round, and rounds of a timed run.
CASES = [("demo", ["demo"], DECISIONS, 500), ("demo, checked headers", ["demo", "checked"], DECISIONS, 500),
         ("exact header, 10 rules", ["rules", "0", "10"], DECISIONS, 500)]
CASES += [(f"{kind}, 1000 rules", ["rules", str(number), "1000"], DECISIONS, 500) for number, kind in enumerate(KINDS)]
CASES += [(f"cut, {level}", [level, PHOTO], 1, 5) for level in ("portable", "avx2")]


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def built(source, build, out):
    """The program of a checkout: its libraries, headers and rule tables with this checkout's main.c."""
    run("cmake", "-S", source, "-B", build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DHR_BUILD_SERVICES=OFF",
        "-DHR_BUILD_PYTHON=OFF", "-DHR_BUILD_OPENCV=OFF")
    run("cmake", "--build", build, "--target", "headerroute-static", "grabcut-static")
    libraries = run("pkg-config", "--libs", "yaml-0.1", "libxxhash", "re2", "jansson", "libjpeg", "libpng", "libwebp", "zlib")
    folders = source / "libheaderroute/include", source / "libgrabcut/include", build / "include", source / "bench/route"
    objects = []
    for path in ROOT / "bench/versions/main.c", source / "bench/route/tables.c":
        objects.append(out.with_name(f"{out.name}-{path.stem}.o"))
        run("cc", "-std=c11", "-D_GNU_SOURCE", "-O2", *(f"-I{folder}" for folder in folders), "-c", path, "-o", objects[-1])
    run("c++", *objects, build / "lib/libheaderroute.a", build / "lib/libgrabcut.a", *libraries.split(), "-lpthread", "-lm",
        "-o", out)
    return out


def instructions(program, arguments):
    counts = program.with_suffix(".callgrind")
    counts.unlink(missing_ok=True)
    run("valgrind", "--tool=callgrind", "--toggle-collect=measured_*", f"--callgrind-out-file={counts}", program, "1",
        *arguments, cwd=ROOT)
    return int(re.search(r"^(?:summary|totals): (\d+)", counts.read_text(), re.M)[1])


def time_ratio(then, now, arguments, rounds, pairs):
    """The median of nanoseconds of each, and of their ratios."""
    times = [[float(run(program, str(rounds), *arguments, cwd=ROOT)) for program in (then, now)] for _ in range(pairs)]
    return (statistics.median(pair[0] for pair in times), statistics.median(pair[1] for pair in times),
            statistics.median(pair[1] / pair[0] for pair in times))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commit")
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--only", default="", help="cases whose name contains this")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        base = folder / "base"
        base.mkdir()
        run("git", "-C", ROOT, "archive", "-o", folder / "base.tar", args.commit)
        run("tar", "-xf", folder / "base.tar", "-C", base)
        then, now = built(base, base / "build", folder / "then"), built(ROOT, folder / "build", folder / "now")
        print(f"{'':26}{'instructions':>28}{'ratio':>8}{'nanoseconds':>26}{'ratio':>8}")
        for name, arguments, operations, rounds in (case for case in CASES if args.only in case[0]):
            before, after = (instructions(program, arguments) / operations for program in (then, now))
            ns_before, ns_after, ratio = time_ratio(then, now, arguments, rounds, args.pairs)
            print(f"{name:26}{before:14,.0f}{after:14,.0f}{after / before:8.3f}{ns_before:13,.0f}{ns_after:13,.0f}{ratio:8.3f}",
                  flush=True)


if __name__ == "__main__":
    main()
