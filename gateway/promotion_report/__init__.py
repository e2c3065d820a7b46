"""Why a predictor version serves, or does not: one page, from what is kept with the version."""
