"""Random networks over the whole list of operators, printable as code."""

from tests.networks.plan import Network, Plan
from tests.networks.strategies import LOCAL, WIDE, networks

__all__ = ["LOCAL", "WIDE", "Network", "Plan", "networks"]
