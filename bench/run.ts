/** `npm run bench [-- f1 f2 …]`: runs the bars, both sides in one run, and prints their ratios. */
const BENCHES: Readonly<Record<string, () => Promise<{ run(): Promise<boolean> }>>> = {
  writer: () => import('./writer.ts'),
  f1: () => import('./f1-read.ts'),
  f2: () => import('./f2-write.ts'),
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in BENCHES));
if (unknown.length > 0) {
  console.error(`no bench ${unknown.join(', ')}; there are ${Object.keys(BENCHES).join(', ')}`);
  process.exit(2);
}
let met = true;
for (const [name, load] of Object.entries(BENCHES)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  met = (await (await load()).run()) && met;
}
process.exit(met ? 0 : 1);
