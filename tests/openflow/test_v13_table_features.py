"""OpenFlow 1.3's table features on the wire."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.openflow import error_codes as ec
from flowvisor.openflow import multipart as mp
from flowvisor.openflow.fields import FIELDS
from flowvisor.openflow.messages import OpaqueProperty
from flowvisor.openflow.reader import Reader
from flowvisor.openflow.v13_table_features import read_table_features, write_table_features
from tests.support.message_strategies import table_features
from tests.support.refusals import refusal

HEAD = (
    "02 0000000000"
    + b"classifier".ljust(32, b"\0").hex()
    + "00000000ffffffff 00000000ffff0000 00000003 00001000"
)


def table_of(properties: str, length: int | None = None) -> bytes:
    """A table with properties in hexadecimal."""
    body = bytes.fromhex(properties)
    return (64 + len(body) if length is None else length).to_bytes(2, "big") + bytes.fromhex(HEAD) + body


def decoded(properties: str, *, strict: bool = True) -> mp.TableFeatures:
    reader = Reader(table_of(properties))
    table = read_table_features(reader, strict=strict)
    reader.finish()
    return table


def refused(properties: str, length: int | None = None) -> ec.ErrorCode:
    return refusal(lambda: read_table_features(Reader(table_of(properties, length)), strict=True))


PROPERTIES = [
    (mp.TableProperty(mp.INSTRUCTIONS, (1, 4)), "0000 000c 0001 0004 0004 0004 00000000"),
    (
        mp.TableProperty(mp.INSTRUCTIONS_MISS, (1,), ((0xFFFF0008, b"ONF\0"),)),
        "0001 0010 0001 0004 ffff 0008" + b"ONF\0".hex(),
    ),
    (mp.TableProperty(mp.NEXT_TABLES, (3, 4, 5)), "0002 0007 03 04 05 00"),
    (mp.TableProperty(mp.NEXT_TABLES_MISS, ()), "0003 0004 00000000"),
    (mp.TableProperty(mp.WRITE_ACTIONS, (0, 25)), "0004 000c 0000 0004 0019 0004 00000000"),
    (mp.TableProperty(mp.APPLY_ACTIONS_MISS, (22,)), "0007 0008 0016 0004"),
    (
        mp.TableProperty(mp.MATCH, (FIELDS["in_port"].oxm_header, FIELDS["eth_dst"].masked_oxm_header)),
        "0008 000c 80000004 8000070c 00000000",
    ),
    (
        mp.TableProperty(mp.WILDCARDS, (0x80000004,), ((0xFFFF0A08, b"ONF\0"),)),
        "000a 0010 80000004 ffff0a08" + b"ONF\0".hex(),
    ),
    (mp.TableProperty(mp.APPLY_SETFIELD_MISS, (0x00010004,)), "000f 0008 00010004"),
    (OpaqueProperty(0xFFFE, b"\0\0\x23\x20\1"), "fffe 0009 00002320 01 00000000000000"),
]


@pytest.mark.parametrize(("value", "wire"), PROPERTIES, ids=repr)
def test_a_property_has_these_bytes(value: mp.TableProperty | OpaqueProperty, wire: str) -> None:
    table = mp.TableFeatures(2, "classifier", 0xFFFFFFFF, 0xFFFF0000, 3, 4096, (value,))
    assert write_table_features(table) == table_of(wire)
    assert decoded(wire) == table


@given(table_features(st.sampled_from((0xFFFE, 0xFFFF))))
def test_tables_decode_to_themselves(tables: tuple[mp.TableFeatures, ...]) -> None:
    for table in tables:
        assert read_table_features(Reader(write_table_features(table)), strict=True) == table


def test_an_id_may_be_padded_as_the_action_itself_is() -> None:
    (padded,) = decoded("0004 0014 0000 0008 00000000 0016 0008 00000000 00000000").properties
    assert padded == mp.TableProperty(mp.WRITE_ACTIONS, (0, 22))


def test_an_unknown_property_is_refused_in_a_request_and_kept_in_a_reply() -> None:
    unknown = "0009 0005 01 000000"
    assert refused(unknown) == ec.TABLE_FEATURES_BAD_TYPE
    assert decoded(unknown, strict=False).properties == (OpaqueProperty(9, b"\1"),)


@pytest.mark.parametrize(
    ("properties", "length"),
    [
        ("", 63),
        ("", 65),
        ("", 0),
        ("0000 0003 00000000", None),
        ("0000", None),
        ("0000 0009 0001 0004", None),
        ("0000 0009 0001 0004 00 00000000000000", None),  # a piece of an id
        ("0000 0008 0001 0003", None),
        ("0000 000a 0001 0006 0000 000000000000", None),
        ("0000 0008 ffff 0004", None),  # an experimenter without its id
        ("0000 000c 0001 0004 0004 0004", None),  # no padding
        ("0008 0007 800000 00", None),
        ("0008 0008 ffff0004", None),
    ],
)
def test_lengths_that_are_wrong_are_refused(properties: str, length: int | None) -> None:
    assert refused(properties, length) == ec.TABLE_FEATURES_BAD_LEN
