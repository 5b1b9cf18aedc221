"""What a recorded call computes with: what values there are, where each lies, and which steps are called together."""
