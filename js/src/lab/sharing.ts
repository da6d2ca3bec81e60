// What JupyterLab's own bundle shares: its modules by name, each in one or more versions.

/** One version of a shared module, as webpack and Rspack put it into a share scope. */
export interface Offer {
  get(): Promise<() => unknown> | (() => unknown);
  loaded?: unknown;
}

export type Scope = Record<string, Record<string, Offer>>;

/** The version that JupyterLab itself uses: the one that is loaded, else the newest. */
export function chosen(offers: Record<string, Offer>): Offer | undefined {
  const versions = Object.keys(offers).sort((a, b) => compared(b, a));
  const version = versions.find((each) => offers[each]?.loaded) ?? versions[0];
  return version === undefined ? undefined : offers[version];
}

/** The modules of those names; null for what this application does not share. */
export async function taken(scope: Scope, names: readonly string[]): Promise<unknown[]> {
  return Promise.all(
    names.map(async (name) => {
      const factory = await chosen(scope[name] ?? {})?.get();
      return factory ? factory() : null;
    }),
  );
}

/** Orders versions such as 4.6.6 and 4.10.0-rc.1 by their numbers. */
function compared(a: string, b: string): number {
  const [one, other] = [a, b].map((each) => each.split(/[.+-]/).map(Number));
  for (let i = 0; i < 3; i++) {
    const difference = (one![i] || 0) - (other![i] || 0);
    if (difference) return difference;
  }
  // A release comes after its candidates.
  return Number(b.includes("-")) - Number(a.includes("-"));
}
