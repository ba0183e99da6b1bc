"""Which network weights belong to, told by the names and shapes of their tensors; nothing is run or imported of it."""
