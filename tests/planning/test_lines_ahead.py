"""Who is hung up on and called: whoever is no more, is new, or has to be spoken to otherwise."""

from __future__ import annotations

from attrs import evolve

from flowvisor.network.connection_method import parse_connection_method
from flowvisor.network.tls_files import NamedFile, TlsFiles
from flowvisor.planning.lines_ahead import lines_ahead
from tests.support.slices import A
from tests.support.world import NOWHERE, configuration

ONE, OTHER, SAFE = map(
    parse_connection_method, ("tcp:10.0.0.1:6653", "tcp:10.0.0.2:6653", "ssl:10.0.0.3:6653")
)
PLAIN = configuration().settings
WITH_KEYS, WITH_OTHERS = (
    evolve(
        PLAIN,
        tls=TlsFiles(*(NamedFile(f"{name}.pem", NOWHERE) for name in (key, "certificate", "ca"))),
    )
    for key in ("key", "another")
)


def test_who_is_in_both_files_stays() -> None:
    before, after = (evolve(A, controllers=methods) for methods in ((ONE, SAFE), (OTHER, SAFE)))
    assert lines_ahead(before, after, 1, WITH_KEYS, WITH_KEYS) == ((str(ONE),), (str(OTHER),))
    assert lines_ahead(before, before, 1, WITH_KEYS, WITH_KEYS) == ((), ())


def test_who_is_shown_another_certificate_is_called_again() -> None:
    both = evolve(A, controllers=(ONE, SAFE))
    assert lines_ahead(both, both, 1, WITH_KEYS, WITH_OTHERS) == ((str(SAFE),), (str(SAFE),))


def test_other_versions_are_spoken_of_anew() -> None:
    newer = evolve(A, versions=frozenset({4}))
    told = tuple(map(str, A.controllers))
    assert lines_ahead(A, newer, 1, PLAIN, PLAIN) == (told, told)


def test_of_a_slice_that_comes_or_goes_nothing_is_said() -> None:
    assert lines_ahead(None, A, 1, PLAIN, PLAIN) == lines_ahead(A, None, 1, PLAIN, PLAIN) == ((), ())
