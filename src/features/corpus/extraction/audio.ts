/** What the header of a sound tells (corpus.md §5). Guarantees: what cannot be read is a warning. */
import type { IFormat } from 'music-metadata';
import { roundTo } from '../../../base/rounding.ts';
import { type ExtractAsked, type Extracted, reasonOf } from './extracted.ts';

export async function extractAudio({ bytes, filename }: Pick<ExtractAsked, 'bytes' | 'filename'>): Promise<Extracted> {
  const { sampleRate, numberOfChannels, duration, reason } = await formatOf(bytes, filename);
  const seconds = duration !== undefined && duration > 0 && Number.isFinite(duration) ? duration : null;
  const segment = { start: 0, end: roundTo(seconds ?? 0, 3), text: '', speaker: 'speaker_0' };
  return {
    status: seconds === null ? 'partial' : 'complete',
    text: null,
    segments: {
      filename,
      size_bytes: bytes.length,
      sample_rate: sampleRate ?? null,
      channels: numberOfChannels ?? null,
      duration_seconds: seconds,
      transcription_segments: seconds === null ? [] : [segment],
      prosody_summary: { avg_intensity: null, tempo_hint: null },
    },
    warning: seconds === null ? `the header of the sound cannot be read: ${reason ?? 'it tells no duration'}` : null,
  };
}

type Read = Pick<IFormat, 'sampleRate' | 'numberOfChannels' | 'duration'> & { readonly reason?: string };

async function formatOf(bytes: Uint8Array, path: string): Promise<Read> {
  const { parseBuffer } = await import('music-metadata');
  try {
    const { format } = await parseBuffer(bytes, { path, size: bytes.length }, { duration: true, skipCovers: true });
    return format;
  } catch (thrown) {
    return { reason: reasonOf(thrown) };
  }
}
