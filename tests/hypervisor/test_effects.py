"""Effects: frames by peer and in order, commands in order."""

from __future__ import annotations

from flowvisor.hypervisor.effects import Effects, HangUp, Notice, Peer


def test_frames_are_kept_in_order_for_each_peer() -> None:
    one, other = Peer(), Peer()
    effects = Effects(5.0)
    for peer, frame in ((one, b"1"), (other, b"2"), (one, b"3")):
        effects.send(peer, frame)
    assert effects.frames == {one: [b"1", b"3"], other: [b"2"]}
    assert effects.commands == []
    assert effects.now == 5.0


def test_commands_are_kept_in_order() -> None:
    peer = Peer()
    effects = Effects(0.0)
    effects.commands.append(HangUp(peer, "enough"))
    effects.note("warning", "something_happened", dpid=7)
    assert effects.commands == [HangUp(peer, "enough"), Notice("warning", "something_happened", {"dpid": 7})]
    assert effects.frames == {}


def test_effects_can_be_looked_at() -> None:
    effects = Effects(0.0)
    effects.note("info", "hello")
    assert "hello" in repr(effects)
    assert "frames={}" in repr(effects)
