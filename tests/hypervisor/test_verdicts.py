"""What is remembered of lists of actions, and how much of it."""

from __future__ import annotations

from flowvisor.hypervisor.verdicts import MAX_BYTES, MAX_VERDICTS, Verdicts


def test_a_verdict_is_found_by_its_bytes_until_all_is_forgotten() -> None:
    verdicts: Verdicts[str] = Verdicts()
    verdicts.remember(b"list", "fine", size=4)
    assert verdicts.get(b"list") == "fine"
    assert verdicts.get(b"other") is None
    revision = verdicts.revision
    verdicts.clear()
    assert verdicts.get(b"list") is None
    assert verdicts.revision != revision


def test_a_long_list_is_not_remembered() -> None:
    verdicts: Verdicts[str] = Verdicts()
    verdicts.remember(b"short enough", "fine", size=MAX_BYTES)
    verdicts.remember(b"too long", "fine", size=MAX_BYTES + 1)
    assert verdicts.get(b"short enough") == "fine"
    assert verdicts.get(b"too long") is None


def test_at_the_bound_all_are_forgotten() -> None:
    verdicts: Verdicts[int] = Verdicts()
    for number in range(MAX_VERDICTS + 1):
        verdicts.remember(number, number, size=1)
    assert len(verdicts) == 1
