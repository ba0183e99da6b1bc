"""Every cheap method at every main layer."""
