"""The table of lowerings of TensorFlow's operators, by their types.

A rule gets the node, of which it asks attributes, and the operands:
`rule(call, node, *operands)`.
"""

from __future__ import annotations

from fieldscope.frontends.lowering.registry import Lowerings

TABLE = Lowerings("tensorflow")
"""By an operation's type, such as "Conv2D"."""

lowers = TABLE.lowers
