/**
 * The answer of a call that found, in its transaction, that what it was prepared on has changed: it changed nothing and
 * is prepared again. No door ever sees it.
 */
import { z } from 'zod';

export const staleAnswer = z.strictObject({ stale: z.literal(true) });
export type StaleAnswer = z.infer<typeof staleAnswer>;

export const STALE: StaleAnswer = { stale: true };

export const isStale = (output: object): output is StaleAnswer => 'stale' in output;

/** What of an output a door may answer: the same without the stale one. */
export function withoutStale(output: z.ZodType): z.ZodType {
  if (!(output instanceof z.ZodUnion)) return output;
  const [answer, ...others] = (output.options as readonly z.ZodType[]).filter((option) => option !== staleAnswer);
  return answer && others.length === 0 ? answer : output;
}
