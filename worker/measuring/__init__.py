"""What a model's tokens take on this machine, measured, and put into the strategy file's tariff."""
