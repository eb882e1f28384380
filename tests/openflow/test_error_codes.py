"""The specification's errors."""

from os_ken.ofproto import ofproto_v1_3

from flowvisor.openflow import error_codes

TYPES = {
    name: value for name, value in vars(error_codes).items() if name.isupper() and isinstance(value, int)
}
PAIRS = {
    name: value for name, value in vars(error_codes).items() if name.isupper() and isinstance(value, tuple)
}

# How the specification begins the names of a type's codes.
PREFIXES = {
    error_codes.HELLO_FAILED: "OFPHFC_",
    error_codes.BAD_REQUEST: "OFPBRC_",
    error_codes.BAD_ACTION: "OFPBAC_",
    error_codes.BAD_INSTRUCTION: "OFPBIC_",
    error_codes.BAD_MATCH: "OFPBMC_",
    error_codes.FLOW_MOD_FAILED: "OFPFMFC_",
    error_codes.GROUP_MOD_FAILED: "OFPGMFC_",
    error_codes.PORT_MOD_FAILED: "OFPPMFC_",
    error_codes.TABLE_MOD_FAILED: "OFPTMFC_",
    error_codes.QUEUE_OP_FAILED: "OFPQOFC_",
    error_codes.SWITCH_CONFIG_FAILED: "OFPSCFC_",
    error_codes.ROLE_REQUEST_FAILED: "OFPRRFC_",
    error_codes.METER_MOD_FAILED: "OFPMMFC_",
    error_codes.TABLE_FEATURES_FAILED: "OFPTFFC_",
}


def test_types_are_numbered_as_os_ken_has_them() -> None:
    for name, number in TYPES.items():
        assert number == getattr(ofproto_v1_3, f"OFPET_{name}")


def test_codes_are_numbered_as_os_ken_has_them() -> None:
    for name, (error_type, code) in PAIRS.items():
        prefix = PREFIXES[error_type]
        theirs = {
            word.removeprefix(prefix).removeprefix("BAD_"): value
            for word, value in vars(ofproto_v1_3).items()
            if word.startswith(prefix)
        }
        words = [word for word, value in theirs.items() if value == code]
        assert words, name
        assert any(word in name for word in words), (name, words)


def test_no_error_has_two_names() -> None:
    assert len(set(PAIRS.values())) == len(PAIRS)
    assert len(set(TYPES.values())) == len(TYPES)
