"""Clustering of graphs and kernels: kernel k-means, proximities chosen without labels, blocks."""
