"""What runs in the sandbox, on the standard library alone: a referee with the tests, a player with the answer."""
