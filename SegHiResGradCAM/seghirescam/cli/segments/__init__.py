"""Many segments or classes in one command: which class each is asked about, one map for each, a table of all."""
