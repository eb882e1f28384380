"""Buckets of a virtual network's tenant: the ports that they watch, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.hypervisor.translation.virtual_buckets import refused_bucket, watching_here, watching_there
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.actions import Group, Output
from flowvisor.openflow.messages import ANY_GROUP, Bucket
from flowvisor.openflow.ports import ANY, CONTROLLER, FLOOD, IN_PORT
from flowvisor.planning.share import Share, port_group
from tests.support.shares import (
    BLOCK,
    FULL,
    LINK_END,
    OTHER_WHOLE,
    PLAIN,
    REMOTE,
    TAGGED,
    WHOLE,
    in_vlan,
    share,
    whole,
)

TWO_VLANS = share(whole(WHOLE, 1), in_vlan(TAGGED, 3, 20), in_vlan(7, 3, 30))
NUMBERS = (WHOLE, OTHER_WHOLE, TAGGED, 7, REMOTE, LINK_END)


@given(
    st.sampled_from((FULL, PLAIN, TWO_VLANS)),
    st.sampled_from((ANY, *NUMBERS)),
    st.sampled_from((ANY_GROUP, 5)),
)
def test_what_a_bucket_watches_reads_back_as_it_was_written(one: Share, port: int, group: int) -> None:
    bucket = Bucket(watch_port=port, watch_group=group)
    if refused_bucket(one, bucket) is None and (port == ANY or port in one.ports):
        assert watching_here(one, watching_there(one, bucket)) == bucket


def test_a_port_of_the_datapath_is_watched_there_and_any_other_by_its_group() -> None:
    bucket = Bucket(watch_port=TAGGED)
    assert watching_there(FULL, bucket) == Bucket(watch_port=3)
    assert watching_there(TWO_VLANS, bucket) == Bucket(watch_group=port_group(BLOCK, TAGGED))
    assert watching_there(FULL, Bucket(watch_port=REMOTE)) == Bucket(watch_group=port_group(BLOCK, REMOTE))
    assert watching_there(FULL, Bucket(watch_group=5)) == Bucket(watch_group=5)


def test_a_port_elsewhere_cannot_be_watched_beside_a_group() -> None:
    refusal = refused_bucket(FULL, Bucket(watch_port=REMOTE, watch_group=5))
    assert refusal is not None
    assert refusal.error == codes.GROUP_BAD_WATCH
    assert refused_bucket(FULL, Bucket(watch_port=TAGGED, watch_group=5)) is None


@pytest.mark.parametrize(
    "actions",
    [
        (Output(FLOOD),),
        (Output(IN_PORT),),
        (Group(1), Output(WHOLE)),
        (Output(WHOLE), Output(CONTROLLER)),
    ],
)
def test_what_would_send_elsewhere_than_its_tenant_means_is_refused(actions: tuple[Output, ...]) -> None:
    refusal = refused_bucket(FULL, Bucket(actions=actions))
    assert refusal is not None
    assert refusal.error == codes.ACTION_EPERM
