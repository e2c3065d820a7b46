"""Several limits at once: prices for all of them, found exactly on few cells, then rounding, repair and exchange."""
