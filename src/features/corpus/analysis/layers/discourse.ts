/** How a text hangs together. */
import { paragraphSpans } from '../../text/rules.ts';
import { countAll, type Layer, numberOf } from './reading.ts';

const CONNECTIVES = ['however', 'therefore', 'because', 'although'];

export const discourse: Layer = {
  name: 'discourse',
  confidence: 0.61,
  read: ({ text, lower, hints }) => ({
    paragraph_count: numberOf(paragraphSpans(text)),
    connective_count: countAll(lower, CONNECTIVES),
    pdf_hints: hints,
  }),
};
