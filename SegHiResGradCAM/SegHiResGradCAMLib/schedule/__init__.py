"""Work that is done later or in short pieces. No Qt: the timer is given."""
