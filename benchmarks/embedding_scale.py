"""Time and memory of embeddings from 2 000 points to a million, on a clean Swiss roll."""

import statistics

import embedding_peers as peers
from embedding_peers import LARGE

from kernlab.datasets import make_swiss_roll

PREAMBLE = (
    "A Swiss roll in three dimensions, noise 0.05. Every run has a process of its own with two",
    "threads; the runs of one size take turns, the table has the median of up to three (fewer",
    "where a run takes longer than a few seconds). Seconds are those of the fit, after a small",
    "one that compiles; memory is the largest size of the process, imports included. Pearson's",
    "correlation and the scaled stress compare 200 000 distances within the two-dimensional",
    "embedding with those along the sheet. All settings are defaults but for 15 neighbours;",
    "heatgeo, which has no default, has the five of its own documentation.",
)
COLUMNS = ("points", "method", "seconds", "peak, GB", "Pearson", "stress", "")
THREADS = 2
# A method is run again while its runs together took less than this, seconds.
ENOUGH = 20.0

# Label, method, settings, and the largest number of points it is asked for; a peer goes as far
# as it gets within a few minutes and the memory of a laptop.
CONTENDERS = (
    ("kernlab, pruned", "kernlab", {"metric": "pruned"}, 10**6),
    ("kernlab, graph", "kernlab", {"metric": "graph"}, 10**5),
    ("kernlab, heat", "kernlab", {"metric": "heat"}, 20_000),
    ("kernlab, DiffusionMap", "diffusion_map", {}, 20_000),
    ("scikit-learn, SpectralEmbedding", "spectral", {"n_neighbors": 15}, 20_000),
    ("scikit-learn, Isomap", "isomap", {"n_neighbors": 15}, 5000),
    ("umap-learn", "umap", {"n_neighbors": 15}, 20_000),
    ("PHATE", "phate", {"knn": 15}, 20_000),
    ("heatgeo", "heatgeo", {"knn": 5}, 5000),
)
SIZES = (2000, 5000, 20_000, 100_000, 1_000_000)
# Sizes that a method skips: the compilation of UMAP takes a minute, whatever the size.
SKIPPED = {("umap-learn", 2000), ("umap-learn", 5000), ("PHATE", 5000)}
# What is claimed: our method, the peer, points, and how many times as long the peer takes.
CLAIMS = (
    ("kernlab, pruned", "heatgeo", 5000),
    ("kernlab, heat", "heatgeo", 5000),
    ("kernlab, pruned", "PHATE", 20_000),
)


def contenders(n):
    return [
        (label, method, settings)
        for label, method, settings, largest in CONTENDERS
        if n <= largest and (label, n) not in SKIPPED and peers.interpreter(method) is not None
    ]


def timed(n):
    """Rows of one size."""
    roll = make_swiss_roll(n, noise=0.05, random_state=0)
    runs = {label: [] for label, *_ in contenders(n)}
    quality = {}
    for _ in range(3):
        for label, method, settings in contenders(n):
            found = runs[label]
            if sum(run.get("seconds", ENOUGH) for run in found) >= ENOUGH:
                continue
            job = {"points": roll.data, "settings": settings, "seed": 0, "warm": True}
            # A fresh process for every run: a peak is of one fit only.
            done = peers.run_jobs(method, [job], threads=THREADS, limit=900)
            if done is None:
                found.append({"failed": "more than 15 minutes"})
                continue
            [(_, Y, answer)] = done
            found.append(answer)
            if Y is not None and label not in quality:
                quality[label] = peers.pair_quality(Y, roll.position)
    return [row(n, label, found, quality.get(label)) for label, found in runs.items()]


def row(n, label, found, quality):
    common = {"task": f"{n:,} points".replace(",", " "), "n": n, "method": label}
    failed = [run["failed"] for run in found if "failed" in run]
    if failed:
        return {**common, "seconds": None, "error": None, "note": failed[0].splitlines()[-1]}
    pearson, stress = quality
    return {
        **common,
        "seconds": statistics.median(run["seconds"] for run in found),
        "peak": max(run["peak"] for run in found),
        "pearson": pearson,
        "error": stress,
        "what": "scaled stress",
        "note": "one run" if len(found) == 1 else f"{len(found)} runs",
    }


def with_ratios(rows):
    """Note beside ours how many times as long the peer takes in the same run."""
    by_name = {(row["method"], row["n"]): row for row in rows}
    for ours, theirs, n in CLAIMS:
        a, b = by_name.get((ours, n)), by_name.get((theirs, n))
        if a and b and a["seconds"] and b["seconds"]:
            a["ratio"] = b["seconds"] / a["seconds"]
            a["note"] += f"; {theirs} takes {a['ratio']:.3g} times as long"
    return rows


def quick():
    """A small clean roll, in this process: the map is nearly an isometry."""
    roll = make_swiss_roll(600, noise=0.05, random_state=0)
    found = []
    for label, method, settings, bound in (
        ("kernlab, pruned", "kernlab", {"metric": "pruned", "n_landmarks": 100}, 0.06),
        ("scikit-learn, Isomap", "isomap", {"n_neighbors": 15}, None),
    ):
        _, Y, answer = peers.here(method, {"points": roll.data, "settings": settings, "seed": 0})
        _, stress = peers.pair_quality(Y, roll.position, 20_000)
        found.append(
            {
                "task": "600 points",
                "method": label,
                "seconds": answer["seconds"],
                "error": stress,
                "what": "scaled stress",
                "bound": bound,
            }
        )
    return found


def rows(quick_mode):
    """Seconds, memory and quality; ``KERNLAB_BENCH_LARGE=1`` adds a million points."""
    if quick_mode:
        return quick()
    sizes = [n for n in SIZES if LARGE or n <= 100_000]
    return with_ratios([found for n in sizes for found in timed(n)])


def cells(row):
    """A line of the table."""
    if row["seconds"] is None:
        return (row["task"], row["method"], "", "", "", "", row["note"])
    return (
        row["task"],
        row["method"],
        f"{row['seconds']:.3g}",
        f"{row['peak']:.2g}",
        f"{row['pearson']:.4f}",
        f"{row['error']:.3f}",
        row["note"],
    )
