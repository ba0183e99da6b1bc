"""Methods x layers on one scale."""
