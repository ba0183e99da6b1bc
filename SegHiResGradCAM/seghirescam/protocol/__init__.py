"""What travels between Slicer, the worker, the command line and the engine: standard library and numpy only."""
