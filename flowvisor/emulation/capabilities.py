"""What an emulated datapath says that it can do: table features, group and meter features, 1.0's bitmaps."""

from __future__ import annotations

from typing import Final

from flowvisor.emulation.flow_table import MAX_ENTRIES
from flowvisor.emulation.group_table import MAX_GROUPS
from flowvisor.emulation.meter_table import BAND_TYPES, MAX_BANDS, MAX_METERS
from flowvisor.openflow import multipart as mp
from flowvisor.openflow.fields import FIELDS
from flowvisor.openflow.messages import (
    FLOW_STATS,
    GROUP_STATS,
    METER_BURST,
    METER_KBPS,
    METER_PKTPS,
    METER_STATS,
    PORT_STATS,
    QUEUE_STATS,
    TABLE_STATS,
)

CAPABILITIES: Final = FLOW_STATS | TABLE_STATS | PORT_STATS | QUEUE_STATS
CAPABILITIES_1_3: Final = CAPABILITIES | GROUP_STATS
ACTIONS_1_0: Final = 0xFFF  # OFPAT_OUTPUT to OFPAT_ENQUEUE
WILDCARDS_1_0: Final = (1 << 22) - 1  # OFPFW_ALL

# Numbers of 1.3: instructions GOTO_TABLE to METER; actions OUTPUT, COPY_TTL_OUT to POP_PBB.
_INSTRUCTION_TYPES: Final = (1, 2, 3, 4, 5, 6)
_ACTION_TYPES: Final = (0, 11, 12, *range(15, 28))
_ACTION_BITS: Final = sum(1 << number for number in _ACTION_TYPES)

DESCRIPTION: Final = mp.DescReply(
    manufacturer="flowvisor",
    hardware="emulated datapath",
    software="flowvisor.emulation",
    serial_number="none",
    datapath="a datapath in software, for demonstrations and tests",
)

GROUP_FEATURES: Final = mp.GroupFeaturesReply(
    types=0b1111,
    capabilities=0b1111,  # select weight, select liveness, chaining, chaining checks
    max_groups=(MAX_GROUPS,) * 4,
    actions=(_ACTION_BITS,) * 4,
)
METER_FEATURES: Final = mp.MeterFeaturesReply(
    max_meter=MAX_METERS,
    band_types=sum(1 << kind for kind in BAND_TYPES),
    capabilities=METER_KBPS | METER_PKTPS | METER_BURST | METER_STATS,
    max_bands=MAX_BANDS,
)


def _oxm_headers() -> tuple[int, ...]:
    return tuple(field.masked_oxm_header if field.maskable else field.oxm_header for field in FIELDS.values())


def table_features(table_id: int, n_tables: int) -> mp.TableFeatures:
    """What one table can do; all do the same, but only the next ones can be gone to."""
    headers = _oxm_headers()
    settable = tuple(field.oxm_header for field in FIELDS.values() if field.settable)
    following = tuple(range(table_id + 1, n_tables))
    lists = (
        (mp.INSTRUCTIONS, _INSTRUCTION_TYPES),
        (mp.NEXT_TABLES, following),
        (mp.WRITE_ACTIONS, _ACTION_TYPES),
        (mp.APPLY_ACTIONS, _ACTION_TYPES),
        (mp.MATCH, headers),
        (mp.WILDCARDS, tuple(field.oxm_header for field in FIELDS.values())),
        (mp.WRITE_SETFIELD, settable),
        (mp.APPLY_SETFIELD, settable),
    )
    return mp.TableFeatures(
        table_id=table_id,
        name=f"table-{table_id}",
        metadata_match=(1 << 64) - 1,
        metadata_write=(1 << 64) - 1,
        max_entries=MAX_ENTRIES,
        properties=tuple(mp.TableProperty(kind, ids) for kind, ids in lists),
    )
