/** Permission asked ahead of costly preparation, so that nobody makes the server store what he may not write. */
import { z } from 'zod';
import type { Need } from './call/access.ts';
import type { Operation } from './operation.ts';

const input = z.object({ needs: z.custom<readonly Need[]>(Array.isArray) });

export const authoriseNeeds: Operation<z.infer<typeof input>, null> = {
  name: 'access.authorise',
  summary: 'Throw ACCESS_DENIED unless every need is met.',
  effect: 'read',
  who: 'public',
  internal: true,
  input,
  output: z.null(),
  faults: ['ACCESS_DENIED'],
  needs: (ready) => ready.needs,
  run: async () => null,
};
