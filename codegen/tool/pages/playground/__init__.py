"""The playground: a page where one types an equation or a network, and the engine that answers it."""
