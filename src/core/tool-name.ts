/** What an operation is called by those who know it as a tool (workflows.md §8), and in words to whoever called it. */
import type { Channel } from './operation.ts';

/** Of an operation, whatever it answers. */
export interface Named {
  readonly name: string;
  readonly tool?: string | { readonly name?: string } | undefined;
}

export function toolNameOf({ name, tool }: Named): string {
  return (typeof tool === 'string' ? tool : tool?.name) ?? usualName(name);
}

function usualName(name: string): string {
  const [noun = '', verb = ''] = name.split('.');
  const words = verb === 'list' ? `list_${pluralOf(noun)}` : `${verb}_${noun}`;
  return words.replaceAll('-', '_');
}

const pluralOf = (noun: string): string => {
  if (noun.endsWith('sis')) return noun.replace(/sis$/, 'ses');
  return /(ch|sh|x)$/.test(noun) ? `${noun}es` : `${noun}s`;
};

/** The name by which the caller knows it. */
export const nameFor = (operation: Named, channel: Channel): string =>
  channel === 'mcp' ? toolNameOf(operation) : operation.name;
