"""The upper storey: one virtual switch over its shares of several datapaths.

Towards its tenant it is a switch, towards its shares a controller of each, over *legs*. On one datapath frames pass as
they are, and nothing but `legs` is used.

big_switch     who is there: the virtual switch, its controllers' channels, their legs
legs           shares and controllers come, go and talk
backlog        what controllers send waits its turn
southbound     a tenant's frames, by type; what is in no table is refused
errands        what is sent over legs, and what comes back, brought together
fan_out        requests that are answered, by one leg or by several
changes        what changes anything is done on all legs, or on none
entries        what the tenant has written into the tables
copies         what the virtual switch itself has its shares do
replay         a share that joins is made what the virtual switch is
flow_listing   the entries, for people who look from outside
moves          entries follow their ports, and outlive datapaths
flow_mod, flow_removed, modifications, packet_out, port_status, statistics, offers, settings
               families of messages
"""
