"""Sphinx configuration."""

import os

os.environ.setdefault("MPLBACKEND", "Agg")

import kernlab

project = "kernlab"
author = "The kernlab developers"
copyright = "2026, the kernlab developers"
release = version = kernlab.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.doctest",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "README.md"]
html_theme = "pydata_sphinx_theme"
html_title = f"kernlab {release}"
html_show_sourcelink = False
autosummary_generate = True
numpydoc_show_class_members = True
numpydoc_class_members_toctree = False
# Methods that stand in other files than the class, by what they are for.
numpydoc_show_inherited_class_members = {
    "kernlab.density.KernelDensity": True,
    "kernlab.privacy.PrivateDistanceSum": True,
    "kernlab.privacy.PrivateKernelSum": True,
    "kernlab.privacy.PrivateKernelDensity": True,
    "kernlab.privacy.PrivateSimilarityClassifier": True,
}
nitpicky = False

FAMILIES = ("density", "privacy", "pde", "gp", "embedding", "cluster")
sphinx_gallery_conf = {
    "examples_dirs": [f"../examples/{family}" for family in FAMILIES],
    "gallery_dirs": [f"gallery/{family}" for family in FAMILIES],
    "parallel": True,
    "filename_pattern": r"/plot_",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "plot_gallery": True,
    "show_memory": False,
    "min_reported_time": 1e9,
    "write_computation_times": False,
    "show_signature": False,
}
