"""Dense layers, attention, recurrent cells, and layers that join branches."""
