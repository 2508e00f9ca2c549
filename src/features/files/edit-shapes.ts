/** What edit takes and gives (files.md §8). */
import { z } from 'zod';
import { staleAnswer } from '../../core/call/stale.ts';
import { branchParam, etagParam, itemParam, path, textParam } from './params.ts';

const editParam = z.union([
  z.tuple([textParam, textParam]).transform(([old_str, new_str]) => ({ old_str, new_str })),
  itemParam({
    old_str: textParam,
    new_str: textParam,
    hint_line: z.int().min(1).optional(),
    allow_multiple: z.boolean().optional(),
  }),
]);
export type EditParam = {
  readonly old_str: z.infer<typeof textParam>;
  readonly new_str: z.infer<typeof textParam>;
  readonly hint_line?: number | undefined;
  readonly allow_multiple?: boolean | undefined;
};

export const editInput = z.object({
  path,
  edits: z.array(editParam).min(1).describe('[old, new] or {old_str, new_str, hint_line, allow_multiple}, in order'),
  if_match: etagParam.optional(),
  fuzzy_threshold: z.number().min(0).max(1).default(0.85).describe('least similarity of a match'),
  preview: z.boolean().default(false).describe('tell what would be; write nothing'),
  ...branchParam,
});
export type EditInput = z.infer<typeof editInput>;

const match = z.object({
  edit_index: z.number(),
  match_type: z.enum(['exact', 'normalized', 'fuzzy']),
  similarity: z.number(),
  match_count: z.number(),
  line_start: z.number(),
  line_end: z.number(),
  original_text: z.string(),
});

const editError = z.object({
  edit_index: z.number(),
  code: z.enum(['NO_MATCH', 'AMBIGUOUS', 'TOO_LARGE_FOR_FUZZY']),
  message: z.string(),
  lines: z.array(z.number()).readonly().optional(),
  best_similarity: z.number().optional(),
  best_line: z.number().optional(),
});

/** What the edits come to, before anything is written. */
export const editOutcome = z.object({
  success: z.boolean(),
  applied_count: z.number(),
  matches: z.array(match).readonly(),
  diff: z.string(),
  errors: z.array(editError).readonly(),
});

export const editResult = editOutcome.extend({
  preview: z.boolean(),
  path: z.string(),
  etag: z.string(),
  version: z.number(),
  size: z.number(),
  modified_at: z.string(),
  new_content: z.string().optional(),
});
export type EditResult = z.infer<typeof editResult>;

export const editAnswer = z.union([editResult, staleAnswer]);
export type EditAnswer = z.infer<typeof editAnswer>;
