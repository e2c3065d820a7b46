"""The desk: whoever turns batches into jobs, and ended jobs into files. The HTTP API never waits for it."""
