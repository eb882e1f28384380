"""The plan: what the hypervisor installs on each datapath and what each slice sees of it.

allocation   which slice has which block of tables, for as long as it lives
ownership    whose a packet is at a datapath, and what of a set of packets is somebody else's
view         what one slice sees of one datapath: ports, tables, where its packets may leave
plan         the above for one datapath, compiled from the configuration
entries      the flow entries and groups that the hypervisor itself installs
exact_matches  matches without masks where OpenFlow allows none
fences       what ACLs deny where matches are intersected
answer_entries, answer_meters, seen_entries  what sends us questions for addresses that are known, and how many
meters       the meters of slices whose bandwidth is limited
base_entries the admin's own, in a version's words
difference   what must be sent so that a datapath has these entries and no others
own_changes  what must be sent when only rules are others
concerned    whose entries that may be about
overlaps     the proof that slices are disjoint
acl_bounds   what `check` says of ACLs
acl_groups   what an ACL says of groups of machines
proof        both, before files count, also for the times to come
touched      which datapaths a change of the files concerns
ahead        plans that a reload will need, compiled before it
preview      what a reload would do, said before it is done
lines_ahead  which controllers it would hang up on, and call
explanation  whose a packet is, and why
answer_explanation  whether a packet asks for a known address, for the explanation
embedding_ahead  where virtual networks lie, for those two
network_preview  what a reload would do to virtual networks
network_claims  what of a virtual network has a packet, for the explanation
"""
