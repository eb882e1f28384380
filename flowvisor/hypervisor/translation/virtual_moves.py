"""A virtual switch's ports lie elsewhere: what its tenant has on a datapath follows, as far as our groups do not."""

from __future__ import annotations

from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.peers import VirtualSwitch
from flowvisor.hypervisor.rejudging import rejudge
from flowvisor.hypervisor.requests import send_own
from flowvisor.hypervisor.translation.groups import group_to_physical, take_out_illegal
from flowvisor.hypervisor.translation.virtual_buckets import watching_there
from flowvisor.openflow.messages import GROUP_MODIFY
from flowvisor.planning.view import View


def put_view(switch: VirtualSwitch, view: View, effects: Effects) -> None:
    """Let a share that is up be another; its ports' own groups have been sent already.

    Groups of the tenant's watch their ports where those are now. Where packets begin to forget where they came in, what
    floods or sends back elsewhere than last goes, with the groups that do: the tenant is told of entries that it asked
    to be told of.
    """
    before, after = switch.view.share, view.share
    assert before is not None
    assert after is not None
    switch.view = view
    switch.verdicts.clear()
    switch.packet_outs.clear()
    for group_id, group in switch.groups.by_id.items():
        version = group.versions[-1]
        if any(watching_there(before, one) != watching_there(after, one) for one in version.buckets):
            again = group_to_physical(switch, group_id, version, GROUP_MODIFY)
            send_own(switch.datapath, again, "group", effects)
    turns = after.has_turned_ports and not before.has_turned_ports
    if not turns and (after.comes_back_plainly or not before.comes_back_plainly):
        return
    take_out_illegal(switch, effects)
    if switch.rewriting is None and switch.datapath.is_ready:
        rejudge(switch, effects)
    else:
        switch.datapath.fabric.suspects.add(switch)
