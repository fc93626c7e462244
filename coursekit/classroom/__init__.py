"""Grade a class of untrusted notebooks."""
