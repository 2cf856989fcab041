"""What the commands that show a finding share: where its data, picture and page go."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from fieldscope.analyses.export import in_lines
from fieldscope.cli import files, pictures
from fieldscope.cli.options import put_around
from fieldscope.cli.page import show, width_option

if TYPE_CHECKING:
    from fieldscope.measure.effective import EffectiveField
    from fieldscope.media import Result
    from fieldscope.render.document import Document

_OPTIONS = (
    click.option("--json", metavar="FILE", help="Write JSON to a file, or to stdout for -."),
    click.option(
        "--output",
        "-o",
        metavar="FILE",
        help=f"Draw it into a file: {pictures.KNOWN}.",
    ),
    width_option,
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Where a finding goes, as it is asked for on the command line.

    Attributes:
        json: file for its data, "-" for stdout.
        output: file for its picture.
        width: of its page in characters.
    """

    json: str | None
    output: str | None
    width: int | None

    def check(self) -> None:
        """Say at once what would otherwise come to light after the work is done.

        Raises:
            click.UsageError: The options don't fit together.
            InputError: Nothing can be written there.
        """
        files.check("--json", self.json)
        pictures.check(self.output, image=None, resize=False, json=self.json)

    def deliver(
        self,
        found: Result | EffectiveField,
        described: Callable[[], Document],
        *,
        quiet: bool = False,
        **picture: Any,
    ) -> None:
        """Write the data and the picture, and print the page.

        Args:
            found: what was found.
            described: makes its page, if that is to be printed.
            quiet: whether it isn't.
            picture: options of its picture.
        """
        if self.json is not None:
            files.write(self.json, in_lines(found.to_dict()) + "\n")
        if self.output is not None:
            from fieldscope.render import shown  # noqa: F401  # registers how findings are drawn
            from fieldscope.render.pictures import save

            save(found.to_image(**picture), self.output)
        if not quiet and self.json != files.STDOUT:
            show(described(), self.width)


def delivered(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say where its finding goes, as one argument `wanted`."""

    @functools.wraps(command)
    def gathering(
        *args: Any, json: str | None, output: str | None, width: int | None, **others: Any
    ) -> None:
        wanted = Wanted(json, output, width)
        wanted.check()
        command(*args, wanted=wanted, **others)

    put_around(gathering, command, behind=_OPTIONS)
    return gathering
