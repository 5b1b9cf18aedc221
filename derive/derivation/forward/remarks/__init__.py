"""What is said of the forward equations: notes behind them, which constants need none, how the code does it."""
