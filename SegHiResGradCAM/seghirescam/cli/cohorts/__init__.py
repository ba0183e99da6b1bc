"""The command line: a cohort of cases, and what is told about its run."""
