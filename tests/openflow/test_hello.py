"""HELLO: the version bitmap is read whatever stands around it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.openflow.frame import HEADER
from flowvisor.openflow.hello import decode_hello, encode_hello
from flowvisor.openflow.messages import Hello


def frame_of(body: str | bytes, version: int = 4) -> bytes:
    data = bytes.fromhex(body) if isinstance(body, str) else body
    return HEADER.pack(version, 0, 8 + len(data), 7) + data


@given(st.integers(0, 255), st.none() | st.frozensets(st.integers(0, 255)))
def test_a_hello_is_itself_again(version: int, versions: frozenset[int] | None) -> None:
    hello = Hello(xid=7, version=version, versions=versions)
    frame = encode_hello(hello)
    assert decode_hello(frame) == hello
    assert len(frame) % 8 == 0


def test_1_0_and_1_3_are_offered_as_open_vswitch_offers_them() -> None:
    frame = encode_hello(Hello(xid=1, version=4, versions=frozenset({1, 4})))
    assert frame == bytes.fromhex("04000010 00000001 00010008 00000012")


@pytest.mark.parametrize(
    ("body", "versions"),
    [
        ("", None),
        ("00010008 00000012", {1, 4}),
        ("00010008 0000000a00", {1, 3}),  # and a stray byte
        ("00010004 00000000", set()),
        ("0001000c 00000012 00000001 00000000", {1, 4, 32}),
        ("00020006 11220000 00010008 00000012", {1, 4}),  # an unknown element, padded
        ("00020005 11000000 00010008 00000012", {1, 4}),
        ("00010008 00000012 00010008 00000002", {1, 4}),  # the first one counts
        ("00010009 00000012 ff000000 00000000", {1, 4}),  # not a whole word
        ("00010003 00000012", None),  # shorter than its own head
        ("000100ff 00000012", None),  # longer than the frame
        ("0001", None),
    ],
)
def test_elements(body: str, versions: set[int] | None) -> None:
    expected = None if versions is None else frozenset(versions)
    assert decode_hello(frame_of(body)) == Hello(xid=7, version=4, versions=expected)


@given(st.binary(max_size=64), st.integers(0, 255))
def test_nothing_in_a_hello_is_an_error(body: bytes, version: int) -> None:
    assert decode_hello(frame_of(body, version)).version == version
