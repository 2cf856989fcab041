"""Everything that fieldscope raises on purpose.

Each error derives from `FieldscopeError` and from the builtin that a caller
would expect, so that both `except FieldscopeError` and `except ValueError`
work. A message says what, where, the value got and the one wanted, and the
next step.
"""

from __future__ import annotations


class FieldscopeError(Exception):
    """Base of all errors that fieldscope raises on purpose."""


class ModelError(FieldscopeError, ValueError):
    """The model can't be found, built or called as asked."""


class InputError(FieldscopeError, ValueError):
    """The shapes, axes or example inputs don't fit the model."""


class TraceError(FieldscopeError, RuntimeError):
    """The model's forward can't be followed on shapes."""


class LayerNotFoundError(FieldscopeError, KeyError):
    """No layer of the report has the name asked for."""

    def __str__(self) -> str:
        # KeyError shows the repr of its argument; a message wants to be read.
        return str(self.args[0]) if self.args else ""


class PositionError(FieldscopeError, IndexError):
    """A position, channel or axis lies outside the layer's map."""


class BoundError(FieldscopeError, ValueError):
    """`strict` was asked for and some operators have no lowering."""


class DisagreementError(FieldscopeError, AssertionError):
    """Theory and measurement of a model disagree."""


class CheckError(FieldscopeError, AssertionError):
    """A design doesn't meet the conditions that were asked for."""


class GraphError(FieldscopeError, ValueError):
    """A graph or its text form is malformed."""


class EditError(FieldscopeError, ValueError):
    """An edit of an architecture can't be carried out.

    Attributes:
        refit: a layer and the number of channels or features that would enter it, where fitting
            its weights to them would help.
    """

    def __init__(self, message: str, *, refit: tuple[str, int] | None = None) -> None:
        super().__init__(message)
        self.refit = refit


class TrainingError(FieldscopeError, RuntimeError):
    """A training can't go on; what it reached so far is kept."""


class RegistrationError(FieldscopeError, ValueError):
    """Two lowerings claim the same operator."""


class MissingExtraError(FieldscopeError, ImportError):
    """A framework or library that the call needs isn't installed."""
