"""The narrow waist: canonical operators, and immutable graphs of them."""
