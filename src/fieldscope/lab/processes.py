"""Which of several processes this is, as their launcher says."""

from __future__ import annotations

import os

# Where Lightning looks, in its order (lightning.fabric.utilities.rank_zero), without loading it.
_RANKS = ("RANK", "LOCAL_RANK", "SLURM_PROCID", "JSM_NAMESPACE_RANK")


def is_first() -> bool:
    """Whether this process is the one that writes and prints; there are others under `ddp`.

    >>> is_first()
    True
    """
    ranks = [os.environ[name] for name in _RANKS if os.environ.get(name, "").isdecimal()]
    return not ranks or int(ranks[0]) == 0
