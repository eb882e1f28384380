"""Translation: messages between datapaths and the slices' controllers.

hypervisor     who has joined and left, and each frame to its translation
effects        what the core wants done
journal        records of what must outlive the process, as bytes and back
entry_records  flow entries of intersected slices as such records
memory         what is known of a datapath while it is away
readoption     which of those entries are there still, and what becomes of the others
peers          who is connected, and what is known of them
channels       a controller's channel to a slice's share of a datapath comes and goes
setup          a datapath that has just connected is read, and made what the plan says
links          probes for links between datapaths, and what follows when a link comes or goes
sightings      what was seen of datapaths and links, for the next process
networks       virtual networks while they run: their switches, and what these lie on
reembedding    what datapaths are told when that has changed
following      ports that move to where an address is seen
answering      who asks for an address that is known is answered
seen_addresses what hosts have said of themselves, for that
port_descriptions  what a tenant is told of a virtual port
rejudging      entries that are there already, judged as if they came now
handover       packets change hands at one that is connected, and whom that does not concern does not wait
replanning     what a reload of the files changes at one that is connected
bandwidth      how each slice's is limited at a datapath
northbound     a datapath's frames, by type: events, answers, errors
southbound     a tenant's frames, by type; what is in no table is refused
requests       requests to a datapath, whose answers lead to a callable
transactions   xids that name their sender
buffers        packets that a datapath buffered, each for the slice that was shown it
flow_table     a slice's own flow table where the datapath has none for it
flow_quota     the quota of flow entries, also where nobody here keeps them
room           how many more entries may pass until they have to be counted
groups, meters a slice's at a datapath, under both names
ids            numbers for them on the datapath
refusal        why a tenant's request is not done
refusals       those of late, by slice
counters       plain ints
translation/   one module for each family of messages
big/           one virtual switch over its shares of several datapaths
"""
