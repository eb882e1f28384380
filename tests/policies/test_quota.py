"""A quota: how much of the datapaths' state a slice may hold."""

from attrs import asdict

from flowvisor.policies.quota import Quota


def test_a_quota_limits_only_what_it_names() -> None:
    quota = Quota(name="small", groups=0)
    assert {key for key, value in asdict(quota).items() if value is None} == {
        "flow_entries_per_datapath",
        "flow_entries",
        "meters",
    }
    assert quota.groups == 0
