/** Parameters of lists below `/api/v1` (infrastructure.md §1): outside of these bounds is a wrong shape. */
import { z } from 'zod';

const LIMIT_MAX = 1000;

/** So many items behind an offset: 1 to 1,000 of them, 100 unless given, where a list does not say otherwise. */
export const pageParams = ({
  most = LIMIT_MAX,
  unless = 100,
}: {
  readonly most?: number;
  readonly unless?: number;
} = {}) => ({
  limit: z.int().min(1).max(most).default(unless).describe(`items at most, ${unless} unless given`),
  offset: z.int().min(0).default(0).describe('items to leave out before the first'),
});
