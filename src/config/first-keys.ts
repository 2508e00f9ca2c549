/**
 * Texts of the first keys (infrastructure.md §2). Guarantees: no two roles have one text; outside dev and test no text that
 * everybody knows is made to work.
 */
import { DEFAULT_KEY_TEXTS, isDefaultKeyText } from '../base/default-keys.ts';

export { isDefaultKeyText };

/** Settings by their names. */
type Values = { readonly [name: string]: unknown };
export type FirstKeyRole = keyof typeof DEFAULT_KEY_TEXTS;

export interface FirstKey {
  readonly role: FirstKeyRole;
  readonly text: string;
}

/** The keys that a start makes. */
export function bootstrapTexts(values: Values): FirstKey[] {
  const { BOOTSTRAP_KEYS_ENABLED: enabled, ENVIRONMENT } = values;
  if (enabled === false) return [];
  const all = enabled === true || ENVIRONMENT !== 'prod';
  const roles = Object.keys(DEFAULT_KEY_TEXTS) as FirstKeyRole[];
  const keys = roles.map((role) => ({
    role,
    text: String(values[nameOf(role)] || (all ? DEFAULT_KEY_TEXTS[role] : '')),
  }));
  return keys.filter(({ text }) => text !== '');
}

const nameOf = (role: FirstKeyRole): string => `BOOTSTRAP_${role.toUpperCase()}_KEY`;

/** One line a mistake, without any text of a key. */
export function keyTextMistakes(values: Values): string[] {
  const keys = bootstrapTexts(values);
  // Also where none of them is to be made.
  const set =
    keys.length > 0 ? keys : bootstrapTexts({ ...values, ENVIRONMENT: 'prod', BOOTSTRAP_KEYS_ENABLED: undefined });
  const shared = set.filter(({ text }, i) => set.slice(0, i).some((other) => other.text === text));
  const known = values.ENVIRONMENT === 'prod' ? keys.filter(({ text }) => isDefaultKeyText(text)) : [];
  return [
    ...shared.map(
      ({ role }) => `NEXUS_${nameOf(role)}: the value is that of another NEXUS_BOOTSTRAP_… key; give each role its own`,
    ),
    ...known.map(
      ({ role }) => `NEXUS_${nameOf(role)}: prod takes no default text; set one of your own: openssl rand -hex 24`,
    ),
  ];
}
