"""Compile ahead: ``python -m kernlab.warmup``.

Numba compiles a kernel when it is first used, which takes a few seconds, and keeps the result on
disk. Run this after installing, or when building an image, to spend that time beforehand.
"""

import argparse
import logging

import numpy as np

from kernlab.kernels import PROFILES
from kernlab.kernels._evaluation import Tolerance, evaluate, prepare_evaluator
from kernlab.kernels._sums import DIRECT_FEATURES, log_kernel_sums, prepare_sources

logger = logging.getLogger("kernlab.warmup")

# Precision; spread of the points, the second so wide that coordinates take two floats; whether the
# effective number of terms is asked for.
_VARIANTS = (
    ("double", 1.0, False),
    ("double", 1.0, True),
    ("mixed", 1.0, False),
    ("double", 1e6, False),
)


def warm_up(kernels=("gaussian",), *, weighted=False, tolerance=False):
    """Compile the log kernel sums of some kernels, in double and mixed precision.

    Parameters
    ----------
    kernels : iterable of str
        Names of :data:`kernlab.kernels.PROFILES`.
    weighted : bool, default=False
        Also the variants with sample weights.
    tolerance : bool, default=False
        Also the algorithms that serve an ``rtol`` or ``atol``.
    """
    rng = np.random.default_rng(0)
    for kernel in kernels:
        # With few features, and with so many that matrix products are used.
        for n_features in (1, DIRECT_FEATURES + 1):
            points = rng.normal(size=(2, n_features))
            for weights in (None, np.ones(2)) if weighted else (None,):
                logger.info("compiling %s in %d features", kernel, n_features)
                for precision, spread, with_effective in _VARIANTS:
                    sources = prepare_sources(
                        points * spread,
                        kernel=kernel,
                        root=1.0,
                        weights=weights,
                        precision=precision,
                    )
                    log_kernel_sums(sources, points, with_effective=with_effective)
        if tolerance:
            for weights in (None, np.ones(2)) if weighted else (None,):
                logger.info("compiling %s to a tolerance", kernel)
                _warm_up_to_a_tolerance(kernel, rng.normal(size=(2, 2)), weights)


def _warm_up_to_a_tolerance(kernel, points, weights):
    cases = [("tree", points), ("tree", points * 1e6)]
    if kernel == "gaussian":
        cases += [("fgt", points[:, :1]), ("fft", points)]
    for algorithm, x in cases:
        evaluator = prepare_evaluator(
            x,
            kernel=kernel,
            root=1.0,
            weights=weights,
            precision="double",
            algorithm=algorithm,
            tolerance=Tolerance(rtol=1e-3),
        )
        evaluate(evaluator, x)


def warm_up_privacy():
    """Compile the sums, queries and noise of private releases."""
    from kernlab.privacy import PrivateDistanceSum, PrivateKernelSum

    shared = {"epsilon": 1, "noise": "builtin", "n_hint": 1}
    box = {"bounds": (0, 1)}
    for estimator in (
        PrivateDistanceSum("l1", **box, **shared),
        PrivateDistanceSum("l2", **box, **shared),
        PrivateDistanceSum("sqeuclidean", **box, **shared),
        PrivateKernelSum(bandwidth=1.0, **shared),
        PrivateKernelSum(bandwidth=1.0, features="sorf", **shared),
        PrivateKernelSum(bandwidth=1.0, features="fast-gauss", **box, **shared),
        PrivateKernelSum("laplacian", bandwidth=1.0, features="race", n_features=1, **shared),
    ):
        logger.info("compiling %r", estimator)
        estimator.fit(np.zeros((2, 2))).query(np.zeros((2, 2)))


def warm_up_gp():
    """Compile the filter, smoother and slopes of series, and the networks' series."""
    from sklearn.gaussian_process.kernels import Matern, WhiteKernel

    from kernlab.gp import MarkovGPRegressor
    from kernlab.kernels import NTK

    logger.info("compiling the filter and smoother of Markov processes")
    X = np.arange(4.0)[:, None]
    model = MarkovGPRegressor(kernel=Matern(nu=1.5) + WhiteKernel()).fit(X, X[:, 0] ** 2)
    model.predict(X, return_cov=True)
    model.sample_y(X, random_state=0)
    logger.info("compiling kernels of infinite networks")
    NTK(activation="tanh")(X, eval_gradient=True)


def warm_up_embedding():
    """Compile heat on graphs, pruning, shortest paths and scaling."""
    import warnings

    from kernlab.datasets import make_swiss_roll
    from kernlab.embedding import HeatGeodesicEmbedding

    # So noisy that shortcuts are nominated.
    X = make_swiss_roll(200, noise=1.0, random_state=0).data
    for settings in ({"metric": "heat"}, {"metric": "pruned"}, {"mds_weights": "heat"}):
        model = HeatGeodesicEmbedding(**settings, n_landmarks=20, random_state=0)
        logger.info("compiling %r", model)
        with warnings.catch_warnings():
            # What is found in these points is of no interest.
            warnings.simplefilter("ignore", UserWarning)
            model.fit(X).transform(X + 0.01)
            model.geodesic_distances(X[:2])


def warm_up_cluster():
    """Compile kernel k-means, walks of wide range, block refinement, landmarks and sketches."""
    from kernlab.cluster import GraphClustering, SparseGraphClustering
    from kernlab.datasets import load_karate
    from kernlab.graph import GraphSketch, LandmarkLogEmbedding

    graph = load_karate().adjacency
    for model in (
        GraphClustering(2, measure="logcomm", param=0.5, random_state=0),
        SparseGraphClustering(2, refine=True, random_state=0),
        # Series in single precision, in double for a long time, and conjugate gradients.
        LandmarkLogEmbedding(1, n_landmarks=2),
        GraphSketch(1, measure="heat", param=1e3),
        GraphSketch(1, measure="for"),
    ):
        logger.info("compiling %r", model)
        model.fit(graph)


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python -m kernlab.warmup", description="Compile kernels ahead of their first use."
    )
    parser.add_argument("kernels", nargs="*", metavar="KERNEL", help="default: gaussian")
    parser.add_argument("--all", action="store_true", help="every kernel")
    parser.add_argument("--weighted", action="store_true", help="also with sample weights")
    parser.add_argument("--tolerance", action="store_true", help="also what rtol and atol use")
    parser.add_argument("--privacy", action="store_true", help="also the private sums")
    parser.add_argument("--gp", action="store_true", help="also Gaussian processes of series")
    parser.add_argument("--embedding", action="store_true", help="also embeddings and graphs")
    parser.add_argument("--cluster", action="store_true", help="also clustering of graphs")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    kernels = list(PROFILES) if options.all else options.kernels or ["gaussian"]
    unknown = sorted(set(kernels) - set(PROFILES))
    if unknown:
        parser.error(f"no kernel {', '.join(unknown)}; there are {', '.join(PROFILES)}")
    warm_up(kernels, weighted=options.weighted, tolerance=options.tolerance)
    if options.privacy:
        warm_up_privacy()
    if options.gp:
        warm_up_gp()
    if options.embedding:
        warm_up_embedding()
    if options.cluster:
        warm_up_cluster()


if __name__ == "__main__":
    main()
