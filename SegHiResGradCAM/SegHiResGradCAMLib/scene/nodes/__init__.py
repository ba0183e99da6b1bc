"""What every node of ours has: geometry, place in the hierarchy, remembered facts, what is attached to it."""
