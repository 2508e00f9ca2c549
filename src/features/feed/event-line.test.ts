/** A line is what JSON.stringify makes of the event: one line, whatever texts are in it, in a log of any mixture. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isoTime } from '../../base/clock.ts';
import type { EventRow } from '../events/events.sql.ts';
import { eventLine, eventObject } from './event-line.ts';

const text = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }).filter((one) => one.isWellFormed()),
  fc.constantFrom('"', '\\', '\n', '\u2028', 'ä', '💥', ''),
);
const few = fc.constantFrom('ada', 'a"b', 'é');
const row: fc.Arbitrary<EventRow> = fc.record({
  zone_id: fc.constantFrom('root', 'zone-1'),
  seq: fc.nat(),
  at: fc.integer({ min: 0, max: 4_000_000_000_000 }),
  type: fc.constantFrom('write', 'rename', 'app.x', 'odd"type'),
  path: text,
  old_path: fc.option(text),
  branch: fc.option(few),
  object_type: fc.option(few),
  object_id: text,
  user_id: few,
  agent_id: fc.option(few),
  channel: fc.constantFrom('http', 'rpc', 'cli', 'internal'),
  request_id: text,
  data: fc.dictionary(fc.constantFrom('via', 'é', '__proto__'), text).map((value) => JSON.stringify(value)),
});

/** The event as the contract has it. */
function eventOf(from: EventRow): object {
  const id = `${from.zone_id}.${from.seq}`;
  const channels: Record<string, string> = { http: 'api', rpc: 'api', internal: 'system' };
  return {
    event_id: id,
    id,
    sequence_number: from.seq,
    revision: from.seq,
    type: from.type,
    operation_type: from.type,
    path: from.path,
    ...(from.old_path === null ? {} : { old_path: from.old_path, new_path: from.path }),
    zone_id: from.zone_id,
    ...(from.branch === null ? {} : { branch: from.branch }),
    user_id: from.user_id,
    ...(from.agent_id === null ? {} : { agent_id: from.agent_id }),
    channel: channels[from.channel] ?? from.channel,
    request_id: from.request_id,
    timestamp: isoTime(from.at),
    status: 'success',
    ...(from.object_type === null ? {} : { object: { type: from.object_type, id: from.object_id } }),
    data: JSON.parse(from.data),
  };
}

test('a line is the event as JSON', () => {
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 20 }), (rows) => {
      for (const one of rows) {
        const line = eventLine(one);
        expect(line).not.toMatch(/[\n\r]/);
        expect(line).toBe(JSON.stringify(eventOf(one)));
        expect(eventObject.safeParse(JSON.parse(line)).error).toBeUndefined();
      }
    }),
    { numRuns: 500 },
  );
});
