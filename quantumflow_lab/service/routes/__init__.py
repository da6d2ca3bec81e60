"""The paths of the service, by subject. Each parses, asks the desk, and answers."""
