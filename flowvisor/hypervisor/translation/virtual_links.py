"""Where a virtual link leads: the other virtual switch's share that it enters by, and the port there."""

from __future__ import annotations

from collections.abc import Iterator

from flowvisor.hypervisor.peers import VirtualSwitch
from flowvisor.openflow.ports import NO_RECV, PORT_DOWN
from flowvisor.slices.virtual_network import VirtualNetwork, share_name
from flowvisor.slices.virtual_switch import LinkEnd


def far_end(switch: VirtualSwitch, port: int) -> LinkEnd | None:
    """The end of the virtual link at a port of a share's, None if there is none."""
    network = switch.tenant.policy
    if not isinstance(network, VirtualNetwork):
        return None
    name = switch.name.slice_name.removeprefix(share_name(network.name, ""))
    logical = network.logical.get(name)
    if logical is None or port not in logical.ports:
        return None
    return network.far_end(LinkEnd(name, port))


def virtual_far_ends(switch: VirtualSwitch, port: int) -> Iterator[tuple[VirtualSwitch, int]]:
    """Where a packet arrives that leaves at a port of a share's: at the share that is the far end's anchor, if any.

    It hears nothing there if its tenant has so configured that port.
    """
    far = far_end(switch, port)
    if far is None:
        return
    name = share_name(switch.tenant.name, far.switch)
    for datapath in switch.datapath.fabric.datapaths.values():
        beyond = datapath.switches.get(name) if datapath.is_ready else None
        share = beyond.view.share if beyond is not None else None
        if beyond is None or share is None:
            continue
        enters = far.port in share.ports and bool(share.ports[far.port].ingresses)
        if enters and not beyond.port_configs.bits.get(far.port, 0) & (PORT_DOWN | NO_RECV):
            yield beyond, far.port
            return
