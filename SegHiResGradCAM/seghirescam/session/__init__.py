"""One case, many questions: a whole and a windowed kind of session, and the one verb on top of them."""
