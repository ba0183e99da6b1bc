"""What was answered as one long table, streamed, the same byte for byte from any way of running."""
