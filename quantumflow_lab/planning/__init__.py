"""From a workflow and the facts of its backends to a plan, without running anything."""
