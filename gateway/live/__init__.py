"""What a person sees while a command works: a live view on a terminal, plain lines anywhere else."""
