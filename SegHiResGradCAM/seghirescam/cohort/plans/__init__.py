"""What a cohort asks: rows from a CSV, a small YAML, or a folder in a layout of the field."""
