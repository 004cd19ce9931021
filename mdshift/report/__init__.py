"""Reports are functions of the types."""
