"""Many pixel sets in one question: kept small, handed over one by one, in groups that fit into memory."""
