"""The names of meters on both sides."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from flowvisor.hypervisor.meters import NO_METER, Meters


@given(
    st.dictionaries(st.integers(1, 0xFFFF_0000), st.integers(1, 0xFFFF_0000), min_size=1, max_size=5).filter(
        lambda ids: len(set(ids.values())) == len(ids)
    )
)
def test_what_is_said_to_the_datapath_means_the_same_when_it_comes_back(ids: dict[int, int]) -> None:
    meters = Meters()
    for meter_id, physical in ids.items():
        meters.add(meter_id, physical)
    assert len(meters) == len(ids)
    assert {meters.to_virtual(meters.to_physical(one)) == one for one in ids} == {True}
    for meter_id, physical in ids.items():
        assert meters.take_out(meter_id) == physical
        assert meters.to_virtual(physical) == NO_METER
    assert len(meters) == 0
