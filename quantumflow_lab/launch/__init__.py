"""From a cell to a run that goes on: plan it, price it, refuse it or let it go.

=================  ==================================================================
`preparing`        a workflow with its notebook and its options becomes a planned run
`experience`       what earlier runs tell of the next one
`quoting`          what a planned run would take, and where it had better go
`launcher`         the refusals, the lease, the record, the start; and taking a run up
`opening`          the record that a run opens its journal with
`clusters`         where functions go that do not run beside the lab
`calls`            samplers and estimators outside of any step
`going`            the runs that go on in this process
`stopping`         what a person wants to end or to pause
=================  ==================================================================
"""
