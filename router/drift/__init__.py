"""Whether a strategy still does what is predicted of it, and by how much its predictions are corrected meanwhile."""
