"""One file per domain: what the canonical operators mean in it."""
