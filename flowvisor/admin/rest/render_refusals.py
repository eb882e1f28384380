"""What was refused to a slice lately, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from flowvisor.admin.message_names import name_of
from flowvisor.admin.rest import shapes
from flowvisor.admin.rest.instance import Instance
from flowvisor.admin.rest.render_datapaths import VERSION_NAMES
from flowvisor.network.dpid import format_dpid
from flowvisor.openflow.frame import type_of, xid_of


def refusals(
    instance: Instance, slice_name: str, time_text: Callable[[float], str]
) -> Iterator[shapes.RefusedRequest]:
    """Those that are kept, the latest last; `time_text` is what people call a time of the core's."""
    for one in list(instance.hypervisor.tenants[slice_name].refusals):
        dpid = _shown_dpid(instance, slice_name, one.dpid)
        yield {
            "time": time_text(one.at),
            "switch": instance.switch_name(slice_name, dpid),
            "dpid": format_dpid(dpid),
            "controller": one.controller,
            "openflow": VERSION_NAMES[one.version],
            "message": name_of(one.version, type_of(one.frame)),
            "xid": xid_of(one.frame),
            "error": list(one.error),
            "reason": one.reason,
            "frame": one.frame.hex(),
        }


def _shown_dpid(instance: Instance, slice_name: str, dpid: int) -> int:
    """That of the virtual switch which lies on a datapath: what a tenant of a virtual network knows."""
    big = instance.big_switches_of(slice_name)
    return next((one.name.dpid for one in big if dpid in one.edges), big[0].name.dpid if big else dpid)
