"""The command about this computer: what is here, what is missing."""
