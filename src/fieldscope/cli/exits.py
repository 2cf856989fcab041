"""The exit codes of the command."""

from __future__ import annotations

SAYS_NO = 1
WRONG = 2
# What a shell reports of a command that these signals ended.
INTERRUPTED = 130
PIPE_CLOSED = 141
