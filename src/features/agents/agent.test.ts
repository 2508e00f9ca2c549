/** The rules of agents: every move, and heartbeats, moves and looks in any order against the plain meaning of the words. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { beaten, isStale, isUntold, type Life, looked, MOVES, moved, newLife, phaseOf, STATES } from './agent.ts';

const limit = 90_000;

test('exactly the moves of the table are there', () => {
  const pairs = STATES.flatMap((from) => MOVES[from].map((to) => `${from} ${to}`));
  expect(pairs).toEqual([
    'UNKNOWN CONNECTED',
    'CONNECTED CONNECTED',
    'CONNECTED IDLE',
    'CONNECTED SUSPENDED',
    'IDLE CONNECTED',
    'IDLE SUSPENDED',
    'SUSPENDED CONNECTED',
  ]);
});

const lapseOf = (state: Life['state']): Life => ({ ...newLife(0), state, heard_at: 0 });

test.each([
  ['UNKNOWN', false],
  ['SUSPENDED', false],
  ['CONNECTED', true],
  ['IDLE', true],
] as const)('%s can be stale: %s; at the limit it is not yet', (state, can) => {
  expect(isStale(lapseOf(state), { now: limit, limit })).toBe(false);
  expect(isStale(lapseOf(state), { now: limit + 1, limit })).toBe(can);
});

test.each([
  ['SUSPENDED', 'thinking', 1, 'suspended'],
  ['CONNECTED', 'thinking', limit + 1, 'stale'],
  ['IDLE', 'thinking', 1, 'idle'],
  ['CONNECTED', 'thinking', 1, 'thinking'],
  ['CONNECTED', 'typing', 1, 'active'],
  ['UNKNOWN', 'thinking', 1, 'warming'],
] as const)('%s that does %s after %i ms is %s', (state, activity, now, phase) => {
  const life = { ...lapseOf(state), activity };
  expect(phaseOf(life, { warming: true, warm: true }, { now, limit })).toBe(phase);
});

test('an agent that never connected is ready once it is warm', () => {
  const at = { now: 1, limit };
  expect(phaseOf(newLife(0), { warming: false, warm: true }, at)).toBe('ready');
  expect(phaseOf(newLife(0), { warming: false, warm: false }, at)).toBe('pending');
});

/** What happens, and how many milliseconds after what was before. */
const steps = fc.array(
  fc.record({
    ms: fc.constantFrom(1, 30_000, 45_000, limit, limit + 1, 400_000),
    act: fc.constantFrom('beat', 'look', 'CONNECTED', 'IDLE', 'SUSPENDED'),
  }),
  { maxLength: 40 },
);

test('each lapse is told once, be it found by a look, a heartbeat or a move', () => {
  fc.assert(
    fc.property(steps, (acts) => {
      let now = 0;
      let life = newLife(now);
      let told = 0;
      let lapses = 0;
      let generation = 0;
      for (const { ms, act } of acts) {
        const before = { state: life.state, heard: life.heard_at };
        const live = before.state === 'CONNECTED' || before.state === 'IDLE';
        now += ms;
        const at = { now, limit };
        // The lapse begins when the limit is passed, which is after the last step or was counted then.
        if (live && now - before.heard > limit && now - ms - before.heard <= limit) lapses++;
        if (act === 'look') {
          if (life.due_at === null || life.due_at >= now) continue;
          if (isStale(life, at)) told++;
          life = looked(life, at);
          continue;
        }
        if (act !== 'beat' && !MOVES[life.state].some((to) => to === act)) continue;
        if (isUntold(life, at)) told++;
        if (act === 'CONNECTED') generation++;
        life = act === 'beat' ? beaten(life, {}, at) : moved(life, act as Life['state'], at);
        expect(isStale(life, at)).toBe(false);
      }
      // Whoever looks now finds what is left.
      const at = { now, limit };
      if (life.due_at !== null && life.due_at < now && isStale(life, at)) told++;
      expect(told).toBe(lapses);
      expect(life.generation).toBe(generation);
    }),
    { numRuns: 2000 },
  );
});
