"""Points as the bytes of a task, and what came back as their ends.

Arguments and answers hold foreign code, which may raise anything. A point that cannot
travel is answered here with the reason, and takes no other with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from quantumflow_lab.cluster.parcels import Answer, Group, Point, pack, unpack
from quantumflow_lab.cluster.queue import Waiting
from quantumflow_lab.errors import StepFailed
from quantumflow_lab.ports import Came

_MOST_BYTES = 1 << 22
"""Bytes of a group above which it is sent in halves."""


def prepare(load: list[Waiting]) -> list[tuple[Waiting, Point]]:
    """The points of a group with their arguments; who has none is answered why."""
    points: list[tuple[Waiting, Point]] = []
    for waiting in load:
        away = waiting.away
        try:
            given = away.arguments()
        except Exception as error:  # noqa: BLE001 - an option of the user's
            waiting.on_end(away.key, Came(error=error))
            continue
        point = Point(*away.key, away.run, away.step, away.point, away.backend, given)
        points.append((waiting, point))
    return points


def pack_group(
    empty: Group, points: list[tuple[Waiting, Point]]
) -> tuple[bytes, list[Waiting], list[Waiting]] | None:
    """The bytes of a group, who is in it, and who has to go later.

    Parameters
    ----------
    empty
        The group without its points.
    points
        Who would go, and what of it travels.

    Returns
    -------
    tuple or None
        None if nobody is left.
    """

    def packed(some: Sequence[tuple[Waiting, Point]]) -> bytes:
        return pack(replace(empty, points=tuple(point for _, point in some)))

    if not points:
        return None
    try:
        data = packed(points)
    except Exception:  # noqa: BLE001 - pickling runs foreign code
        points = [each for each in points if _can_travel(*each)]
        if not points:
            return None
        data = packed(points)
    going, later = points, points[:0]
    if len(data) > _MOST_BYTES and len(points) > 1:
        half = len(points) // 2
        going, later = points[:half], points[half:]
        data = packed(going)
    return data, [waiting for waiting, _ in going], [waiting for waiting, _ in later]


def _can_travel(waiting: Waiting, point: Point) -> bool:
    """Whether a point can be pickled; one that cannot is answered with the reason."""
    try:
        pack(point)
    except Exception as error:  # noqa: BLE001 - pickling runs foreign code
        told = f"{type(error).__name__}: {error}"
        failed = StepFailed(
            f"step '{point.step}' cannot go to the cluster, since an argument cannot "
            f"be pickled ({told}); run it with --executor local",
            step=point.step,
        )
        waiting.on_end(waiting.away.key, Came(error=failed))
        return False
    return True


def read_answer(answer: Answer) -> Came:
    """An answer with its value or error again."""
    try:
        if answer.error is not None:
            return Came(None, unpack(answer.error), answer.metrics, answer.outputs)
        value = None if answer.value is None else unpack(answer.value)
    except Exception as failed:  # noqa: BLE001 - unpickling runs foreign code
        return Came(error=failed)
    return Came(value, None, answer.metrics, answer.outputs)


def read_broken(broken: bytes, step: str) -> StepFailed:
    """Why a worker cannot use the function of a step."""
    failure = read_answer(Answer(0, 0, None, broken)).error
    return StepFailed(
        f"a worker cannot load the function of step '{step}': "
        f"{type(failure).__name__}: {failure}; install what it imports there, or send "
        "a module with client.upload_file",
        step=step,
    )
