"""How a budget is spent over a long job or a stream: one price for everything that still has to be routed."""
