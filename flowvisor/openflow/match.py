"""A match: for each field that matters, a value and a mask."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import evolve, field, frozen

from flowvisor.openflow.fields import FIELDS


@frozen
class OpaqueField:
    """An OXM entry that is not understood: kept whole, re-encoded unchanged.

    `header` is the 32-bit OXM header with its mask bit, `body` what follows it (an experimenter id included).
    """

    header: int
    body: bytes


@frozen(hash=False)
class Match:
    """What a flow entry matches: `fields` maps a field's name to `(value, mask)`, both ints.

    An exact value has the mask `FIELDS[name].all_ones`; bits outside the mask are zero in the value.
    A field that is not in `fields` is wildcarded. Trusted to be well formed: decoders and readers check.
    """

    fields: Mapping[str, tuple[int, int]] = field(factory=dict)
    opaque: tuple[OpaqueField, ...] = ()

    @classmethod
    def of(cls, **fields: int | tuple[int, int]) -> Match:
        """Build a match from keywords: a plain int is exact, a pair is (value, mask)."""
        return cls(
            {
                name: (value[0] & value[1], value[1])
                if isinstance(value, tuple)
                else (value, FIELDS[name].all_ones)
                for name, value in fields.items()
            }
        )

    def __iter__(self) -> Iterator[tuple[str, int, int]]:
        for name, (value, mask) in self.fields.items():
            yield name, value, mask

    def exact(self, name: str) -> int | None:
        """The value of a field that is matched exactly, else None."""
        pair = self.fields.get(name)
        return pair[0] if pair is not None and pair[1] == FIELDS[name].all_ones else None

    def having(self, **fields: int | tuple[int, int]) -> Match:
        """A copy with these fields set."""
        return evolve(self, fields={**self.fields, **Match.of(**fields).fields})

    def without(self, *names: str) -> Match:
        """A copy with these fields wildcarded."""
        return evolve(self, fields={name: pair for name, pair in self.fields.items() if name not in names})


MATCH_ALL = Match()
