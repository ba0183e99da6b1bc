"""Did the network use it? What is removed, in which order, against random orders."""
