"""
A private picture of where the records are
==========================================

Positions of people in a square, seen through a Gaussian kernel: how many are near each point? The
same field, released three ways with the same privacy, which differ in accuracy more than tenfold.
"""

import matplotlib.pyplot as plt
import numpy as np

from kernlab.density import KernelDensity
from kernlab.privacy import PrivateKernelSum

# %%
# The records and the exact field
# -------------------------------
# Two towns, a road between them, and a few people elsewhere. The bandwidth and the square are public.

rng = np.random.default_rng(0)
road = rng.uniform(size=(3000, 1)) * [0.45, 0.3] + [0.28, 0.3]
X = np.concatenate(
    [
        rng.normal([0.28, 0.3], 0.05, size=(9000, 2)),
        rng.normal([0.73, 0.6], 0.09, size=(7000, 2)),
        rng.normal(road, 0.01),
        rng.uniform(size=(1000, 2)),
    ]
)
n, h = len(X), 0.05
side = np.linspace(0, 1, 100)
pixels = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
log_density = KernelDensity(bandwidth=h, rtol=1e-6).fit(X).score_samples(pixels)
exact = n * 2 * np.pi * h**2 * np.exp(log_density)

# %%
# Three releases
# --------------
# Random frequencies with Laplace noise (ε = 1, δ = 0) and with Gaussian noise (ε = 1, δ = 1e-6), and
# moments on a grid with Laplace noise, which are for one to three features. All three are private
# releases with fresh noise.

releases = {
    "frequencies": {"noise": "builtin"},
    "frequencies, δ = 1e-6": {"noise": "opendp", "delta": 1e-6, "n_features": 4096},
    "moments on a grid": {"noise": "builtin", "features": "fast-gauss", "bounds": (0, 1)},
}
fields, plans = {}, {}
for name, options in releases.items():
    sums = PrivateKernelSum("gaussian", bandwidth=h, epsilon=1, projection_seed=0, **options).fit(X)
    fields[name], plans[name] = sums.query(pixels), sums.plan(n, 2)

# %%
# The upper row shows the fields, the lower what was added to the exact one, on a scale ten times
# finer. Between the towns and in the corners the frequencies leave waves: they are spread over the
# plane as evenly as can be, and each carries its own error everywhere. Moments live in cells, so
# that a query only hears the noise of the cells around it.

figure, axes = plt.subplots(2, 4, figsize=(12, 6), layout="constrained", sharex=True, sharey=True)
top = exact.max()
for column, (name, field) in enumerate({"exact": exact, **fields}.items()):
    shown = axes[0, column].pcolormesh(
        side, side, field.reshape(100, 100), vmin=0, vmax=top, cmap="magma", rasterized=True
    )
    axes[0, column].set(title=name, aspect="equal")
    if column == 0:
        axes[1, column].remove()
        continue
    error = (field - exact).reshape(100, 100)
    finer = axes[1, column].pcolormesh(
        side, side, error, vmin=-top / 10, vmax=top / 10, cmap="RdBu_r", rasterized=True
    )
    axes[1, column].set(aspect="equal")
figure.colorbar(shown, ax=axes[0], label="sum of kernels")
figure.colorbar(finer, ax=axes[1, 1:], label="private - exact")
plt.show()

# %%
# In figures
# ----------
# Root mean squares over the square. What ``plan`` calls the approximation is for frequencies what
# they lose on typical records; for moments it bounds their truncation, ten-thousandths of n.

print(f"mean of the exact field {exact.mean():.0f}, highest {exact.max():.0f}")
rms = {}
for name, field in fields.items():
    rms[name] = np.sqrt(np.mean((field - exact) ** 2))
    print(
        f"{name:22s} error {rms[name]:4.0f}; planned noise {plans[name].noise_rms:3.0f}, "
        f"approximation {plans[name].approximation_rms:3.0f}; {plans[name].n_statistics} integers"
    )
# The noise of a pixel is planned within a few percent on average over the square.
assert rms["moments on a grid"] < 1.5 * plans["moments on a grid"].rms
assert rms["frequencies"] > 3 * rms["moments on a grid"]
