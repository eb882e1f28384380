"""A policy: anything that a slice may have in its `policies`."""

from __future__ import annotations

from typing import TypeAlias

from flowvisor.policies.acl import Acl
from flowvisor.policies.bandwidth import Bandwidth
from flowvisor.policies.quota import Quota
from flowvisor.policies.rate_limit import RateLimit

Policy: TypeAlias = Acl | Bandwidth | Quota | RateLimit
