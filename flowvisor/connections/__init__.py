"""Twisted: connections to datapaths and to controllers; here effects become I/O, and nothing is decided.

`connections` knows every connection and carries effects out. `peer_protocol` is what `datapath_protocol` and
`controller_protocol` have in common; `outbound` is what waits for a peer, within bounds. `line` is the way to
one controller, kept up by `dialling`; `endpoints` turns connection methods into Twisted's endpoints. `admission`
says which datapaths are let in, `addresses` whose a connection is. `keyring` has the `certificates` that `tls` is made
with. `counters` are plain ints. `folder_source` reads the admin's files, `file_paths` are where they point,
`state_folder` and `journal_folder` keep what outlives the process. `reloading` lets files count that
have changed, which `watching` has seen.
"""
