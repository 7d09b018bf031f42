"""An emulated Azure that enforces what the real one enforces: tokens, permissions, limits, delays."""
