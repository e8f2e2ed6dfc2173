"""The parts of the tour, a file for each family of the package."""
