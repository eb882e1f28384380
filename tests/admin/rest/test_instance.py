"""The instance finds what belongs to a slice."""

from tests.support.admin import Desk


def test_a_slice_has_a_virtual_switch_at_each_datapath_in_order() -> None:
    desk = Desk()
    for dpid in (9, 2):
        desk.shell.datapath(dpid)
    assert [switch.name.dpid for switch in desk.instance.switches_of("blue")] == [2, 9]
    assert list(desk.instance.switches_of("nobody")) == []
    assert desk.instance.switch_name("blue", 2) == "0000000000000002"


def test_what_a_peer_has_not_taken_is_known_while_it_is_there() -> None:
    desk = Desk()
    far = desk.shell.datapath()
    datapath = desk.instance.hypervisor.datapaths[1]
    assert desk.instance.queued_bytes(datapath) == 0
    far.stall()
    far.near.outbound.send([bytes(100)])
    assert desk.instance.queued_bytes(datapath) == 100
    far.hang_up()
    assert desk.instance.queued_bytes(datapath) == 0
