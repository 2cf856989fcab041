"""Photographs in folders: found, checked, read; no network, no framework."""
