"""Archives from a server, or where they lie: fetched once, resumed, checked, ready to be read."""
