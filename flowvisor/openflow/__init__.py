"""The wire: frames, the neutral messages, and a codec for each version of OpenFlow.

`frame` cuts the stream into frames and patches their xids. `reader` reads bytes within bounds, `structure`
reads and writes what has a fixed layout. `fields` is the registry of match fields; `match`, `actions`,
`ports`, `messages` and `multipart` are the neutral messages; `error_codes` names the specification's errors.
`v10` and `v13` are the codecs, each with `decode` and `encode`, and `versions` finds one by its wire version.
`bridge` turns what one version means into what the other can say. `channel` is one OpenFlow connection in
either role, `legality` the table of what is legal on it, `hello` its first message. `packet` reads the
headers of packets, `checksum` is IP's, `pcap` finds packets in files.
"""
