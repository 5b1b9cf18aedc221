"""Document -> Unicode text for a terminal."""
