"""Which layers there are, and what lies behind one."""
