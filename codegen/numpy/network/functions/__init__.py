"""The functions of a network: drafts first, so that functions of one module can share what they compute alike."""
