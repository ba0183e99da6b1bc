"""A map as a coloured volume: placed, scaled, with its legend."""
