"""Designs that fit their input better: what to edit, the search for it, and doing it."""
