"""How often the full check's verdict is wrong: wrong maps called supported, right maps called not supported."""
