"""Time series: MarkovGPRegressor against scikit-learn's dense process and celerite2."""

import time

import numpy as np
from peers import interleave
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import Matern, WhiteKernel

from kernlab.gp import MarkovGPRegressor

NOISE = 0.09
# Of likelihood and gradient, relative, against the dense process.
PROMISED = 1e-9
#: Seconds that are promised at 200 000 points, one thread: likelihood and smoothing; a default fit.
PASS, FIT = 1.5, 60.0


def series(n):
    """Uneven times, a hundred to the unit of the process."""
    rng = np.random.default_rng(0)
    x = np.sort(rng.uniform(0, n / 100, n))
    return x, np.sin(x) + np.sqrt(NOISE) * rng.normal(size=n)


def kernel(nu):
    return 1.0 * Matern(2.0, nu=nu) + WhiteKernel(NOISE)


def kernlab_process(nu, x, y):
    return MarkovGPRegressor(kernel=kernel(nu), optimizer=None).fit(x[:, None], y)


def celerite_process(nu, x):
    """Exact for ν = ½; for 3/2 celerite2's term is the limit of another one, cut off at eps."""
    from celerite2 import GaussianProcess, terms

    term = terms.RealTerm(a=1.0, c=0.5) if nu == 0.5 else terms.Matern32Term(sigma=1.0, rho=2.0)
    process = GaussianProcess(term, mean=0.0)
    process.compute(x, diag=np.full(len(x), NOISE))
    return process


def has_celerite():
    try:
        import celerite2  # noqa: F401
    except ImportError:
        return False
    return True


def likelihoods(nu, n, repeats):
    """Log likelihood, and where the dense process can follow its value, to what accuracy."""
    x, y = series(n)
    calls = {"kernlab": lambda: kernlab_process(nu, x, y).log_marginal_likelihood_value_}
    if has_celerite():
        calls["celerite2"] = lambda: celerite_process(nu, x).log_likelihood(y)
    if n <= 2000:
        dense = GaussianProcessRegressor(kernel(nu), alpha=0.0, optimizer=None)
        calls["scikit-learn"] = lambda: dense.fit(x[:, None], y).log_marginal_likelihood_value_
    reference = calls["scikit-learn"]() if n <= 2000 else None
    seconds = interleave(calls, repeats=repeats)
    return [
        {
            "task": f"Matérn-{nu * 2:.0f}/2, likelihood, n = {n}",
            "method": name,
            "seconds": min(seconds[name]),
            "error": float(abs(call() / reference - 1.0)) if n <= 2000 else None,
            "what": "relative, against the dense process",
            "bound": PROMISED if name == "kernlab" and n <= 2000 else None,
        }
        for name, call in calls.items()
    ]


def gradients(n, repeats):
    x, y = series(n)
    ours = kernlab_process(1.5, x, y)
    theta = ours.kernel_.theta
    calls = {"kernlab": lambda: ours.log_marginal_likelihood(theta, eval_gradient=True)[1]}
    reference = None
    if n <= 2000:
        dense = GaussianProcessRegressor(kernel(1.5), alpha=0.0, optimizer=None).fit(x[:, None], y)
        calls["scikit-learn"] = lambda: dense.log_marginal_likelihood(theta, eval_gradient=True)[1]
        reference = calls["scikit-learn"]()
    seconds = interleave(calls, repeats=repeats)
    rows = []
    for name, call in calls.items():
        error = None
        if reference is not None:
            error = float(np.abs(call() - reference).max() / np.abs(reference).max())
        rows.append(
            {
                "task": f"Matérn-3/2, likelihood and gradient, n = {n}",
                "method": name,
                "seconds": min(seconds[name]),
                "error": error,
                "what": "relative, against the dense process",
                "bound": PROMISED if name == "kernlab" and n <= 2000 else None,
            }
        )
    return rows


def passes(n, repeats):
    """Likelihood, then mean and standard deviation of y at all times."""
    x, y = series(n)

    def smoothed(gp):
        return gp.predict(x[:, None], return_std=True)[0]

    def celerite():
        process = celerite_process(1.5, x)
        process.log_likelihood(y)
        return process.predict(y)

    calls = {"kernlab": lambda: smoothed(kernlab_process(1.5, x, y))}
    notes = {"kernlab": "with standard deviations"}
    if has_celerite():
        calls["celerite2"] = celerite
        notes["celerite2"] = "the mean alone"
    truth = np.sin(x)
    seconds = interleave(calls, repeats=repeats)
    return [
        {
            "task": f"Matérn-3/2, likelihood and smoothing, n = {n}",
            "method": name,
            "seconds": min(seconds[name]),
            "error": float(np.sqrt(np.mean((call() - truth) ** 2))),
            "what": "root mean square of mean - truth",
            "note": notes[name],
        }
        for name, call in calls.items()
    ]


def fits(n):
    x, y = series(n)
    MarkovGPRegressor().fit(x[:100, None], y[:100])
    start = time.perf_counter()
    gp = MarkovGPRegressor().fit(x[:, None], y)
    return [
        {
            "task": f"fit at defaults, n = {n}",
            "method": "kernlab",
            "seconds": time.perf_counter() - start,
            "error": float(abs(gp.kernel_.k2.noise_level / NOISE - 1.0)),
            "what": "of the noise variance, relative",
            "note": f"{gp.n_iter_} iterations",
        }
    ]


def rows(quick):
    """The table's rows; see the keys in gp.py.

    Parameters
    ----------
    quick : bool
        Only 300 points, against the dense process.
    """
    if quick:
        return [*likelihoods(0.5, 300, 1), *likelihoods(1.5, 300, 1), *gradients(300, 1)]
    large = (200_000, 1_000_000)
    found = [
        *likelihoods(0.5, 2000, 3),
        *likelihoods(1.5, 2000, 3),
        *gradients(2000, 2),
    ]
    for n in large:
        found += likelihoods(0.5, n, 2)
        found += passes(n, 2)
        found += gradients(n, 2)
    return found + fits(large[0])


if __name__ == "__main__":
    for row in rows(quick=False):
        print(row)
