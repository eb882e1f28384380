"""The errors of OpenFlow 1.0 (section 5.4.4) and what they are in the neutral numbering, which is 1.3's."""

from __future__ import annotations

from typing import Final

from flowvisor.openflow import error_codes as neutral
from flowvisor.openflow.error_codes import ErrorCode

HELLO_FAILED_10: Final = 0
BAD_REQUEST_10: Final = 1
BAD_ACTION_10: Final = 2
FLOW_MOD_FAILED_10: Final = 3
PORT_MOD_FAILED_10: Final = 4
QUEUE_OP_FAILED_10: Final = 5

ALL_TABLES_FULL_10: Final = (FLOW_MOD_FAILED_10, 0)
FLOW_MOD_EPERM_10: Final = (FLOW_MOD_FAILED_10, 2)
UNSUPPORTED_10: Final = (FLOW_MOD_FAILED_10, 5)
EPERM_10: Final = (BAD_REQUEST_10, 5)
BAD_LEN_10: Final = (BAD_REQUEST_10, 6)

# Types from here on no version defines; vendors use them (Nicira's is 0xb0c2). They pass as they are.
_FIRST_VENDOR_TYPE: Final = 0x100

# Pairs that mean the same in both versions.
_SAME: Final[dict[ErrorCode, ErrorCode]] = {
    **{(HELLO_FAILED_10, code): (neutral.HELLO_FAILED, code) for code in range(2)},
    **{(BAD_REQUEST_10, code): (neutral.BAD_REQUEST, code) for code in range(9)},
    **{(BAD_ACTION_10, code): (neutral.BAD_ACTION, code) for code in range(9)},
    ALL_TABLES_FULL_10: neutral.TABLE_FULL,
    (FLOW_MOD_FAILED_10, 1): neutral.OVERLAP,
    FLOW_MOD_EPERM_10: neutral.FLOW_MOD_EPERM,
    (FLOW_MOD_FAILED_10, 3): neutral.BAD_TIMEOUT,  # BAD_EMERG_TIMEOUT
    (FLOW_MOD_FAILED_10, 4): neutral.FLOW_MOD_BAD_COMMAND,
    # "Unsupported action list - cannot process in the order specified"
    UNSUPPORTED_10: neutral.ACTION_UNSUPPORTED_ORDER,
    **{(PORT_MOD_FAILED_10, code): (neutral.PORT_MOD_FAILED, code) for code in range(2)},
    **{(QUEUE_OP_FAILED_10, code): (neutral.QUEUE_OP_FAILED, code) for code in range(3)},
}

# A pair that 1.0 does not define, of a type that it does: refused, and no more is known.
_UNDEFINED: Final[dict[int, ErrorCode]] = {
    HELLO_FAILED_10: neutral.HELLO_EPERM,
    BAD_REQUEST_10: neutral.REQUEST_EPERM,
    BAD_ACTION_10: neutral.ACTION_EPERM,
    FLOW_MOD_FAILED_10: neutral.FLOW_MOD_UNKNOWN,
    PORT_MOD_FAILED_10: neutral.PORT_MOD_EPERM,
    QUEUE_OP_FAILED_10: neutral.QUEUE_EPERM,
}

# What comes nearest to a pair that only 1.3 has.
_NEAREST: Final[dict[ErrorCode, ErrorCode]] = {
    neutral.REQUEST_BAD_TABLE_ID: EPERM_10,
    neutral.IS_SLAVE: EPERM_10,
    neutral.REQUEST_BAD_PORT: EPERM_10,
    neutral.BAD_PACKET: BAD_LEN_10,
    neutral.MULTIPART_BUFFER_OVERFLOW: BAD_LEN_10,
    neutral.ACTION_BAD_OUT_GROUP: (BAD_ACTION_10, 4),  # BAD_OUT_PORT
    neutral.ACTION_MATCH_INCONSISTENT: (BAD_ACTION_10, 5),  # BAD_ARGUMENT
    neutral.ACTION_BAD_TAG: (BAD_ACTION_10, 0),  # BAD_TYPE
    neutral.ACTION_BAD_SET_TYPE: (BAD_ACTION_10, 0),
    neutral.ACTION_BAD_SET_LEN: (BAD_ACTION_10, 1),  # BAD_LEN
    neutral.ACTION_BAD_SET_ARGUMENT: (BAD_ACTION_10, 5),
    neutral.INST_EPERM: FLOW_MOD_EPERM_10,
    neutral.MATCH_BAD_LEN: BAD_LEN_10,
    neutral.MATCH_EPERM: FLOW_MOD_EPERM_10,
    neutral.PORT_MOD_EPERM: EPERM_10,
    neutral.TABLE_MOD_EPERM: EPERM_10,
    neutral.SWITCH_CONFIG_EPERM: EPERM_10,
    neutral.OUT_OF_GROUPS: ALL_TABLES_FULL_10,
    neutral.OUT_OF_METERS: ALL_TABLES_FULL_10,
}
# The same for all other pairs of a type.
_NEAREST_OF_TYPE: Final[dict[int, ErrorCode]] = {
    neutral.HELLO_FAILED: (HELLO_FAILED_10, 1),  # EPERM
    neutral.BAD_REQUEST: EPERM_10,
    neutral.BAD_ACTION: (BAD_ACTION_10, 6),  # EPERM
    neutral.BAD_INSTRUCTION: UNSUPPORTED_10,
    neutral.BAD_MATCH: UNSUPPORTED_10,
    neutral.FLOW_MOD_FAILED: UNSUPPORTED_10,
    neutral.GROUP_MOD_FAILED: EPERM_10,
    neutral.PORT_MOD_FAILED: (PORT_MOD_FAILED_10, 0),  # BAD_PORT
    neutral.QUEUE_OP_FAILED: (QUEUE_OP_FAILED_10, 2),  # EPERM
    neutral.TABLE_MOD_FAILED: EPERM_10,
    neutral.SWITCH_CONFIG_FAILED: EPERM_10,
    neutral.ROLE_REQUEST_FAILED: EPERM_10,
    neutral.METER_MOD_FAILED: EPERM_10,
    neutral.TABLE_FEATURES_FAILED: EPERM_10,
}
_TO_10: Final[dict[ErrorCode, ErrorCode]] = _NEAREST | {pair: pair_10 for pair_10, pair in _SAME.items()}


def error_from_10(pair: ErrorCode) -> ErrorCode:
    """The neutral pair for a pair read from a 1.0 frame."""
    if pair[0] >= _FIRST_VENDOR_TYPE:
        return pair
    return _SAME.get(pair) or _UNDEFINED.get(pair[0], neutral.REQUEST_EPERM)


def error_to_10(pair: ErrorCode) -> ErrorCode:
    """The 1.0 pair that says the same as a neutral pair, or the nearest there is."""
    if pair[0] >= _FIRST_VENDOR_TYPE:
        return pair
    return _TO_10.get(pair) or _NEAREST_OF_TYPE.get(pair[0], EPERM_10)
