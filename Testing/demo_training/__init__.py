"""How the demo networks were trained and measured: outside the installed package."""
