"""An emulated Azure that enforces what the real one enforces: tokens, rights, limits, delays."""
