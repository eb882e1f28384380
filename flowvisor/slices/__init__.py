"""What a tenant sees.

* `slice`: what all kinds of slices have
* `flowspace_slice`: a share of the real network
* `virtual_network`, `virtual_switch`: an invented one
"""

from __future__ import annotations

from flowvisor.slices.flowspace_slice import ALL_DATAPATHS, FlowspaceRule, FlowspaceSlice
from flowvisor.slices.slice import Slice

__all__ = ["ALL_DATAPATHS", "FlowspaceRule", "FlowspaceSlice", "Slice"]
