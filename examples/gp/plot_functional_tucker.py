"""
A tensor with continuous indices
================================

A sensor's reading depends on temperature, time and concentration, and 500 runs were made, one for each four hundred
of the 60 × 60 × 60 settings of the instrument. A discrete Tucker decomposition has eight runs for each entry of an
axis, and no idea which entries are neighbours. With Gaussian processes for factors it knows, and says how sure it is.
"""

import matplotlib.pyplot as plt
import numpy as np

from kernlab.gp import FunctionalTuckerRegressor

# %%
# The data
# --------
# A sum of products, of multilinear rank two in each of the three modes, and 10 % noise.

AXES = {
    "temperature (°C)": np.linspace(20, 80, 60),
    "time (min)": np.linspace(0, 30, 60),
    "concentration (M)": np.linspace(0.1, 2, 60),
}


def exact(temperature, minutes, concentration):
    rise = 1 - np.exp(-minutes / 6)
    decay = np.exp(-minutes / 25) * np.sin(minutes / 5)
    peak = np.exp(-(((temperature - 55) / 12) ** 2))
    trend = (temperature - 20) / 60
    saturation = concentration / (0.4 + concentration)
    wave = np.cos(4 * concentration)
    return 10 * (peak * rise * saturation + 0.8 * trend * decay * wave)


rng = np.random.default_rng(0)
X = np.column_stack([rng.choice(axis, 500) for axis in AXES.values()])
truth = exact(*X.T)
noise = 0.1 * truth.std()
y = truth + noise * rng.normal(size=500)

# %%
# The fit
# -------
# Nothing is given: ranks, length scales and noise are learned.

model = FunctionalTuckerRegressor(random_state=0).fit(X, y)
grids = np.meshgrid(*AXES.values(), indexing="ij")
everything = np.column_stack([grid.ravel() for grid in grids])
values = exact(*everything.T)
mean, std = model.predict(everything, return_std=True)
error = np.sqrt(np.mean((mean - values) ** 2)) / values.std()
spread = np.sqrt(std**2 - model.noise_)
covered = np.mean(np.abs(mean - values) < 1.96 * spread)
print(f"ranks {model.rank_}, noise {np.sqrt(model.noise_):.3f} (true {noise:.3f})")
print(f"error at all 216 000 settings: {error:.3f} standard deviations")
print(f"within two standard deviations of the mean: {covered:.0%}")
assert error < 0.1

# %%
# Factor functions
# ----------------
# They are determined up to a linear map within each mode. Turned to the true ones by least squares, they can be compared.
# The bands are two standard deviations, turned alike as if the functions of a mode were independent.


def basis(mode, t):
    if mode == 0:
        return np.column_stack([np.exp(-(((t - 55) / 12) ** 2)), (t - 20) / 60])
    if mode == 1:
        return np.column_stack([1 - np.exp(-t / 6), np.exp(-t / 25) * np.sin(t / 5)])
    return np.column_stack([t / (0.4 + t), np.cos(4 * t)])


fig, panels = plt.subplots(2, 3, figsize=(10, 6), layout="constrained")
for mode, (name, axis) in enumerate(AXES.items()):
    found, deviation = model.factor(mode, axis, return_std=True)
    turn = np.linalg.lstsq(found, basis(mode, axis), rcond=None)[0]
    centre, width = found @ turn, 2 * np.sqrt(deviation**2 @ turn**2)
    panel = panels[0, mode]
    for j in range(2):
        panel.fill_between(axis, (centre - width)[:, j], (centre + width)[:, j], alpha=0.3)
        panel.plot(axis, centre[:, j], color=f"C{j}")
        panel.plot(axis, basis(mode, axis)[:, j], "k:", lw=1.2)
    panel.set(xlabel=name, title=f"Functions of mode {mode}")
panels[0, 0].set_ylabel("dotted: true")

middle = 30
here = np.isclose(everything[:, 2], AXES["concentration (M)"][middle])
slices = {
    "True reading": values[here],
    "Predicted": mean[here],
    "Its standard deviation": spread[here],
}
limits = values[here].min(), values[here].max()
for panel, (title, part) in zip(panels[1], slices.items(), strict=True):
    same = dict(zip(("vmin", "vmax"), limits, strict=True)) if "standard" not in title else {}
    image = panel.pcolormesh(
        AXES["time (min)"], AXES["temperature (°C)"], part.reshape(60, 60), **same, rasterized=True
    )
    panel.set(title=title, xlabel="time (min)")
    fig.colorbar(image, ax=panel)
near = np.abs(X[:, 2] - AXES["concentration (M)"][middle]) < 0.1
panels[1, 1].plot(X[near, 1], X[near, 0], "k.", ms=4, label="runs within 0.1 M")
panels[1, 1].legend(loc="lower right", fontsize="small")
panels[1, 0].set_ylabel(f"temperature (°C), at {AXES['concentration (M)'][middle]:.2f} M")
plt.show()
