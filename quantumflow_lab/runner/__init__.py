"""From a plan to its results: the imperative shell around the scheduler."""
