/** Options that several commands of the server have. */
import type { Option } from '../command.ts';

export const DATA: Option = { name: 'data', about: 'data directory, else NEXUS_DATA_DIR', takes: 'text' };

export const LISTEN: readonly Option[] = [
  { name: 'port', about: 'port to listen at, else NEXUS_PORT', takes: 'text' },
  { name: 'host', about: 'address to listen at, else NEXUS_HOST', takes: 'text' },
  DATA,
];
