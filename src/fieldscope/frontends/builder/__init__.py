"""Networks described by hand: no framework, no weights, no code but the description."""

from fieldscope.frontends.builder.builder import Builder
from fieldscope.frontends.builder.values import Value

__all__ = ["Builder", "Value"]
