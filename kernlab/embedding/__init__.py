"""Embeddings that keep geodesic distances."""
