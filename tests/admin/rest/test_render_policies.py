"""Policies: of every kind the files have, shown to those who have them."""

from flowvisor.admin.rest.access import Access
from flowvisor.admin.rest.render_policies import KINDS, policy_of
from flowvisor.configuration.policy_formats import POLICY_FORMATS
from flowvisor.policies.quota import Quota
from tests.support.world import a_slice, configuration, ports


def test_every_kind_of_the_files_has_its_name() -> None:
    assert set(KINDS.values()) == set(POLICY_FORMATS.built)


def test_a_tenant_is_not_told_who_else_has_a_policy() -> None:
    slices = (a_slice(name, ports(n), policies=["small"]) for n, name in enumerate(("blue", "red"), 1))
    of = configuration(*slices, policies=[Quota("small", groups=1)])
    for reader, having in ((Access("a"), ["blue", "red"]), (Access("b", "blue"), ["blue"])):
        assert policy_of(of, "small", reader) == {"name": "small", "kind": "quota", "slices": having}
