"""Experiments that put what the analysis predicts to the test."""
