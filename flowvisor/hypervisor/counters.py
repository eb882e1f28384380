"""Counters of messages: plain ints, because a label lookup costs more than the rest of a packet-in."""

from __future__ import annotations

from typing import Final

KINDS: Final = 32  # no message type of OpenFlow 1.0 or 1.3 is higher than 29


class MessageCounters:
    """What became of the messages of one slice in one OpenFlow version; lists are indexed by wire message type.

    `up` is datapath to controller, `down` controller to datapath. `answered` was answered by the hypervisor,
    `refused` answered with an error, by (type, reason); `shed` dropped, by reason. `expansions` are flow-mods that were
    not sent on as one message, by as how many.
    """

    __slots__ = ("answered", "down", "down_bytes", "expansions", "refused", "shed", "up", "up_bytes")

    def __init__(self) -> None:
        self.up: list[int] = [0] * KINDS
        self.down: list[int] = [0] * KINDS
        self.answered: list[int] = [0] * KINDS
        self.up_bytes = 0
        self.down_bytes = 0
        self.refused: dict[tuple[int, str], int] = {}
        self.shed: dict[str, int] = {}
        self.expansions: dict[int, int] = {}

    def count_refused(self, message_type: int, reason: str) -> None:
        """One more request of this type was answered with an error."""
        key = (message_type, reason)
        self.refused[key] = self.refused.get(key, 0) + 1

    def count_shed(self, reason: str) -> None:
        """One more message was dropped for this reason."""
        self.shed[reason] = self.shed.get(reason, 0) + 1

    def count_expansion(self, messages: int) -> None:
        """One more flow-mod was sent on as so many messages."""
        if messages != 1:
            self.expansions[messages] = self.expansions.get(messages, 0) + 1
