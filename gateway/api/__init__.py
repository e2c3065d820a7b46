"""The HTTP API: OpenAI's Files and Batches, and what a deployment needs around them."""
