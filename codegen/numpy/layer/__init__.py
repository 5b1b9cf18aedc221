"""Layer or Optimiser -> its module: functions, and a class on top of them."""
