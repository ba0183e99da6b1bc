"""In what a device computes, and what it says when it cannot."""
