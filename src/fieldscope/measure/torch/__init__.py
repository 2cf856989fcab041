"""Measure PyTorch models by running them."""
