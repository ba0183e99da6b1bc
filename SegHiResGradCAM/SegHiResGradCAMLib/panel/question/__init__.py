"""What is asked, and why it cannot be asked yet."""
