"""What axe-core finds wrong in a part of a page for people who do not see or point."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

SOURCE = Path(__file__).parents[2] / "js" / "node_modules" / "axe-core" / "axe.min.js"
GRAVE = ("serious", "critical")

RUN = """async ([selector, grave]) => {
  const found = await window.axe.run(
    { include: [[selector]] },
    { resultTypes: ["violations", "incomplete"], iframes: false },
  );
  // An id that two elements have is left open, though labels then name the wrong one.
  const twice = found.incomplete.filter((each) => each.id.startsWith("duplicate-id"));
  return [...found.violations, ...twice]
    .filter((each) => grave.includes(each.impact))
    .flatMap((each) => each.nodes.map((node) => {
      const [check] = [...node.any, ...node.all, ...node.none];
      return `${each.id}: ${node.html.slice(0, 160)} (${check?.message ?? each.help})`;
    }));
}"""


def faults(page: Page, selector: str) -> list[str]:
    """The serious and critical faults of what matches a selector, one in a line."""
    if not page.evaluate("Boolean(window.axe)"):
        assert SOURCE.exists(), f"{SOURCE} is missing: type 'make setup'"
        page.evaluate(SOURCE.read_text(encoding="utf-8"))
    found: list[str] = page.evaluate(RUN, [selector, GRAVE])
    return found
