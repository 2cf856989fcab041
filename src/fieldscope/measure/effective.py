"""The effective field: how much each input element really contributes to a position.

Luo, Li, Urtasun, Zemel, *Understanding the Effective Receptive Field in Deep Convolutional Neural
Networks*, NeurIPS 2016, arXiv 1701.04128: a Gaussian at random initialisation, far smaller than
the theoretical field. Ding, Zhang, Han, Ding, *Scaling Up Your Kernels to 31x31*, CVPR 2022,
arXiv 2203.06717: the share of the image's area that holds a share of the contribution.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import prod
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from fieldscope.errors import InputError
from fieldscope.geometry import spread
from fieldscope.geometry.maps import InputMap
from fieldscope.geometry.regions import BoolArray
from fieldscope.geometry.spread import Gaussian
from fieldscope.version import __version__

Contribution: TypeAlias = Literal["absolute", "squared"]
"""What of a gradient is averaged: its size, or its square."""
CONTRIBUTIONS: tuple[Contribution, ...] = get_args(Contribution)

SHARES = (0.2, 0.3, 0.5, 0.99)
"""The shares of the contribution whose areas the literature reports (Ding et al., 2022)."""

LEVEL = 1 - 0.9545
"""Of the largest contribution, what an element of the effective field has more than (Luo et al.,
2016): a Gaussian falls to about 2.5 standard deviations there."""

Box: TypeAlias = tuple[slice, ...]


@dataclass(frozen=True, repr=False, eq=False)
class EffectiveField(InputMap):
    """How much each element of an input contributes to one position of a layer.

    Attributes:
        model: name of the model.
        layer: name of the layer.
        position: index on each of the layer's spatial axes.
        channel: the layer's channel; None for all, with random signs of their own per image.
        input: name of the input.
        axes: names of the input's spatial axes.
        values: the contributions over the spatial axes, summed over the input's channels, the
            mean over the images; at least 0.
        contribution: "absolute" or "squared" gradients.
        images: number of images that were averaged; 0 for what is expected without running.
        source: what the images were, in a few words.
        theory: the theoretical field's box inside the input; None where it isn't known.
        remarks: what to mind when reading it, in words.
        centre: the position's own centre on the input, where it is known.
        interrupted: whether it was stopped before the last image.

    Example:
        >>> import fieldscope, torch
        >>> net = torch.nn.Sequential(*(torch.nn.Conv1d(1, 1, 3, bias=False) for _ in range(2)))
        >>> for conv in net:
        ...     _ = torch.nn.init.ones_(conv.weight)
        >>> erf = fieldscope.effective(net, inputs=(1, 1, 9))
        >>> erf.values.tolist(), erf.area(0.5)
        ([0.0, 0.0, 1.0, 2.0, 3.0, 2.0, 1.0, 0.0, 0.0], 0.3333333333333333)
    """

    model: str
    layer: str
    position: tuple[int, ...]
    channel: int | None
    input: str
    axes: tuple[str, ...]
    values: npt.NDArray[np.float64]
    contribution: Contribution
    images: int
    source: str
    theory: Box | None = None
    remarks: tuple[str, ...] = ()
    centre: tuple[float, ...] | None = None
    interrupted: bool = False

    @property
    def mask(self) -> BoolArray:
        """Where anything contributes."""
        return self.values > 0

    @property
    def intensity(self) -> npt.NDArray[np.float64]:
        """The contributions themselves."""
        return self.values

    @property
    def expected(self) -> bool:
        """Whether it is what is expected at random initialisation, and nothing was run."""
        return self.images == 0

    @property
    def middle(self) -> tuple[float, ...]:
        """What squares are drawn around: the position's centre, else that of its field or map."""
        if self.centre is not None:
            inside = zip(self.centre, self.values.shape, strict=True)
            return tuple(min(max(at, 0.0), extent - 1.0) for at, extent in inside)
        box = self.theory or self.hull
        return tuple((run.start + run.stop - 1) / 2 for run in box)

    def box_of(self, share: float) -> Box:
        """The smallest square around the centre that holds a share of the contribution.

        It ends at the input's borders; half open, so that `image[..., *box]` is what is inside.

        Args:
            share: more than 0, at most 1.

        Raises:
            InputError: it isn't.

        Example:
            >>> import numpy as np
            >>> line = np.array([0, 1, 2, 1, 0.0])
            >>> found = EffectiveField("a", "b", (2,), None, "x", ("t",), line, "squared", 1, "")
            >>> found.box_of(1)
            (slice(1, 4, None),)
        """
        if not 0 < share <= 1:
            raise InputError(f"share is {share!r}; it must be more than 0 and at most 1")
        return spread.centred_box(self.values, self.middle, share)

    def area(self, share: float) -> float:
        """The share of the input's area that holds a share of the contribution.

        That of the smallest square around the centre; small is a concentrated field, and `share`
        itself an even one (Ding et al., 2022, who take positive gradients only, and shares after
        a logarithm; here they are of the contributions themselves).

        Args:
            share: of the contribution, more than 0 and at most 1.

        Raises:
            InputError: it isn't.
        """
        return spread.area(self.box_of(share), self.values.shape)

    @property
    def areas(self) -> dict[float, float]:
        """The areas of 20, 30, 50 and 99 % of the contribution."""
        return {share: self.area(share) for share in SHARES}

    @property
    def radius(self) -> tuple[float, ...]:
        """Two standard deviations of the contributions, per axis, in elements.

        nan where nothing contributes.
        """
        found = spread.moments(self.values)
        return tuple(2 * one for one in found.deviation) if found else (np.nan,) * len(self.axes)

    @property
    def gaussian(self) -> Gaussian | None:
        """The Gaussian that fits best: `.centre`, `.deviation`, `.fit` (R²); None if none does."""
        return spread.gaussian(self.values)

    @property
    def effective_size(self) -> float:
        """The side of a square of as many elements as contribute more than 4.55 % of the most.

        In elements: the effective receptive field's size of Luo et al., 2016.
        """
        return float(spread.above(self.values, LEVEL) ** (1 / max(1, len(self.axes))))

    @property
    def theoretical_size(self) -> float | None:
        """The side of a square as large as the theoretical field inside the input."""
        if self.theory is None:
            return None
        area = prod(run.stop - run.start for run in self.theory)
        return float(area ** (1 / max(1, len(self.axes))))

    @property
    def share_of_field(self) -> float | None:
        """The effective size as a share of the theoretical one; None where that isn't known."""
        return self.effective_size / self.theoretical_size if self.theoretical_size else None

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain data, schema `fieldscope.effective/1`; lengths in elements."""
        fitted = self.gaussian
        return {
            "schema": "fieldscope.effective/1",
            "version": __version__,
            "model": self.model,
            "layer": self.layer,
            "position": list(self.position),
            "channel": self.channel,
            "input": {
                "name": self.input,
                "axes": list(self.axes),
                "extents": list(self.values.shape),
            },
            "contribution": self.contribution,
            "images": self.images,
            "source": self.source,
            "areas": {str(share): found for share, found in self.areas.items()},
            "radius": [None if np.isnan(one) else one for one in self.radius],
            "gaussian": fitted
            and {
                "centre": list(fitted.centre),
                "deviation": list(fitted.deviation),
                "fit": fitted.fit,
            },
            "effective_size": self.effective_size,
            "theory": self.theory and [[run.start, run.stop] for run in self.theory],
            "share_of_field": self.share_of_field,
            "remarks": list(self.remarks),
        }

    def to_json(self, indent: int | None = None) -> str:
        """The figures as JSON text."""
        return json.dumps(self.to_dict(), indent=indent, allow_nan=False)
