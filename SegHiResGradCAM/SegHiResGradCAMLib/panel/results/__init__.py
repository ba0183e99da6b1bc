"""The answers: which is shown, and how."""
