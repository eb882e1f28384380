"""The controllers of a datapath: their roles, and what each wants to be told unasked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from attrs import define, field

from flowvisor.errors import OpenFlowError
from flowvisor.openflow import error_codes
from flowvisor.openflow import messages as m

ControllerId = int

NO_GENERATION: Final = (1 << 64) - 1  # what is told while no controller has named one


@define(eq=False)
class Controller:
    """What a datapath keeps for one controller while its channel is up."""

    role: int = m.ROLE_EQUAL
    masks: m.AsyncMasks = m.DEFAULT_MASKS
    config: m.SetConfig = field(factory=m.SetConfig)


@define(eq=False)
class Controllers:
    """All controllers of one datapath."""

    _controllers: dict[ControllerId, Controller] = field(factory=dict, init=False)
    _generation_id: int | None = field(default=None, init=False)

    def __getitem__(self, controller: ControllerId) -> Controller:
        return self._controllers[controller]

    def connect(self, controller: ControllerId) -> None:
        self._controllers.setdefault(controller, Controller())

    def disconnect(self, controller: ControllerId) -> None:
        self._controllers.pop(controller, None)

    def wanting(
        self, mask_of: Callable[[m.AsyncMasks], tuple[int, int]], reason: int
    ) -> Iterator[ControllerId]:
        """Those whose masks want to be told this in their role (1.3.5, sections 6.3.4 and 7.3.10)."""
        for number, each in self._controllers.items():
            if mask_of(each.masks)[each.role == m.ROLE_SLAVE] >> reason & 1:
                yield number

    def check_may_write(self, controller: ControllerId) -> None:
        """Raise OpenFlowError for a slave."""
        if self._controllers[controller].role == m.ROLE_SLAVE:
            raise OpenFlowError(error_codes.IS_SLAVE, "a slave does not write")

    def change_role(self, controller: ControllerId, request: m.RoleRequest) -> m.RoleReply:
        """1.3.5, section 6.3.6; the former master is not told."""
        mine = self._controllers[controller]
        if request.role > m.ROLE_SLAVE:
            raise OpenFlowError(error_codes.BAD_ROLE, f"role {request.role}")
        if request.role in (m.ROLE_MASTER, m.ROLE_SLAVE):
            self._take_generation(request.generation_id)
        if request.role == m.ROLE_MASTER:
            for other in self._controllers.values():
                other.role = m.ROLE_SLAVE if other.role == m.ROLE_MASTER else other.role
        if request.role != m.ROLE_NOCHANGE:
            mine.role = request.role
        generation_id = NO_GENERATION if self._generation_id is None else self._generation_id
        return m.RoleReply(xid=request.xid, role=mine.role, generation_id=generation_id)

    def _take_generation(self, generation_id: int) -> None:
        known = self._generation_id
        # The distance between the two is a signed 64-bit number.
        if known is not None and (generation_id - known) & NO_GENERATION >= 1 << 63:
            raise OpenFlowError(error_codes.ROLE_STALE, f"generation {generation_id} after {known}")
        self._generation_id = generation_id
