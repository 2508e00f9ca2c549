/** Texts of keys that a server for development has unless it is told others. Everybody knows them. */

export const DEFAULT_KEY_TEXTS = {
  admin: 'nexus-dev-admin-key',
  researcher: 'nexus-dev-researcher-key',
  operator: 'nexus-dev-operator-key',
  viewer: 'nexus-dev-viewer-key',
} as const;

const TEXTS: ReadonlySet<string> = new Set(Object.values(DEFAULT_KEY_TEXTS));

export const isDefaultKeyText = (text: string): boolean => TEXTS.has(text);
