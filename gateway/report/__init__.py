"""What a job cost, what it saved and why each task went where it did: as values, in the terminal, and as HTML."""
