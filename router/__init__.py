"""Pure decisions: numbers and text in, allocations, predictions, prompts and grades out."""
