/** Canonical JSON of RFC 8785, for hashes. Guarantees: equal values give equal texts, whatever the order of their keys. Pure. */

/** Of plain JSON; fields that are undefined are left out. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value ?? null);
  const fields = Object.entries(value).filter(([, one]) => one !== undefined);
  // Comparison of strings in JavaScript is by UTF-16 units, as the RFC has it.
  fields.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([name, one]) => `${JSON.stringify(name)}:${canonicalJson(one)}`).join()}}`;
}
