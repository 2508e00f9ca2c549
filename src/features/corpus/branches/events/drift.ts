/** natural_drift and reverse_drift: substitutions of letters, each over the result of the last (corpus.md §10). Pure. */
import { countOf } from '../../text/rules.ts';
import type { Applying, EventType, Payload } from './event.ts';

interface Substitution {
  readonly from: string;
  readonly to: string;
  /** Finds `from` in any case. */
  readonly pattern: RegExp;
}

const table = (text: string): readonly Substitution[] =>
  text.split(' ').map((entry) => {
    const [from = '', to = ''] = entry.split('>');
    return { from, to, pattern: new RegExp(from, 'giu') };
  });

const NATURAL = table(
  'th>þ ae>æ ph>f ck>k tion>cion ct>tt pl>pi fl>fi cl>chi x>ss li>gli ni>gn sc>sh cw>qu hw>wh oo>ou ee>ea igh>eye ght>t ough>ow wh>w kn>n wr>r mb>m gn>n',
);
const REVERSE = table('cion>tion chi>cl tt>ct pi>pl fi>fl ss>x sh>sc qu>cw þ>th æ>ae f>ph k>ck');

const anything = (payload: Payload): Payload => payload;

export const naturalDrift: EventType = {
  validate: anything,
  apply: ({ text }: Applying) => {
    let replacements = 0;
    let drifted = text;
    for (const { from, to, pattern } of NATURAL) {
      // What is counted is not always what is replaced: some letters match in any case that are others in lower case.
      replacements += countOf(drifted.toLowerCase(), from);
      drifted = drifted.replace(pattern, to);
    }
    return { text: drifted, summary: { replacements } };
  },
};

export const reverseDrift: EventType = {
  validate: anything,
  apply: ({ text }: Applying) => {
    let reversals = 0;
    let drifted = text;
    for (const { to, pattern } of REVERSE) {
      drifted = drifted.replace(pattern, () => {
        reversals++;
        return to;
      });
    }
    return { text: drifted, summary: { reversals } };
  },
};
