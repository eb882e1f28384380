"""A network hypervisor: each tenant has an OpenFlow network of its own, on hardware that all share.

The words, which the code uses in these senses only:

**On the wire**

*packet* what a host sent.
*frame* one whole OpenFlow message, undecoded.
*message* the decoded object.
*transaction* what an xid names.
*channel* the OpenFlow connection.

**What there is**

*datapath* a physical switch; it has a dpid. "Switch" alone only in *virtual switch*.
*controller* a tenant's.
*slice* what a tenant has: a share of the real network, or a network invented for it.
*flowspace* which packets are a slice's.
*box* packets that agree with one value under one mask. *region* a union of boxes.
*virtual switch*, *virtual port*, *virtual link* what a slice has in place of real ones.
*embedding* where virtual things lie.

**What is done**

*view* what a slice sees: `to_virtual`, `to_physical`.
*plan* what compiling the admin's files gives.
*translation* from one side's message to the other's: *northbound* towards the controllers,
*southbound* towards the datapaths.
*effect* what the core wants done.
*admit* let pass. *refuse* answer with an OpenFlow error. *shed* drop and count.
"""

__version__ = "0.1.0"
