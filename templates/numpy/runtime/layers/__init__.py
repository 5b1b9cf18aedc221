"""What classes of layers, networks and optimisers stand on."""
