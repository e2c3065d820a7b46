"""What a worker process can be for: engines, routing, reconciling, training."""
