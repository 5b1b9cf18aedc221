"""Pages to look at: one of HTML, many of them as a site, a playground."""
