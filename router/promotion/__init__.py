"""Whether a newly trained predictor may serve: off-line gate, randomised trial, and the way back."""
