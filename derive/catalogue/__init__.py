"""What comes with gradscribe: layers, networks, optimisers, fast correlations. Equations only."""
