"""Labels: what is put on is what is looked for, and nothing of it is left."""

from __future__ import annotations

from flowvisor.emulation.datapath import EmulatedDatapath
from flowvisor.emulation.pipeline import Transmit
from flowvisor.openflow.actions import Actions, Group, Output, PopVlan, PushVlan, SetField
from flowvisor.openflow.fields import VLAN_PRESENT
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import GROUP_ADD, GROUP_TYPE_ALL, Bucket, GroupMod, PacketOut
from flowvisor.openflow.packet import parse
from flowvisor.openflow.ports import CONTROLLER, IN_PORT
from flowvisor.planning.labels import Label, delivered
from tests.support.flowspace_strategies import applies
from tests.support.slices import udp
from tests.support.virtual import at

TAG, KEY = Label(2048), Label(77, is_key=True)


def sent(actions: Actions, packet: bytes) -> bytes:
    """What a datapath makes of a packet by a group with these actions."""
    datapath = EmulatedDatapath(1, 4, (1, 2))
    group = GroupMod(
        command=GROUP_ADD, group_type=GROUP_TYPE_ALL, group_id=1, buckets=(Bucket(actions=actions),)
    )
    assert datapath.from_controller(group, 0.0) == []
    (effect,) = datapath.from_controller(PacketOut(in_port=CONTROLLER, actions=(Group(1),), data=packet), 0.0)
    assert isinstance(effect, Transmit)
    return effect.packet


def test_a_service_tag_is_found_by_who_looks_for_it_whatever_tags_are_behind() -> None:
    for packet in (udp(), udp(vlan=20)):
        labelled = sent(TAG.sent(2), packet)
        assert labelled[12:14] == b"\x88\xa8"
        assert applies(TAG.arrival(2), parse(labelled, 2))
        assert sent((*TAG.taken_off(), Output(2)), labelled) == packet


def test_a_tunnels_key_is_set_kept_and_forgotten() -> None:
    assert KEY.arrival(5) == Match.of(in_port=5, tunnel_id=77)
    assert KEY.sent(5) == (SetField("tunnel_id", 77), Output(5))
    assert KEY.passed_on(6) == (SetField("tunnel_id", 77), Output(6))
    assert KEY.taken_off() == (SetField("tunnel_id", 0),)


def test_what_goes_back_the_way_it_came_is_told_so() -> None:
    assert TAG.passed_on(6) == (Output(6),)
    assert TAG.passed_back() == (Output(IN_PORT),)


def test_packets_are_delivered_as_the_place_has_them() -> None:
    assert delivered(at("1/2")) == (Output(2),)
    assert delivered(at("1/2@20")) == (
        PushVlan(0x8100),
        SetField("vlan_vid", VLAN_PRESENT | 20),
        Output(2),
    )
    assert delivered(at("1/2@none")) == (PopVlan(), PopVlan(), Output(2))
