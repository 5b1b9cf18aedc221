"""The ways to rewrite statements; what is taken, the room around it decides."""
