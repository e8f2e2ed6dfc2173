"""Data sets: small series and a graph that ship with the package, and generated ones."""

from kernlab.datasets._ad_hoc import make_ad_hoc
from kernlab.datasets._graphs import load_karate
from kernlab.datasets._manifolds import (
    make_clifford_torus,
    make_sphere,
    make_swiss_roll,
    make_tree,
    make_trefoil,
)
from kernlab.datasets._series import load_airline, load_co2

__all__ = [
    "load_airline",
    "load_co2",
    "load_karate",
    "make_ad_hoc",
    "make_clifford_torus",
    "make_sphere",
    "make_swiss_roll",
    "make_tree",
    "make_trefoil",
]
