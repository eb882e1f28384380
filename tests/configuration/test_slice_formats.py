"""A slice's keys: words that are wrong, or not built yet, are refused by name."""

import pytest

from flowvisor.errors import ConfigurationError
from flowvisor.slices.flowspace_slice import FlowspaceSlice
from tests.support.formats import RIGHT, problems_of, read


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("[write]", "f:4:14: permissions: who writes to packets also reads them; write [read, write]"),
        ("[reed]", 'f:4:15: permissions: "reed" is not "read" or "write"; did you mean "read"?'),
    ],
)
def test_permissions_are_read_and_write(written: str, told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read("rule", permissions=written)
    assert str(caught.value) == told


def test_versions_that_are_not_built_yet_are_refused_by_name() -> None:
    assert problems_of("flowspace", {**RIGHT["flowspace"], "openflow": "[1.3, 1.4]"}) == {
        "openflow": "1.4 is not built yet"
    }


@pytest.mark.parametrize(
    ("lines", "may"), [({}, False), ({"port_mod": "virtual"}, False), ({"port_mod": "physical"}, True)]
)
def test_physical_ports_are_configured_only_where_the_admin_says_so(lines: dict[str, str], may: bool) -> None:
    one = read("flowspace", controllers="[tcp:a]", **lines)
    assert isinstance(one, FlowspaceSlice)
    assert one.may_configure_ports is may


def test_a_slice_has_a_controller_somewhere() -> None:
    with pytest.raises(ConfigurationError, match="f:1:1: the slice has no controller; write controllers: "):
        read("flowspace", switches="{0x1: {tls: {ca: a}}}")
    found = read("flowspace", switches="{0x1: {controllers: ['ptcp:1']}}")
    assert isinstance(found, FlowspaceSlice)
    assert found.controllers == ()
    assert [str(method) for method in found.controllers_of(1)] == ["ptcp:1"]
