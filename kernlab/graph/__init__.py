"""Graphs of neighbours: pruning of shortcuts."""

from kernlab.graph._prune import prune_shortcuts

__all__ = ["prune_shortcuts"]
