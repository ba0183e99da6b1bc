"""One command about two models: which class of each, both opened for one image, maps of both in one folder."""
