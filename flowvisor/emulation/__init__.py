"""An OpenFlow network in software: datapaths, hosts and a learning controller, without sockets or with them.

`datapath` what a switch does with messages and packets · `pipeline` what its tables do with one packet ·
`flow_table`, `group_table`, `meter_table` what they hold · `rewriting` packets changed by actions ·
`network` datapaths and hosts joined by links · `learning_switch` a tenant's controller ·
`shell` the same over TCP · `demo` two tenants on one network, in a terminal.
"""
