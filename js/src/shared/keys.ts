/** Keeps keys that mean something here from JupyterLab, whose notebook would delete or copy
    the cell at d d or c.
    Ctrl with a key that is not ours goes on, so that Ctrl+S still saves the notebook. */
export function keepKeys(event: KeyboardEvent): void {
  const command = (event.ctrlKey || event.metaKey) && event.key !== "Enter";
  if (!command || event.defaultPrevented) event.stopPropagation();
}

/** Notebook 7 looks at a key before the page hears of it, so that stopping it is too late.
    It leaves alone what has this attribute itself; so Ctrl+S does not save from in here. */
export function keepFocus({ target }: FocusEvent): void {
  if (document.body.dataset["notebook"] === undefined || !(target instanceof Element)) return;
  target.setAttribute("data-lm-suppress-shortcuts", "true");
}
