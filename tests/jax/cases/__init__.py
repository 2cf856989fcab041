"""Small functions for every primitive with a lowering, by name; judged by perturbation."""

from tests.jax.cases.case import Case
from tests.jax.cases.control import CONTROL
from tests.jax.cases.indexing import INDEXING
from tests.jax.cases.movement import MOVEMENT
from tests.jax.cases.pointwise import POINTWISE
from tests.jax.cases.products import PRODUCTS
from tests.jax.cases.reductions import REDUCTIONS
from tests.jax.cases.windows import WINDOWS

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
