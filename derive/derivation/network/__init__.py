"""Pages of networks: table of layers, letters, back-propagation from the last layer down."""
