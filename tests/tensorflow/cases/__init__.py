"""Small functions for every operator with a lowering, by name; judged by perturbation."""

from tests.tensorflow.cases.case import Case
from tests.tensorflow.cases.control import CONTROL
from tests.tensorflow.cases.indexing import INDEXING
from tests.tensorflow.cases.movement import MOVEMENT
from tests.tensorflow.cases.pointwise import POINTWISE
from tests.tensorflow.cases.products import PRODUCTS
from tests.tensorflow.cases.reductions import REDUCTIONS
from tests.tensorflow.cases.windows import WINDOWS

CASES: dict[str, Case] = {
    **CONTROL,
    **INDEXING,
    **MOVEMENT,
    **POINTWISE,
    **PRODUCTS,
    **REDUCTIONS,
    **WINDOWS,
}

__all__ = ["CASES", "Case"]
