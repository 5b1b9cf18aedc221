"""What a page of a network says once: rows, equations and blocks that others repeat under other names."""
