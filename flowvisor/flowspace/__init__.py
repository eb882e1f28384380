"""Who owns which packets: header space as integer arithmetic.

* `layout`: where each match field lies in one big int; matches and packets to boxes and back
* `box`: a value and a mask, the inner loops
* `region`: a union of boxes
* `classifier`: the highest-priority box that contains a packet
"""

from __future__ import annotations

from flowvisor.flowspace.box import EVERYTHING, Box
from flowvisor.flowspace.classifier import Classifier
from flowvisor.flowspace.layout import boxes_of, field_mask, forget, match_of, point_of, set_field
from flowvisor.flowspace.region import EMPTY, Region, TooManyPieces

__all__ = [
    "EMPTY",
    "EVERYTHING",
    "Box",
    "Classifier",
    "Region",
    "TooManyPieces",
    "boxes_of",
    "field_mask",
    "forget",
    "match_of",
    "point_of",
    "set_field",
]
