"""The REST API on the admin's address.

* `shapes`: what is answered, as types; `schemas` makes JSON Schema of them
* `routes`: one table of everything that can be asked; `dispatch` serves it, `openapi` describes it
* `render_*`: what datapaths, slices and links look like as JSON, made of plain state
* `answers` to those who look, `commands` of those who change something, by `changing` the admin's `files`
* `access`: who may ask what; `problems`: what is said to those who ask wrongly
* `events`: what has happened lately; `event_stream` tells it to those who listen
"""
