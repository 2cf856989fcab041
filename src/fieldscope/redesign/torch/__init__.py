"""Redesigns of PyTorch modules: edits carried out on a copy, run, and written as code."""
