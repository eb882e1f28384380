"""Translation by message family: `northbound` towards controllers, `southbound` towards datapaths.

actions              a tenant's instructions, judged and put in the datapath's terms
flow_mod             FLOW_MOD into the slice's own tables
flow_mod_intersect   FLOW_MOD where the match is cut to what the slice owns
consequences         what an entry means for later tables and for groups
groups, meters       GROUP_MOD; METER_MOD and what is asked of meters
group_statistics     GROUP statistics, descriptions, features
queues               QUEUE_GET_CONFIG and QUEUE statistics
queueing             outputs through the queue of a slice whose bandwidth is so limited
pieces               how such an entry lies on the datapath, and what an error takes back
flow_removed, packet_in, packet_out, port_status
tenant_lldp          LLDP that a tenant sends: shown at the far end of a link
statistics           FLOW, AGGREGATE, PORT, TABLE
reading              slices that may look at what others own
packet_in_copies     packet-ins for one controller, and copies of them for such slices
table_features       TABLE_FEATURES
switch_messages      what the virtual switch answers by itself
nicira               the few extensions that are understood
unowned              tables, which have nothing to configure; what each channel wants to hear
versions             instructions in the words of another version
"""
