"""Programs: models that are there as lists of calls, such as an ONNX graph or a jaxpr.

A front end walks the list in order. What a name of the program stands for is a `Tensor`: a
value of the graph, or a constant, whose elements may be known. A call whose operands are all
constants is the front end's to compute; every other is handed to `Program.lower`, which applies
its rule and remembers where the nodes came from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fieldscope.errors import TraceError
from fieldscope.frontends.extents import check_declared, check_grown
from fieldscope.frontends.inputs import Axes, Default, Spec, spatial_axes
from fieldscope.frontends.layouts import by_windows
from fieldscope.frontends.lowering import call as shared
from fieldscope.frontends.lowering.registry import Rule
from fieldscope.frontends.naming import Names, Operation, Scope
from fieldscope.graph.graph import GraphBuilder, Shape
from fieldscope.graph.trace import Trace, TracedInput

Elements = npt.NDArray[Any]


class Tensor:
    """What a name of a program stands for.

    Attributes:
        shape: its shape.
        dtype: name of its type, such as "float32"; "" where nobody asks.
        value: the value of the graph; None for a constant.

    Example:
        >>> two = Tensor.of([1, 2])
        >>> two.shape, two.dtype, two.value, two.elements()
        ((2,), 'int64', None, array([1, 2]))
        >>> Tensor((64, 3, 7, 7), "float32").elements() is None
        True
    """

    __slots__ = ("_elements", "dtype", "shape", "value")

    def __init__(
        self,
        shape: Iterable[int],
        dtype: str = "",
        value: int | None = None,
        elements: Elements | Callable[[], Elements | None] | None = None,
    ) -> None:
        self.shape: Shape = tuple(map(int, shape))  # frameworks hand over NumPy's integers, too
        self.dtype = dtype
        self.value = value
        self._elements = elements

    @classmethod
    def of(cls, values: npt.ArrayLike) -> Tensor:
        """A constant whose elements are known."""
        array = np.asarray(values)
        return cls(array.shape, array.dtype.name, elements=array)

    @property
    def ndim(self) -> int:
        """Number of its axes."""
        return len(self.shape)

    @property
    def depends(self) -> bool:
        """Whether it depends on the input."""
        return self.value is not None

    def elements(self) -> Elements | None:
        """The elements of a constant, read when they are first asked for; None if unknown."""
        if callable(self._elements):
            self._elements = self._elements()
        return self._elements

    def __repr__(self) -> str:
        kind = "constant" if self.value is None else f"value {self.value}"
        return f"Tensor({self.shape}, {self.dtype!r}, {kind})"


class Call(shared.Call):
    """One call of a program: its results as tensors, and the graph to add nodes to."""

    __slots__ = ()

    def depends(self, argument: object) -> bool:
        """Whether an argument is a tensor that depends on the input."""
        return isinstance(argument, Tensor) and argument.value is not None

    def value(self, tensor: Tensor) -> int:
        """The value of a tensor; one that reads nothing for a constant."""
        return self.builder.constant(tensor.shape) if tensor.value is None else tensor.value

    def concrete(self, tensor: Tensor) -> Elements | None:
        """The elements of a constant tensor, or None if they aren't known."""
        return None if tensor.value is not None else tensor.elements()


class Program:
    """Collects what the calls of a program become, and names it.

    Attributes:
        framework: the framework's name, in front of its operators' names: "onnx".
        builder: the graph.
        scopes: the modules that the calls are made in.
    """

    def __init__(self, framework: str) -> None:
        self.framework = framework
        self.builder = GraphBuilder()
        self.scopes = Scopes()
        self._call = Call(self.builder)
        self._operations: list[Operation] = []
        self._inputs: list[tuple[str, Spec]] = []
        self._longest = 0

    def input(self, name: str, spec: Spec) -> Tensor:
        """Add the next input.

        Raises:
            InputError: nobody asked for an axis that long.
        """
        check_declared(name, spec.shape)
        self._inputs.append((name, spec))
        self._longest = max(self._longest, *spec.shape, 0)
        return Tensor(spec.shape, spec.dtype or "", self.builder.input(spec.shape))

    def lower(
        self,
        source: str,
        rule: Rule | None,
        results: Sequence[Tensor],
        *args: Any,
        scope: Scope | None = None,
        name: str = "",
        aliases: tuple[str, ...] = (),
        location: str | None = None,
        **kwargs: Any,
    ) -> tuple[Tensor, ...]:
        """Apply a rule to a call.

        Args:
            source: the operator's name, without the framework's.
            rule: what lowers it; None makes its results bounds.
            results: what it returns, of which shape and type are taken.
            args: arguments for the rule; operands are the tensors among them, also in lists.
            scope: the module that makes the call.
            name: the call's own name in the program, without that of the module.
            aliases: further names that users know it by.
            location: where in the user's code it is made.
            kwargs: further arguments for the rule.

        Returns:
            The results: values, and constants of unknown elements where nothing is read.

        Raises:
            InputError: a result is out of all proportion to what is read.
        """
        call, builder = self._call, self.builder
        call.results = tuple(results)
        builder.origin = len(self._operations)
        first = len(builder)
        operands = tensors_in([args, kwargs])
        shapes = [one.shape for one in operands]
        for result in results:
            check_grown(f"{self.framework}.{source}", result.shape, shapes, self._longest)
        if rule is None:
            found: Any = call.opaque(operands, "it has no lowering")
        else:
            found = rule(call, *args, **kwargs)
        values = found if isinstance(found, tuple) else (found,)
        for value, result in zip(values, results, strict=True):
            if value is not None and builder.shape(value) != result.shape:
                raise AssertionError(
                    f"the lowering of {self.framework}.{source} made {builder.shape(value)} "
                    f"for a result of shape {result.shape}"
                )
        operation = Operation(
            f"{self.framework}.{source}",
            range(first, len(builder)),
            tuple(value for value in values if value is not None),
            location,
            tuple(one.value for one in operands if one.value is not None),
            name,
            aliases,
        )
        (scope or self.scopes.root).operations.append(len(self._operations))
        self._operations.append(operation)
        return tuple(
            Tensor(result.shape, result.dtype, value)
            for value, result in zip(values, results, strict=True)
        )

    def trace(
        self, model: str, outputs: Sequence[tuple[str, Tensor]], *, axes: Axes, otherwise: Default
    ) -> Trace:
        """The program as a graph with names.

        Args:
            model: name of the model.
            outputs: its outputs by name; constants among them are left out.
            axes: what the user says of the inputs' spatial axes.
            otherwise: the spatial axes of inputs that no window slides over.

        Raises:
            InputError: no input has spatial axes, or `axes` doesn't fit.
            TraceError: no output depends on an input.
        """
        values = [(name, one.value) for name, one in outputs if one.value is not None]
        if not values:
            raise TraceError(
                "the model's output doesn't depend on its input: "
                "everything it returns is computed from constants"
            )
        graph = self.builder.build()
        names = [name for name, _ in self._inputs]
        spatial = spatial_axes(dict(self._inputs), axes, by_windows(graph, names, otherwise))
        self.scopes.close(self._operations, [value for _, value in values])
        named = Names(self.builder, self._operations, self.scopes.root)
        return Trace(
            model=model,
            framework=self.framework,
            graph=graph,
            inputs=tuple(
                TracedInput(name, spec.shape, *spatial[name]) for name, spec in self._inputs
            ),
            layers=tuple(layer for _, layer in named.layers),
            containers=tuple(container for _, container in named.containers if container.name),
            aliases=tuple(named.aliases),
            outputs=tuple(values),
            origins=tuple(named.origins()),
        )


class Scopes:
    """The modules of a program, by the paths that its calls carry.

    Attributes:
        root: what is called in no module.

    Example:
        >>> scopes = Scopes()
        >>> block = scopes.at([("layer1", "Stage"), ("0", "Block")])
        >>> block.path, block.kind, block.parent.path
        ('layer1.0', 'Block', 'layer1')
        >>> scopes.at([("layer1", "Stage"), ("0", "Block")]) is block
        True
    """

    def __init__(self) -> None:
        self.root = Scope("", "", None, 0)
        self._known: dict[str, Scope] = {"": self.root}

    def at(self, steps: Iterable[tuple[str, str]], *, whole: bool = False) -> Scope:
        """The scope of a path, each step with the type of its module.

        Args:
            steps: names and types from the root on; a type that isn't known is "module".
            whole: whether it is one layer whatever operators it runs, unless others are in it.
        """
        scope = self.root
        for name, kind in steps:
            path = f"{scope.path}.{name}" if scope.path else name
            inner = self._known.get(path)
            if inner is None:
                inner = self._known[path] = Scope(path, kind or "module", scope, scope.depth + 1)
                scope.children.append(inner)
            scope = inner
        scope.whole = scope.whole or whole
        return scope

    def close(self, operations: Sequence[Operation], outputs: Iterable[int]) -> None:
        """Find what each scope returns, if it isn't told: what is read outside, the last first."""
        readers: dict[int, set[int]] = {value: {-1} for value in outputs}
        for place, operation in enumerate(operations):
            for value in operation.operands:
                readers.setdefault(value, set()).add(place)
        self._close(self.root, operations, readers)

    def _close(
        self, scope: Scope, operations: Sequence[Operation], readers: dict[int, set[int]]
    ) -> set[int]:
        inside = set(scope.operations)
        for child in scope.children:
            inside |= self._close(child, operations, readers)
        if scope is not self.root and inside:
            made = [value for place in sorted(inside) for value in operations[place].results]
            read = [value for value in dict.fromkeys(made) if readers.get(value, set()) - inside]
            results = read[::-1] or made[-1:]
            if not scope.results:
                scope.results = [("" if k == 0 else f"[{k}]", v) for k, v in enumerate(results)]
            scope.order = max(inside) + 1
        return inside


def tensors_in(arguments: object) -> list[Tensor]:
    """All tensors in nested arguments, in order."""
    if isinstance(arguments, Tensor):
        return [arguments]
    if isinstance(arguments, (list, tuple)):
        return [tensor for argument in arguments for tensor in tensors_in(argument)]
    if isinstance(arguments, dict):
        return [tensor for argument in arguments.values() for tensor in tensors_in(argument)]
    return []
