// Names of elements that others refer to. A page may hold many views, and each view loads its
// own copy of this file: Preact's ids, which count from nought in each, would be told twice.
import { useState } from "preact/hooks";

const HERE = `qf${Math.random().toString(36).slice(2, 10)}`;
let given = 0;

/** An id that no other element of the page has; the same for as long as the part is shown. */
export function useUnique(): string {
  const [id] = useState(() => `${HERE}-${given++}`);
  return id;
}
