"""What a datapath says it can do, is encodable, and is what its modules do."""

from __future__ import annotations

from flowvisor.emulation import capabilities
from flowvisor.openflow import multipart as mp
from flowvisor.openflow.versions import codec


def test_a_table_goes_to_the_tables_after_it() -> None:
    features = capabilities.table_features(2, 5)
    (following,) = [
        each.ids
        for each in features.properties
        if isinstance(each, mp.TableProperty) and each.kind == mp.NEXT_TABLES
    ]
    assert following == (3, 4)


def test_features_survive_the_wire() -> None:
    replies: tuple[mp.MultipartReply, ...] = (
        mp.TableFeaturesReply(tables=(capabilities.table_features(0, 254),)),
        capabilities.GROUP_FEATURES,
        capabilities.METER_FEATURES,
        capabilities.DESCRIPTION,
    )
    for reply in replies:
        assert codec(4).decode(codec(4).encode(reply)) == reply
