"""Graphs of the study of logarithms, and what every measure makes of one of them."""

import functools
import time
import warnings
import zlib

import numpy as np
from sklearn.metrics import adjusted_rand_score

SIX = (65, 35, 25, 13, 8, 4)
SIX_TABLE = (
    (0.30, 0.20, 0.10, 0.15, 0.07, 0.25), (0.20, 0.24, 0.08, 0.13, 0.05, 0.17),
    (0.10, 0.08, 0.16, 0.09, 0.04, 0.12), (0.15, 0.13, 0.09, 0.20, 0.02, 0.14),
    (0.07, 0.05, 0.04, 0.02, 0.12, 0.04), (0.25, 0.17, 0.12, 0.14, 0.04, 0.40),
)  # fmt: skip


def equal(n, k, within, between):
    return f"{n}, {k} blocks, {within:g} / {between:g}", [n // k] * k, (within, between)


BLOCKS = (
    equal(100, 2, 0.2, 0.05),
    *(equal(n, 2, 0.3, p) for n in (100, 200) for p in (0.05, 0.10, 0.15)),
    *(equal(n, 4, 0.3, p) for n in (100, 200) for p in (0.10, 0.15)),
    equal(102, 3, 0.3, 0.10),
    equal(201, 3, 0.3, 0.10),
    *((f"{s} and {100 - s}, 0.3 / 0.1", [s, 100 - s], (0.3, 0.1)) for s in (10, 20, 30)),
    ("six unequal blocks", list(SIX), SIX_TABLE),
)
LFR = (
    ("LFR, mixing 0.2", 0.2),
    ("LFR, mixing 0.4", 0.4),
    ("LFR, dissociative, mixing 0.97", 0.97),
)
# Families over which duels are counted.
FAMILIES = ("equal blocks", "unequal blocks", "LFR, associative", "LFR, dissociative", "real")


def family_of(setting):
    if setting.startswith("LFR"):
        return FAMILIES[3] if "dissociative" in setting else FAMILIES[2]
    if setting in [name for name, *_ in BLOCKS]:
        return FAMILIES[0] if "blocks, " in setting else FAMILIES[1]
    return FAMILIES[4]


@functools.cache
def real_graphs():
    """Labelled graphs by name."""
    from proximity_graphs import graphs

    return {name: (adjacency, labels) for name, adjacency, labels in graphs(quick=False)}


def draw(setting, number):
    """A graph of a setting, without isolated nodes, and its labels."""
    from kernlab.graph import lfr_graph, planted_partition

    if setting in real_graphs():
        return real_graphs()[setting]
    seed = zlib.crc32(f"{setting} {number}".encode()) % 2**31
    for name, mu in LFR:
        if name == setting:
            # Dissociative communities are few and large, or there is nothing to find.
            degree, least, most = (24, 50, 90) if mu > 0.5 else (14, 20, 60)
            graph = lfr_graph(
                200, 2.5, 1.5, mu, average_degree=degree, max_degree=50, min_community=least,
                max_community=most, random_state=seed,
            )  # fmt: skip
    for name, sizes, table in BLOCKS:
        if name == setting:
            graph = planted_partition(sizes, table, random_state=seed)
    linked = np.asarray(graph.adjacency.sum(axis=1)).ravel() > 0
    labels = np.unique(graph.labels[linked], return_inverse=True)[1]
    return graph.adjacency[linked][:, linked], labels


def cell(setting, number, measures, n_params, n_init):
    """Adjusted Rand indices of one graph: a list over parameters for each measure."""
    from kernlab.cluster._kernel_kmeans import kernel_kmeans
    from kernlab.graph._measures import parse_measure
    from kernlab.graph._spectra import Spectra

    start = time.process_time()
    adjacency, truth = draw(setting, number)
    k = int(truth.max()) + 1
    spectra = Spectra(adjacency, floor="auto")
    found = {}
    for name in measures:
        measure = parse_measure(name)
        found[name] = []
        for x in grid(n_params) if measure.scaler else [0.5]:
            with warnings.catch_warnings():
                # Kernels of extreme parameters are nearly constant, which is theirs to show.
                warnings.simplefilter("ignore")
                K = spectra.kernel(measure, spectra.natural(measure, x))
                rng = np.random.default_rng(number)
                labels, inertias = kernel_kmeans(K, k, n_init=n_init, rng=rng)
            best = adjusted_rand_score(truth, labels[np.argmin(inertias)])
            found[name].append(round(float(best), 6))
    return {
        "setting": setting, "number": number, "ari": found,
        "seconds": round(time.process_time() - start, 3),
    }  # fmt: skip


def grid(n_params):
    return (np.arange(n_params) + 0.5) / n_params
