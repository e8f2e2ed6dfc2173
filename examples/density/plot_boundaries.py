"""
Densities with walls and circles
================================

Waiting times are positive, directions go round, shares lie between nought and one. A kernel that
knows nothing of this puts mass where there can be no data, and takes it from where the data are
densest. We estimate one feature of each sort, then two together.
"""

import matplotlib.pyplot as plt
import numpy as np

from kernlab.density import KernelDensity, KernelDensityDisplay

rng = np.random.default_rng(0)

# %%
# A positive feature
# ------------------
# Of exponential waiting times the density is largest at zero, where an unbounded estimate loses half
# of it. Reflection brings the mass back but makes the slope zero at the bound; a local line keeps the
# slope. Cut-off kernels keep their mass too, but put it in the wrong place: of a density that peaks at
# its bound they give 69 % there, however narrow.

waits = rng.exponential(size=(2000, 1))
grid = np.linspace(-1, 3, 801).reshape(-1, 1)
exact = np.where(grid[:, 0] < 0, 0, np.exp(-grid[:, 0]))
estimates = {
    "no bounds": KernelDensity(bandwidth=0.25),
    "reflect": KernelDensity(bandwidth=0.25, bounds=[0, None]),
    "renormalize": KernelDensity(bandwidth=0.25, bounds=[0, None], boundary="renormalize"),
    "linear": KernelDensity(bandwidth=0.25, bounds=[0, None], boundary="linear"),
}

figure, ax = plt.subplots(layout="constrained")
ax.plot(grid, exact, color="0.6", linewidth=4, label="density")
at_zero = {}
for name, kde in estimates.items():
    density = np.exp(kde.fit(waits).score_samples(grid))
    at_zero[name] = np.exp(kde.score_samples([[0.0]])[0])
    ax.plot(grid, density, label=f"{name}: {at_zero[name]:.2f} at zero", linewidth=1.2)
ax.set(xlabel="waiting time", ylabel="density", ylim=(0, None))
ax.legend()
plt.show()

# %%
# An angular feature
# ------------------
# Winds from the north lie at both ends of the scale of degrees. With ``period=360`` they are
# neighbours, and the estimate at 0 is that at 360.

winds = np.concatenate([rng.normal(5, 25, 400), rng.normal(210, 40, 300)]).reshape(-1, 1) % 360
angle = np.linspace(0, 360, 721).reshape(-1, 1)
figure, ax = plt.subplots(subplot_kw={"projection": "polar"}, layout="constrained")
ax.set(theta_zero_location="N", theta_direction=-1)
for name, period in (("no period", None), ("period 360", 360.0)):
    kde = KernelDensity(bandwidth=12.0, period=period).fit(winds)
    # The distance from the centre is the square root, so that areas show probability.
    ax.plot(np.radians(angle), np.sqrt(np.exp(kde.score_samples(angle))), label=name)
ax.set_yticklabels([])
ax.legend(loc="lower left", bbox_to_anchor=(-0.25, -0.05))
plt.show()

# %%
# A mixed table
# -------------
# Wind direction and speed: one goes round, the other is positive. Samples keep to both, and so does
# a conditional density.

direction = np.concatenate([rng.normal(0, 30, 500), rng.normal(200, 35, 300)]) % 360
speed = np.concatenate([rng.gamma(1.5, 2.0, 500), rng.gamma(6, 1.2, 300)])
table = np.column_stack([direction, speed])
kde = KernelDensity(bandwidth=[14.0, 0.7], period=[360, None], bounds=[[None, None], [0, None]])
kde.fit(table)

figure, ax = plt.subplots(layout="constrained")
KernelDensityDisplay.from_estimator(kde, table, ax=ax)
ax.set(xlabel="wind direction (degrees)", ylabel="wind speed (m/s)")
plt.show()

# %%
# The local line is nearest to the true density at zero, which is one.

north = kde.condition(0, 360.0)
assert abs(at_zero["linear"] - 1) < abs(at_zero["reflect"] - 1) < abs(at_zero["no bounds"] - 1)
print(", ".join(f"{name} {value:.3f}" for name, value in at_zero.items()), end="; ")
print(f"median speed of north winds {float(north.ppf(0.5)):.2f} m/s")
