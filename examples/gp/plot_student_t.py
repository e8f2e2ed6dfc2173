"""
A scale that nobody knew
========================

A kernel was fixed on one instrument and is used on another, whose readings are five times larger. The
Gaussian process keeps its error bars; the Student-t process, which integrates over the scale, stretches
them. Where the amplitude may be fitted there is no difference to see.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy import stats
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

from kernlab.gp import StudentTProcessRegressor

rng = np.random.default_rng(1)
X = np.sort(rng.uniform(0, 10, 60))[:, None]
new = np.sort(rng.uniform(0, 10, 400))[:, None]


def readings(X):
    return 5 * (np.sin(X[:, 0]) + 0.3 * rng.standard_normal(len(X)))


y, y_new = readings(X), readings(new)
kernel = ConstantKernel(0.5, (0.01, 1e3)) * RBF(1.5, (0.1, 10)) + WhiteKernel(0.09, (1e-3, 100))

# %%
# Density of new readings, and how many fall into central intervals of 95 %.

results = {}
for case, optimizer in (("fixed", None), ("fitted", "fmin_l_bfgs_b")):
    options = {"optimizer": optimizer, "random_state": 0}
    gp = GaussianProcessRegressor(kernel, alpha=0.0, n_restarts_optimizer=3, **options).fit(X, y)
    tp = StudentTProcessRegressor(kernel=kernel, n_restarts=3, **options).fit(X, y)
    laws = {"Gaussian process": stats.norm(*gp.predict(new, return_std=True))}
    mean, std, df = tp.predict(new, return_std=True, return_df=True)
    laws["Student-t process"] = stats.t(df, mean, std * np.sqrt((df - 2) / df))
    for name, law in laws.items():
        loss = -np.mean(law.logpdf(y_new))
        low, high = law.interval(0.95)
        inside = np.mean((low < y_new) & (y_new < high))
        results[case, name] = loss, low, high, law.mean()
        print(f"{case:6s} {name:17s}: negative log density {loss:6.2f}, {inside:.0%} within 95 %")
    print(f"{case:6s} factor on the covariance: {tp.scale_:.1f}")

# %%
# Fixed hyperparameters above, fitted ones below.

figure, axes = plt.subplots(2, 2, figsize=(10, 6), sharex=True, sharey=True, layout="constrained")
for ax, ((case, name), (loss, low, high, mean)) in zip(axes.flat, results.items(), strict=True):
    ax.fill_between(new[:, 0], low, high, alpha=0.3, label="95 % of readings")
    ax.plot(new[:, 0], mean)
    ax.plot(new[:, 0], y_new, ".", color="0.6", ms=3, label="new readings")
    ax.plot(X[:, 0], y, "k.", label="readings")
    ax.set_title(f"{name}, {case}: loss {loss:.2f}")
axes[0, 0].legend(loc="lower left", fontsize="small")
assert results["fixed", "Student-t process"][0] < results["fixed", "Gaussian process"][0] - 1
plt.show()
