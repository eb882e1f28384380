"""What the admin wrote: from texts to one checked configuration, or to every place that is wrong.

* `documents`: YAML as trees whose every node knows its place
* `schema`, `converters`: how mappings and values are read
* `match_values`, `match_reader`: how matches are written, in both directions
* `base_entries`: the admin's own flow entries
* `link_reader`: how cables between datapaths are written; `when_reader`: days and times
* `group_reader`: machines that an ACL speaks of by a name
* `policy_uses`: which policies a slice has
* `formats`: what a format is; `settings_format`, `slice_formats` and `policy_formats` are the keys of every file
* `connection_checks`, `tls_kinds`: whether the connections that they ask for can be, and with which keys
* `reader`: all files together
* `snapshot`: what comes out
* `changes`: what is different between two of these
"""

from __future__ import annotations

from flowvisor.configuration.documents import TextFile
from flowvisor.configuration.reader import read_configuration
from flowvisor.configuration.snapshot import Configuration, Settings

__all__ = ["Configuration", "Settings", "TextFile", "read_configuration"]
