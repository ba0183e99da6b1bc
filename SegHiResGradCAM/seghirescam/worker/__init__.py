"""The process Slicer talks to: server, jobs, and what each request is answered with."""
