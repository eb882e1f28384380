"""What a slice may do: one class for each kind of policy.

* `acl`: which of its packets it must not have
* `bandwidth`: how much traffic it may have
* `quota`: how much of a datapath it may hold
* `rate_limit`: how fast its messages may come
* `policy`: any of these
* `when`: at which times a policy or a rule is in force
"""

from __future__ import annotations

from flowvisor.policies.acl import Acl, AclRule
from flowvisor.policies.bandwidth import Bandwidth
from flowvisor.policies.policy import Policy
from flowvisor.policies.quota import Quota
from flowvisor.policies.rate_limit import RateLimit

__all__ = ["Acl", "AclRule", "Bandwidth", "Policy", "Quota", "RateLimit"]
