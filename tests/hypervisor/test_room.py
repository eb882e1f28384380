"""Room is taken from what is known to be free, and what others of a pool do not use may be used."""

from __future__ import annotations

from flowvisor.hypervisor.room import UNLIMITED, Pool, Room


def test_nothing_is_free_before_it_was_counted() -> None:
    room = Room(limit=5)
    room.pool.rooms.append(room)
    assert not room.take()
    room.counted(3)
    assert [room.take() for _ in range(3)] == [True, True, False]
    assert room.held == 5


def test_who_counts_itself_has_what_is_free_now() -> None:
    entries = [1, 2, 3]
    room = Room(limit=3, counts_itself=lambda: len(entries))
    room.pool.rooms.append(room)
    assert not room.take()
    entries.pop()
    assert room.take()
    assert room.held == 2


def test_a_pools_limit_holds_for_all_together_whoever_takes() -> None:
    pool = Pool(limit=10)
    one, other = Room(pool=pool), Room(pool=pool, limit=4)
    pool.rooms += [one, other]
    one.counted(1)
    assert not one.take()
    other.counted(2)
    assert [one.take() for _ in range(4)] == [True] * 4
    assert [other.take() for _ in range(3)] == [True, True, False]
    assert [one.take() for _ in range(2)] == [True, False]
    assert one.held + other.held == 10


def test_what_has_no_limit_is_never_asked_about() -> None:
    room = Room(left=UNLIMITED)
    assert room.take()


def test_while_there_is_enough_nobody_takes_what_another_has_been_given() -> None:
    pool = Pool(limit=1000)
    rooms = [Room(pool=pool) for _ in range(4)]
    pool.rooms += rooms
    for room in rooms:
        room.counted(0)
    for room in rooms:
        assert room.take()
    given = [room.left for room in rooms]
    assert min(given) > 50
    for _ in range(50):
        assert all(room.take() for room in rooms)
    assert [room.left for room in rooms] == [before - 50 for before in given]
    assert sum(room.held + room.left for room in rooms) <= 1000
    while any(room.take() for room in rooms):
        assert sum(room.held for room in rooms) <= 1000
    assert sum(room.held for room in rooms) == 1000
