/**
 * Ended spans on their way to a collector. Guarantees: whoever ends a span waits for nothing; at most {@link WAITING_MOST}
 * wait, and what does not get through is counted; a collector that is away is told of once a minute.
 */
import type { ReadableSpan, SpanExporter, SpanProcessor } from '@opentelemetry/sdk-trace';
import { seldom } from '../../base/seldom.ts';

const BATCH = 512;
const WAITING_MOST = 4_096;
/** Milliseconds that a span waits for others at most. */
const GATHER_MS = 1_000;
const TOLD_EVERY_MS = 60_000;

export interface SpanQueueOptions {
  readonly exporter: Pick<SpanExporter, 'export' | 'shutdown'>;
  readonly dropped: (spans: number) => void;
  /** Told why a batch did not get through. */
  readonly failed: (reason: string) => void;
}

export class SpanQueue implements SpanProcessor {
  private readonly options: SpanQueueOptions;
  private waiting: ReadableSpan[] = [];
  private sending: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private readonly tell: (reason: string) => void;

  constructor(options: SpanQueueOptions) {
    this.options = options;
    this.tell = seldom(TOLD_EVERY_MS, options.failed);
  }

  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    if (this.waiting.length >= WAITING_MOST) {
      this.options.dropped(1);
      return;
    }
    this.waiting.push(span);
    if (this.waiting.length >= BATCH) this.send();
    else this.timer ??= setTimeout(() => this.send(), GATHER_MS).unref();
  }

  /** Sends what waits, unless some is under way: it then follows. */
  private send(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.waiting.length === 0) return;
    this.sending ??= this.sendBatch(this.waiting.splice(0, BATCH)).finally(() => {
      this.sending = undefined;
      this.send();
    });
  }

  private sendBatch(batch: ReadableSpan[]): Promise<void> {
    return new Promise((resolve) => {
      this.options.exporter.export(batch, ({ code, error }) => {
        // 0 is success.
        if (code !== 0) this.lost(batch.length, error);
        resolve();
      });
    });
  }

  private lost(spans: number, error: Error | undefined): void {
    this.options.dropped(spans);
    this.tell(error?.message ?? 'the collector takes no spans');
  }

  async forceFlush(): Promise<void> {
    this.send();
    while (this.sending) await this.sending;
  }

  async shutdown(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    const left = this.waiting.splice(0).length;
    if (left > 0) this.options.dropped(left);
    await this.options.exporter.shutdown();
  }
}
