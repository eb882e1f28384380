"""A buffer id is good once, and only for the slice that was shown it."""

from __future__ import annotations

from flowvisor.hypervisor.buffers import MAX_BUFFERS, BufferedPacket, Buffers


def packet(slice_name: str = "a", data: bytes = b"packet") -> BufferedPacket:
    return BufferedPacket(slice_name, 1, data)


def test_a_buffer_is_taken_once() -> None:
    buffers = Buffers()
    buffers.show(7, packet())
    assert buffers.take(7, "a") == packet()
    assert buffers.take(7, "a") is None


def test_nobody_else_can_take_it_or_use_it_up() -> None:
    buffers = Buffers()
    buffers.show(7, packet())
    assert buffers.take(7, "b") is None
    assert buffers.take(8, "a") is None
    assert buffers.take(7, "a") == packet()


def test_an_id_that_the_datapath_uses_again_is_the_new_owners() -> None:
    buffers = Buffers()
    buffers.show(7, packet("a"))
    buffers.show(7, packet("b", b"another"))
    assert buffers.take(7, "a") is None
    assert buffers.take(7, "b") == packet("b", b"another")


def test_an_id_that_is_used_again_for_what_nobody_is_shown_is_void() -> None:
    buffers = Buffers()
    buffers.show(7, packet("a"))
    buffers.void(7)
    assert buffers.take(7, "a") is None


def test_beyond_the_bound_the_oldest_is_no_longer_honoured() -> None:
    buffers = Buffers()
    for buffer_id in range(MAX_BUFFERS):
        buffers.show(buffer_id, packet())
    buffers.show(0, packet())  # shown again, so that 1 is the oldest now
    buffers.show(MAX_BUFFERS, packet())
    assert buffers.take(1, "a") is None
    assert all(buffers.take(buffer_id, "a") for buffer_id in (0, *range(2, MAX_BUFFERS + 1)))


def test_what_a_slice_was_shown_may_be_made_void_without_anybody_elses() -> None:
    buffers = Buffers()
    buffers.show(7, packet("a"))
    buffers.show(8, packet("b"))
    buffers.void_of("a")
    assert buffers.take(7, "a") is None
    assert buffers.take(8, "b") == packet("b")
