"""What a router has to beat: one strategy for everything, and two strategies drawn at random."""
