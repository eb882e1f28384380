"""What an operator sees: `metrics` for Prometheus, `health` for a probe and the API of `rest`, served by `site` on the
listeners of `operators`; what is done in a terminal (`terminal`); and the `logs`.

`metrics` puts together `datapath_metrics`, `slice_metrics` (with `expansion_metrics`), `tls_metrics` and
`reload_metrics`, which are made of `families`; `lag` is how late the reactor comes round, `message_names` are message
types in words.
`preview_page` and `explanation_page` say what a reload would do, and whose a packet is.
"""
