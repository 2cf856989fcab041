"""Several effective fields side by side: of one network's layers, or of several networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fieldscope.errors import InputError
from fieldscope.measure.effective import EffectiveField
from fieldscope.media import Result
from fieldscope.version import __version__

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, repr=False, eq=False)
class EffectiveComparison(Result):
    """Effective fields side by side.

    Attributes:
        names: what each is called.
        fields: the fields, in the order given.

    Example:
        >>> import fieldscope, torch
        >>> net = torch.nn.Sequential(*(torch.nn.Conv1d(1, 1, 3) for _ in range(2)))
        >>> found = fieldscope.effective(net, inputs=(1, 1, 16), layer=["0", "1"])
        >>> found.names, [one.theoretical_size for one in found.fields]
        (('0', '1'), [3.0, 5.0])
    """

    names: tuple[str, ...]
    fields: tuple[EffectiveField, ...]

    def __getitem__(self, name: str) -> EffectiveField:
        """The field of that name.

        Raises:
            KeyError: there is none.
        """
        return dict(zip(self.names, self.fields, strict=True))[name]

    @property
    def is_curve(self) -> bool:
        """Whether these are layers of one network, in order, and no different networks."""
        layers = [one.layer for one in self.fields]
        return len({one.model for one in self.fields}) == 1 and len(set(layers)) == len(layers) > 1

    def to_image(self, image: Any = None, **options: Any) -> Figure:
        """Draw the fields side by side, over an image of the input if one is given.

        Raises:
            MissingExtraError: matplotlib isn't installed.
            InputError: the fields lie over different inputs, or the image over another one.
        """
        return super().to_image(image=image, **options)

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain data, schema `fieldscope.effective-comparison/1`."""
        return {
            "schema": "fieldscope.effective-comparison/1",
            "version": __version__,
            "fields": [
                {"name": name, **one.to_dict()}
                for name, one in zip(self.names, self.fields, strict=True)
            ],
        }


def side_by_side(
    fields: Sequence[EffectiveField] | Mapping[str, EffectiveField],
) -> EffectiveComparison:
    """Put effective fields side by side; see `fieldscope.compare_effective`.

    Raises:
        InputError: there are none, or something else is among them.
    """
    given = list(fields.values()) if isinstance(fields, Mapping) else list(fields)
    for one in given:
        if not isinstance(one, EffectiveField):
            raise InputError(
                f"compare_effective takes effective fields, got {type(one).__name__}\n"
                "make them with fieldscope.effective or fieldscope.expected_effective"
            )
    if not given:
        raise InputError("there are no effective fields to compare")
    names = list(fields) if isinstance(fields, Mapping) else _names(given)
    return EffectiveComparison(tuple(map(str, names)), tuple(given))


def _names(fields: Sequence[EffectiveField]) -> list[str]:
    """What tells the fields apart: models, layers, channels, places, whether they are expected."""
    # A scheme or file that all models share tells nothing.
    shared = len({one.model.rpartition(":")[0] for one in fields}) == 1
    models, layers, kinds, channels, places = (
        [part(one) for one in fields]
        for part in (
            lambda one: one.model.rpartition(":")[2] if shared else one.model,
            lambda one: one.layer,
            lambda one: "expected" if one.expected else "",
            lambda one: "" if one.channel is None else f"channel {one.channel}",
            lambda one: f"at {', '.join(map(str, one.position))}" if one.position else "",
        )
    )
    # What is the same for all is left out; places follow from layers where these differ.
    telling = [one for one in (models, layers, kinds, channels) if len(set(one)) > 1]
    if len(set(zip(*telling, strict=True))) < len(fields) and len(set(places)) > 1:
        telling.append(places)
    names = [
        " ".join(filter(None, one)) or "measured" for one in zip(*telling or [models], strict=True)
    ]
    seen: dict[str, int] = {}
    found = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        found.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return found
