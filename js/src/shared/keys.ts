/** Keeps keys that mean something here from JupyterLab, whose notebook would delete or copy
    the cell at d d or c. The attribute that it offers for this, data-lm-suppress-shortcuts,
    does not help: its selectors match the focused element itself, before any parent is asked.
    Ctrl with a key that is not ours goes on, so that Ctrl+S still saves the notebook. */
export function keepKeys(event: KeyboardEvent): void {
  const command = (event.ctrlKey || event.metaKey) && event.key !== "Enter";
  if (!command || event.defaultPrevented) event.stopPropagation();
}
