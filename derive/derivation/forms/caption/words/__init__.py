"""Caption -> words, operator form, and the definitions of what they use."""
