"""Runs programs that models wrote, where they can do no harm and can not forge what their tests say."""
