"""Kernel density estimation and Gaussian processes, accurate in log space, as in scikit-learn.

Public modules are imported on first use, so that ``import kernlab`` costs next to nothing.
"""

from importlib import import_module as _import_module

__version__ = "0.1.0.dev0"

_MODULES = (
    "cluster",
    "datasets",
    "density",
    "embedding",
    "exceptions",
    "gp",
    "graph",
    "kernels",
    "linalg",
    "pde",
    "privacy",
    "special",
)

__all__ = ["__version__", *_MODULES]


def __getattr__(name):
    if name in _MODULES:
        return _import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
