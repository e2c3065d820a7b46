"""Engines: what runs a model. Each kind stands in a file of its own; `select.make_engine` chooses one."""
