"""An OpenFlow network in software: datapaths, hosts and a learning controller, without sockets or with them.

`datapath` what a switch does with messages and packets · `pipeline` what its tables do with one packet ·
`flow_table`, `group_table`, `meter_table` what they hold · `rewriting` packets changed by actions ·
`modifications` and `legality` what controllers may change · `statistics` and `capabilities` what they may ask ·
`controllers` their roles · `network` datapaths and `hosts` joined by links · `learning_switch` a tenant's
controller · `shell` all this over TCP · `promise` who should reach whom by the admin's files · `demo` who does.
"""
