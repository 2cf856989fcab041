"""Programs that `torch.export` wrote: files (`.pt2`) and objects."""

from __future__ import annotations

from fieldscope.frontends.torch.exported.tracing import trace

__all__ = ["trace"]
