"""One file for each form of data set."""
