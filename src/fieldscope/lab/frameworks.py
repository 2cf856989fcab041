"""The libraries that the lab stands on, imported in the one way that works everywhere.

Lightning and torchmetrics import torchvision, whose compiled operators may be missing beside a
CPU build of torch (`fieldscope.frontends.torch.torchvision_ops` tells why, and what is done about
it). So the lab's modules take them from here instead of importing them themselves:

    from fieldscope.lab.frameworks import lightning, torchmetrics, transforms
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fieldscope.frontends.torch.torchvision_ops import import_beside_torch
from fieldscope.optional import require

_PURPOSE = "the lab"

if TYPE_CHECKING:
    import lightning as lightning
    import torchmetrics as torchmetrics
    from torchvision.transforms import v2 as transforms
else:
    lightning = import_beside_torch("lightning", purpose=_PURPOSE, extra="lab")
    torchmetrics = import_beside_torch("torchmetrics", purpose=_PURPOSE, extra="lab")
    transforms = import_beside_torch("torchvision.transforms.v2", purpose=_PURPOSE, extra="lab")
    for needed in ("sklearn", "PIL", "matplotlib"):
        require(needed, purpose=_PURPOSE, extra="lab")

__all__ = ["lightning", "torchmetrics", "transforms"]
