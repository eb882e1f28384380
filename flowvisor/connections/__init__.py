"""Twisted: connections to datapaths and to controllers; here effects become I/O, and nothing is decided.

`connections` knows every connection and carries effects out; `peer_protocol` is what a datapath's and a
controller's protocol have in common; `outbound` is what waits for a peer, within bounds; `dialling` keeps
connections to controllers up; `endpoints` turns connection methods into Twisted's endpoints.
"""
