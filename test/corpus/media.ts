/** Images and sounds of tests: headers with as little behind them as readers want. */

const u16 = (value: number): Buffer => Buffer.from([value >> 8, value & 255]);
function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export interface Picture {
  readonly width: number;
  readonly height: number;
}

/** `colour`: 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGBA. */
export function pngOf({ width, height }: Picture, colour: number): Buffer {
  const header = Buffer.concat([
    u32(13),
    Buffer.from('IHDR'),
    u32(width),
    u32(height),
    Buffer.from([8, colour, 0, 0, 0]),
  ]);
  return Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), header, Buffer.alloc(16)]);
}

/** A baseline frame behind the segments given. */
export function jpegOf({ width, height }: Picture, components: number, before = [jpegSegment(0xe0, 14)]): Buffer {
  const frame = [Buffer.from([0xff, 0xc0]), u16(8 + 3 * components), Buffer.from([8]), u16(height), u16(width)];
  const parts = [Buffer.from([components]), Buffer.alloc(3 * components + 32)];
  return Buffer.concat([Buffer.from('ffd8', 'hex'), ...before, ...frame, ...parts]);
}

/** A segment that readers pass over. */
export const jpegSegment = (marker: number, length: number): Buffer =>
  Buffer.concat([Buffer.from([0xff, marker]), u16(length + 2), Buffer.alloc(length)]);

export function webpOf({ width, height }: Picture): Buffer {
  const frame = Buffer.alloc(30);
  frame.write('RIFF', 0);
  frame.writeUInt32LE(22, 4);
  frame.write('WEBPVP8 ', 8);
  frame.writeUInt32LE(10, 16);
  Buffer.from('9d012a', 'hex').copy(frame, 23);
  frame.writeUInt16LE(width, 26);
  frame.writeUInt16LE(height, 28);
  return frame;
}

export interface Sound {
  readonly rate: number;
  readonly channels: number;
  readonly seconds: number;
}

/** Silence, 16 bits. */
export function wavOf({ rate, channels, seconds }: Sound): Buffer {
  const frame = 2 * channels;
  const data = Buffer.alloc(rate * seconds * frame);
  const header = Buffer.alloc(44);
  header.write('RIFF', 0);
  header.writeUInt32LE(36 + data.length, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(channels, 22);
  header.writeUInt32LE(rate, 24);
  header.writeUInt32LE(rate * frame, 28);
  header.writeUInt16LE(frame, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36);
  header.writeUInt32LE(data.length, 40);
  return Buffer.concat([header, data]);
}

/** Frames of 128 kbit/s at 44.1 kHz, 1,152 samples in 417 bytes each. */
export function mp3Of(frames: number): Buffer {
  const frame = Buffer.alloc(417);
  Buffer.from('fffb9000', 'hex').copy(frame);
  return Buffer.concat(Array.from({ length: frames }, () => frame));
}

/** The one block that tells of the stream, without any sound behind it. */
export function flacOf({ rate, channels, seconds }: Sound): Buffer {
  const info = Buffer.alloc(34);
  info.writeUInt16BE(4096, 0);
  info.writeUInt16BE(4096, 2);
  const bits = (BigInt(rate) << 44n) | (BigInt(channels - 1) << 41n) | (15n << 36n) | BigInt(rate * seconds);
  info.writeBigUInt64BE(bits, 10);
  return Buffer.concat([Buffer.from('fLaC'), Buffer.from([0x80, 0, 0, info.length]), info]);
}
