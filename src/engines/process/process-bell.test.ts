/** The bell of a single process: the port's suite. */
import { bellContract } from '../../ports/bell.contract.ts';
import { openProcessBell } from './process-bell.ts';

bellContract('process', async () => {
  const bell = openProcessBell();
  return { open: async () => bell, remove: async () => undefined };
});
