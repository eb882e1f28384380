"""What an operator sees: `metrics` for Prometheus and `health` for a probe, served by `site`; and the `logs`.

`metrics` puts together `datapath_metrics`, `slice_metrics`, `tls_metrics` and `reload_metrics`, which are made of
`families`; `lag` is how late the reactor comes round, `message_names` are message types in words.
"""
