"""What must be installed or agreed to, and what is remembered on this computer."""
