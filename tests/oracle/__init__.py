"""What a network's outputs read, measured: the judge of fieldscope's answers.

It shares no code with fieldscope. A network is run once for real, then once
more with each operator replaced by a positive stand-in: weights become ones,
activations the identity, pooling a sum over the same window, products sums.
Nothing can cancel or die there, so the nonzero support of a gradient through
the copy is the set of elements that an output can read.
"""

from tests.oracle.measure import Measured, boxes, measure, support
from tests.oracle.reading import OracleError

__all__ = ["Measured", "OracleError", "boxes", "measure", "support"]
