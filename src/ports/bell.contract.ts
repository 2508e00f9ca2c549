/** What every engine of the notification port must pass. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Bell, RING_BYTES_MAX } from './bell.ts';

export interface BellPlace {
  /** One end of the bell; all ends hear each other. */
  open(): Promise<Bell>;
  remove(): Promise<void>;
}

export function bellContract(name: string, makePlace: () => Promise<BellPlace>): void {
  describe(`bell: ${name}`, () => {
    let place: BellPlace;
    let here: Bell;
    let there: Bell;
    let heard: string[];

    beforeAll(async () => {
      place = await makePlace();
      here = await place.open();
      there = await place.open();
    });
    afterAll(async () => {
      await here.close();
      await there.close();
      await place.remove();
    });
    beforeEach(() => {
      heard = [];
    });

    /** Resolves when what was rung at one end before has been heard at both. */
    const settled = async (end: Bell): Promise<void> => {
      const arrivals = [here, there].map(
        (bell) =>
          new Promise<void>((resolve) => {
            const stop = bell.listen('settled', () => {
              stop();
              resolve();
            });
          }),
      );
      end.ring('settled', '');
      await Promise.all(arrivals);
    };

    test('every listener of a topic hears each ring once, in order, whichever end rang', async () => {
      const stops = [here, there].map((bell, i) => bell.listen('jobs', (payload) => heard.push(`${i} ${payload}`)));
      for (let i = 0; i < 20; i++) here.ring('jobs', `a${i}`);
      await settled(here);
      for (let i = 0; i < 20; i++) there.ring('jobs', `b${i}`);
      await settled(there);
      for (const stop of stops) stop();
      const rung = ['a', 'b'].flatMap((end) => Array.from({ length: 20 }, (_, i) => `${end}${i}`));
      for (const i of [0, 1]) {
        expect(heard.filter((line) => line.startsWith(`${i} `))).toEqual(rung.map((payload) => `${i} ${payload}`));
      }
    });

    test('a listener hears its own topic only, and nothing once it stopped', async () => {
      const stop = here.listen('mine', (payload) => heard.push(payload));
      const other = here.listen('mine', (payload) => heard.push(`other ${payload}`));
      there.ring('yours', 'no');
      there.ring('mine', 'yes');
      await settled(there);
      stop();
      there.ring('mine', 'late');
      await settled(there);
      other();
      expect(heard).toEqual(['yes', 'other yes', 'other late']);
    });

    test('nobody is called before the ring has returned', async () => {
      const stop = here.listen('later', (payload) => heard.push(payload));
      here.ring('later', 'x');
      expect(heard).toEqual([]);
      await settled(here);
      expect(heard).toEqual(['x']);
      stop();
    });

    test.each([
      ['empty', ''],
      ['every script', 'ä 漢 😀 \' " \\ \u0000 \n'],
      ['the longest', 'x'.repeat(RING_BYTES_MAX - 1)],
    ])('a payload is kept as it was: %s', async (_, payload) => {
      const stop = there.listen('t', (text) => heard.push(text));
      here.ring('t', payload);
      await settled(here);
      stop();
      expect(heard).toEqual([payload]);
    });

    test('a ring that is too long is refused', () => {
      expect(() => here.ring('t', 'x'.repeat(RING_BYTES_MAX))).toThrow('limit');
      expect(() => here.ring('ä'.repeat(RING_BYTES_MAX / 2), 'x')).toThrow('limit');
    });
  });
}
