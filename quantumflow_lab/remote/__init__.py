"""The lab of a service, used as if it were here."""
