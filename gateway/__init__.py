"""What people touch: the command line, reports, files."""
