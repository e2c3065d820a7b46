"""Commands that ask a server: the one that APPORTION_API_URL names."""
