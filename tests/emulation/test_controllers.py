"""Roles and masks of a datapath's controllers."""

from __future__ import annotations

import pytest

from flowvisor.emulation.controllers import NO_GENERATION, Controllers
from flowvisor.errors import OpenFlowError
from flowvisor.openflow import error_codes
from flowvisor.openflow.messages import (
    ROLE_EQUAL,
    ROLE_MASTER,
    ROLE_NOCHANGE,
    ROLE_SLAVE,
    AsyncMasks,
    RoleReply,
    RoleRequest,
)


def three_controllers() -> Controllers:
    controllers = Controllers()
    for number in (1, 2, 3):
        controllers.connect(number)
    return controllers


def role(role: int, generation_id: int = 0) -> RoleRequest:
    return RoleRequest(xid=5, role=role, generation_id=generation_id)


def test_a_controller_begins_as_an_equal_and_may_ask() -> None:
    reply = three_controllers().change_role(1, role(ROLE_NOCHANGE))
    assert reply == RoleReply(xid=5, role=ROLE_EQUAL, generation_id=NO_GENERATION)


def test_there_is_one_master() -> None:
    controllers = three_controllers()
    controllers.change_role(1, role(ROLE_MASTER, 1))
    assert controllers.change_role(2, role(ROLE_MASTER, 2)) == RoleReply(
        xid=5, role=ROLE_MASTER, generation_id=2
    )
    assert [controllers[number].role for number in (1, 2, 3)] == [ROLE_SLAVE, ROLE_MASTER, ROLE_EQUAL]


@pytest.mark.parametrize(
    ("first", "second", "is_stale"), [(5, 4, True), (5, 5, False), (5, 6, False), (NO_GENERATION, 0, False)]
)
def test_an_old_generation_is_stale(first: int, second: int, is_stale: bool) -> None:
    controllers = three_controllers()
    controllers.change_role(1, role(ROLE_MASTER, first))
    if not is_stale:
        controllers.change_role(2, role(ROLE_SLAVE, second))
        return
    with pytest.raises(OpenFlowError) as raised:
        controllers.change_role(2, role(ROLE_SLAVE, second))
    assert (raised.value.error_type, raised.value.error_code) == error_codes.ROLE_STALE


def test_a_role_that_there_is_not_is_refused() -> None:
    with pytest.raises(OpenFlowError) as raised:
        three_controllers().change_role(1, role(4))
    assert (raised.value.error_type, raised.value.error_code) == error_codes.BAD_ROLE


def test_a_slave_does_not_write() -> None:
    controllers = three_controllers()
    controllers.change_role(1, role(ROLE_SLAVE))
    controllers.check_may_write(2)
    with pytest.raises(OpenFlowError) as raised:
        controllers.check_may_write(1)
    assert (raised.value.error_type, raised.value.error_code) == error_codes.IS_SLAVE


def test_each_is_told_what_its_masks_want_in_its_role() -> None:
    controllers = three_controllers()
    controllers.change_role(1, role(ROLE_SLAVE))
    controllers[2].masks = AsyncMasks(packet_in=(0b10, 0))
    assert list(controllers.wanting(lambda masks: masks.packet_in, 0)) == [3]
    assert list(controllers.wanting(lambda masks: masks.packet_in, 1)) == [2, 3]
    assert list(controllers.wanting(lambda masks: masks.packet_in, 2)) == []
    assert list(controllers.wanting(lambda masks: masks.port_status, 2)) == [1, 2, 3]


def test_who_has_gone_is_told_nothing_and_comes_back_as_new() -> None:
    controllers = three_controllers()
    controllers.change_role(1, role(ROLE_SLAVE))
    controllers.disconnect(1)
    assert list(controllers.wanting(lambda masks: masks.port_status, 2)) == [2, 3]
    controllers.connect(1)
    assert controllers[1].role == ROLE_EQUAL
