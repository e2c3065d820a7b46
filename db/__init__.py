"""Rows in, rows out. Never commits."""
