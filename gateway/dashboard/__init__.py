"""The dashboard: jobs, strategies, budgets and workers as pages that keep themselves up to date."""
