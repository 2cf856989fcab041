"""What a gradient doesn't show, in words."""

from __future__ import annotations

import numpy as np

from fieldscope.measure.torch.passes import Pass
from fieldscope.measure.torch.samples import Samples
from fieldscope.wording import counted, listed


def of_structure(found: Pass, samples: Samples) -> tuple[str, ...]:
    """Remarks on a neutralised gradient."""
    told = _unread(found, samples)
    if found.unfinished:
        told.append(_unfinished(found))
    if found.unknown:
        told.append(
            f"not neutralised: {listed(found.unknown, most=4)}; what stands behind may read more"
        )
    return (*told, *_border(found, samples))


def of_gradient(found: Pass, structure: Pass | None, samples: Samples) -> tuple[str, ...]:
    """Remarks on a gradient of the model as it is, beside its structure if that is known."""
    told = _unread(found, samples)
    if found.unfinished:
        told.append(_unfinished(found))
    if found.reads and not found.values.any():
        told.append(
            "the gradient is 0 everywhere: activations are dead, sums cancel, or slopes below 1 "
            "multiply to 0; "
            "mode='structure' shows what can be read"
        )
    elif structure is not None:
        told += _beside(found, structure)
    return (*told, *_border(found, samples))


def _unread(found: Pass, samples: Samples) -> list[str]:
    return [] if found.reads else [f"the layer doesn't read input {samples.input!r}"]


def _unfinished(found: Pass) -> str:
    return (
        f"the gradient is infinite or not a number at {counted(found.unfinished, 'element')}, "
        "which count as 0"
    )


def _beside(found: Pass, structure: Pass) -> list[str]:
    """What one of the two sees and the other doesn't."""
    real, whole = found.values > 0, structure.values > 0
    told = []
    missing = int(np.count_nonzero(whole & ~real))
    if missing:
        told.append(
            f"the gradient is 0 at {missing:,} of {counted(int(whole.sum()), 'element')} that "
            "can be read: maxima that lie elsewhere, dead activations, sums that cancel; "
            "mode='structure' shows them all"
        )
    more = int(np.count_nonzero(real & ~whole))
    if more and structure.reads:
        told.append(
            f"the gradient reaches {counted(more, 'element')} outside of the position's own field: "
            "through what all positions share, such as squeeze-and-excitation or the statistics "
            "of norms"
        )
    return told


def _border(found: Pass, samples: Samples) -> list[str]:
    """Whether the heat comes to the end of the input."""
    reached = []
    for axis, name in enumerate(samples.axes):
        line = np.moveaxis(found.values, axis, 0)
        if line.shape[0] and (line[0].any() or line[-1].any()):
            reached.append(name)
    if not reached:
        return []
    where = f"the heat reaches the border of the input on {listed(reached)}"
    return [f"{where}: the field may be cut off there"]
