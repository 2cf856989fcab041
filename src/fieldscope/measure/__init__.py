"""The empirical twin: what a network reads, found by running it, with no theory of fields."""
