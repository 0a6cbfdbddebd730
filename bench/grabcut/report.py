"""Results of run.py as a Markdown table and a plot."""
import statistics


def cell(r):
    return f"{r['cv2_ms']:.4g} / {r['ours_ms']:.3g} ms, **{r['wall_ratio']:.1f}**, {r['cpu_ratio']:.1f}" if r else ""


def of(results, picture, iterations, threads):
    return next((r for r in results if (r["picture"], r["iterations"], r["threads"]) == (picture, iterations, threads)), None)


def table(results):
    """A row a picture and number of threads; a column a count of iterations."""
    counts = sorted({r["iterations"] for r in results})
    lines = ["| picture | threads | " + " | ".join(f"{n} iteration{'s' * (n > 1)}: cv2 / ours, wall ratio, CPU ratio" for n in counts)
             + " | bytes a pixel | differing |", "|---|---|" + "---|" * (len(counts) + 2)]
    for picture in dict.fromkeys(r["picture"] for r in sorted(results, key=lambda r: r["pixels"])):
        for threads in sorted({r["threads"] for r in results}):
            row = [of(results, picture, n, threads) for n in counts]
            found = [r for r in row if r]
            if not found:
                continue
            # Of a small picture the process does not grow by what it takes: it has pages to spare.
            memory = f"{found[0]['cv2_bytes']:.0f} / {found[0]['ours_bytes']:.0f}" if found[0]["pixels"] >= 300000 else ""
            lines.append(f"| {picture} | {threads} | " + " | ".join(cell(r) for r in row)
                         + f" | {memory} | {max(r['differing'] for r in found)} |")
    return lines


def medians(results):
    lines = ["| iterations | threads | pictures | median wall ratio | least | median CPU ratio |", "|---|---|---|---|---|---|"]
    for n, threads in sorted({(r["iterations"], r["threads"]) for r in results}):
        group = [r for r in results if (r["iterations"], r["threads"]) == (n, threads)]
        wall = [r["wall_ratio"] for r in group]
        lines.append(f"| {n} | {threads} | {len(group)} | {statistics.median(wall):.1f} | {min(wall):.1f} | "
                     f"{statistics.median(r['cpu_ratio'] for r in group):.1f} |")
    return lines


def plot(results, path):
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot
    counts = sorted({r["iterations"] for r in results})
    figure, axes = pyplot.subplots(1, len(counts), figsize=(4 * len(counts), 4), sharey=True, squeeze=False)
    kinds = {"shapes": "o", "noise": "x"}
    for axis, n in zip(axes[0], counts):
        for threads, colour in (1, "#1f6fb4"), (2, "#d1602b"):
            for kind in ("photo", "shapes", "noise"):
                group = [r for r in results if (r["iterations"], r["threads"]) == (n, threads)
                         and (r["picture"].split()[0] if r["picture"].split()[0] in kinds else "photo") == kind]
                axis.plot([r["pixels"] / 1e6 for r in group], [r["wall_ratio"] for r in group], kinds.get(kind, "*"),
                          color=colour, label=f"{kind}, {threads} thread{'s' * (threads > 1)}", alpha=0.8)
            wall = [r["wall_ratio"] for r in results if (r["iterations"], r["threads"]) == (n, threads)]
            if wall:
                axis.axhline(statistics.median(wall), color=colour, linestyle=":", linewidth=1.2,
                             label=f"median, {threads} thread{'s' * (threads > 1)}")
        axis.axhline(1, color="grey", linewidth=0.8)
        axis.set_xscale("log")
        axis.set_yscale("log")
        axis.set_xlim(0.003, 16)
        axis.set_xticks([0.004, 0.03, 0.3, 3, 12], ["0.004", "0.03", "0.3", "3", "12"])
        axis.set_yticks([1, 2, 5, 10, 20, 50], ["1", "2", "5", "10", "20", "50"])
        axis.minorticks_off()
        axis.set_title(f"{n} iteration{'s' * (n > 1)}")
        axis.set_xlabel("megapixels")
        axis.grid(alpha=0.3)
    axes[0][0].set_ylabel("times as fast as cv::grabCut (wall)")
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, ncol=4, loc="lower center", fontsize=8, frameon=False)
    figure.tight_layout(rect=(0, 0.12, 1, 1))
    figure.savefig(path, dpi=110, metadata={"Software": None})


def write_report(results, folder):
    (folder / "grabcut-figures.md").write_text("\n".join(
        ["# libgrabcut beside cv::grabCut", "", "Written by `bench/grabcut/run.py --report`; [grabcut.md](grabcut.md) says how it was measured.", "",
         *medians(results), "", *table(results), ""]))
    plot(results, folder / "grabcut-figures.png")
