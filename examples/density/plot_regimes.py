"""
The three regimes of a kernel density estimate in many dimensions
==================================================================

For :math:`n = e^{\\alpha d}` points the error of an estimate changes its nature at two bandwidths.
Above :math:`h_{CLT}` it is normal; between :math:`h_G` and :math:`h_{CLT}` it is that of a stable law;
below :math:`h_G` a few points carry the estimate. The bandwidth that is best in the sense of the
Kullback-Leibler divergence lies in the last regime.

Here the theory stands beside a simulation with :math:`e^{30}` to :math:`e^{210}` points.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy import stats
from scipy.special import logsumexp

from kernlab.density import kde_thresholds
from kernlab.kernels import PROFILES

# %%
# So many points can be simulated
# -------------------------------
# The squared distance of a normal point from a query is noncentral chi-squared. Of :math:`n` such
# numbers the least ones are known: their cumulative probabilities are the arrivals of a Poisson
# process of rate :math:`n`. We draw the nearest 2000, and add the others by their mean.

rng = np.random.default_rng(0)
d = 300


def log_estimates(alpha, kernel, bandwidths):
    """Log density, for each feature, at one typical point of N(0, I), and the shares' Σp²."""
    profile, log_n, squared_norm = PROFILES[kernel], alpha * d, rng.chisquare(d)
    grid = d * np.linspace(0.1, 3.0, 900)
    with np.errstate(divide="ignore", under="ignore"):
        log_cdf = stats.ncx2.logcdf(grid, d, squared_norm)
    log_pdf = stats.ncx2.logpdf(grid, d, squared_norm)
    arrivals = np.log(np.cumsum(rng.exponential(size=2000))) - log_n
    known = np.isfinite(log_cdf)
    nearest = np.interp(arrivals, log_cdf[known], grid[known])
    others = grid[grid > nearest[-1]]
    log_others = log_n + log_pdf[grid > nearest[-1]] + np.log(grid[1] - grid[0])
    log_density, p2 = [], []
    for h in bandwidths:
        log_terms = profile.log_values(np, nearest / h**2)
        rest = logsumexp(log_others + profile.log_values(np, others / h**2))
        log_sum = np.logaddexp(logsumexp(log_terms), rest)
        log_density.append((log_sum - log_n - profile.log_normalizer(d)) / d - np.log(h))
        p2.append(np.exp(logsumexp(2 * log_terms) - 2 * log_sum))
    return log_density, p2


# %%
# The divergence
# --------------
# The divergence of the estimate from the density, for each feature, is the density's own mean log
# less the estimate's. Lines are the theory, dots the simulation in 300 dimensions, in units of
# :math:`h_G`. Dashed is what the density smoothed by the kernel would give: the mean over data sets,
# which no single data set comes near once the estimate has condensed.

figure, axes = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained", sharey=True)
own = -0.5 * np.log(2 * np.pi) - 0.5  # mean log density of N(0, I), for each feature
measured = {}
for ax, kernel in zip(axes, ("gaussian", "exponential"), strict=True):
    for color, alpha in (("C0", 0.1), ("C1", 0.3), ("C2", 0.7)):
        limits = kde_thresholds(alpha, kernel=kernel, n_features=d)
        relative = np.geomspace(0.45, 3.0, 22)
        results = [log_estimates(alpha, kernel, limits.h_g * relative) for _ in range(10)]
        simulated = own - np.mean([log_density for log_density, _ in results], axis=0)
        fine = np.geomspace(0.45, 3.0, 120)
        ax.plot(fine, own - limits.typical_log_density(limits.h_g * fine), color=color)
        smoothed = own - limits.smoothed_log_density(limits.h_g * fine[fine < 1])
        ax.plot(fine[fine < 1], smoothed, "--", color=color, linewidth=0.8)
        ax.plot(relative, simulated, "o", color=color, markersize=4, label=rf"$\alpha$ = {alpha}")
        best = limits.h_kl / limits.h_g
        ax.plot(best, own - limits.typical_log_density(limits.h_kl), "k|", markersize=14)
        measured[kernel, alpha] = simulated, own - limits.typical_log_density(limits.h_g * relative)
    ax.axvline(1.0, color="C3", linewidth=0.8)
    ax.axvline(limits.h_clt / limits.h_g, color="C0", linewidth=0.8)
    ax.annotate("$h_G$", (1.02, 0.52), color="C3")
    ax.annotate("$h_{CLT}$", (limits.h_clt / limits.h_g * 1.02, 0.52), color="C0")
    ax.set(title=f"{kernel} kernel", xlabel="bandwidth / $h_G$", xscale="log", ylim=(0, 0.56))
    ax.set_xticks([0.5, 1, 2, 3], ["0.5", "1", "2", "3"])
    ax.minorticks_off()
axes[0].set_ylabel("divergence / d")
axes[0].legend(loc="lower right")
plt.show()

# %%
# The shares
# ----------
# :math:`\sum_j p_j^2` of the shares of the points in the sum is one over the effective number of
# samples. In the condensed regime its mean is :math:`1-\mu`, with the index :math:`\mu = h^2/h_G^2`
# for the Gaussian and :math:`h/h_G` for the exponential kernel; above it tends to zero, the more
# slowly the nearer.

figure, ax = plt.subplots(layout="constrained")
for color, kernel in (("C0", "gaussian"), ("C1", "exponential")):
    limits = kde_thresholds(0.3, kernel=kernel, n_features=d)
    relative = np.linspace(0.2, 1.8, 12)
    shares = [log_estimates(0.3, kernel, limits.h_g * relative)[1] for _ in range(30)]
    ax.plot(relative, np.mean(shares, axis=0), "o", color=color, label=kernel)
    fine = np.linspace(0.05, 1.8, 100)
    expected = np.maximum(0, 1 - np.asarray(limits.stable_index(limits.h_g * fine)))
    ax.plot(fine, expected, color=color)
ax.set(xlabel="bandwidth / $h_G$", ylabel=r"mean $\sum p_j^2$", ylim=(0, 1))
ax.legend()
plt.show()

# %%
# In 300 dimensions the simulated divergence is within a few hundredths of the limit; most of that is
# the bias of the finite size, which moves the transitions a little up.

largest = max(np.max(np.abs(ours - theory)) for ours, theory in measured.values())
assert largest < 0.1
print(f"largest difference of the divergence for each feature: {largest:.3f}")
