"""From a plan to its results: the imperative shell around the scheduler.

`runner` owns the thread: it hands events to the scheduler in batches, carries out the
commands that come back, and writes what happened. Each command has a module.

=============  =======================================================================
runs           `beginning`, `fetching` what was left, `pauses`, `ending`; `live`: one
               run, `going`: all of them
steps          `steps` open and close, `attempts` run their functions, `rooms` are what
               clusters can take
what they get  `answers` of attempts until they count, `finals`: points and calls that
               will not change any more, `past` and `cached`: what was known before
loops          `port`: what a step can ask for, `calls` on their way, `replay`: the
               answers of a run that is taken up, `desk`: calls from outside of steps
jobs           `jobs`; see there
money          `foresight` and `forecasts` before, `bills` after, `sessions` beside
who looks on   `views` and `snapshot` for widgets, `outputs`, `story`, `news`
the journal    `records` say what happened, `recorder` writes them
=============  =======================================================================
"""
