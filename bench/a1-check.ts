/**
 * A1 and A2: checks in the process over a path of 8 hops, all distinct, half allowed; Nexus on 1,000,000 tuples. Cedar is
 * given its policies beforehand and with each question only the entities that matter to it, which is the least it can be
 * given. casbin goes through all its rules with each question and is measured on what it loads.
 */
import { createRequire } from 'node:module';
import { preparsePolicySet, statefulIsAuthorized } from '@cedar-policy/cedar-wasm/nodejs';
import { newEnforcer, newModelFromString } from 'casbin';
import {
  type BenchCheck,
  benchCheck,
  benchGraph,
  benchTuples,
  checkOn,
  folderOf,
  perSecond,
  teamOf,
} from './lib/access-graph.ts';
import { measurePairs, printBar, type Side } from './lib/pairs.ts';

const TUPLES = 1_000_000;
const PAIRS = 3;

function ours(): { readonly side: Side; readonly decide: (check: BenchCheck) => boolean } {
  const zone = benchGraph(TUPLES);
  const decide = ({ user, path }: BenchCheck): boolean => checkOn(zone, user, ['read', 'file', path]);
  let asked = 0;
  const measure = async () => perSecond(100_000, () => decide(benchCheck(asked++, TUPLES)));
  return { side: { name: 'nexus, 1,000,000 tuples', measure }, decide };
}

const uid = (type: string, id: string) => ({ type, id });

function entitiesOf({ space, user, target, path }: BenchCheck) {
  const teams = [1, 2, 3, 4].map((depth) => ({
    uid: uid('Team', teamOf(space, depth)),
    attrs: {},
    parents: depth < 4 ? [uid('Team', teamOf(space, depth + 1))] : [],
  }));
  const top = folderOf(target);
  const folders = [`${top}/a/b/c`, `${top}/a/b`, `${top}/a`, top];
  return [
    { uid: uid('User', user), attrs: {}, parents: [uid('Team', teamOf(space, 1))] },
    ...teams,
    { uid: uid('File', path), attrs: { top: { __entity: uid('File', top) } }, parents: [uid('File', folders[0]!)] },
    ...folders.map((folder, i) => ({
      uid: uid('File', folder),
      attrs: i === 3 ? { viewers: { __entity: uid('Team', teamOf(target, 4)) } } : {},
      parents: i < 3 ? [uid('File', folders[i + 1]!)] : [],
    })),
  ];
}

function cedar() {
  const policies =
    'permit(principal, action, resource) when { resource in resource.top && principal in resource.top.viewers };';
  const parsed = preparsePolicySet('bench', { staticPolicies: policies });
  if (parsed.type !== 'success') throw new Error(JSON.stringify(parsed));
  const decide = (check: BenchCheck): boolean => {
    const answer = statefulIsAuthorized({
      principal: uid('User', check.user),
      action: uid('Action', 'read'),
      resource: uid('File', check.path),
      context: {},
      preparsedPolicySetId: 'bench',
      entities: entitiesOf(check),
    });
    if (answer.type !== 'success') throw new Error(JSON.stringify(answer));
    return answer.response.decision === 'allow';
  };
  let asked = 0;
  const measure = async () => perSecond(5_000, () => decide(benchCheck(asked++, TUPLES)));
  return { side: { name: 'cedar-wasm, stateful, only the entities of the question', measure }, decide };
}

const CASBIN_TUPLES = 20_000;
const MODEL = `
[request_definition]
r = sub, obj, act
[policy_definition]
p = sub, obj, act
[role_definition]
g = _, _
g2 = _, _
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.act == p.act && g(r.sub, p.sub) && g2(r.obj, p.obj)
`;

async function casbin() {
  const enforcer = await newEnforcer(newModelFromString(MODEL));
  const members: string[][] = [];
  const grants: string[][] = [];
  for (const { relation, subject_id, object_id } of benchTuples(CASBIN_TUPLES)) {
    if (relation === 'member') members.push([subject_id, object_id]);
    else grants.push([subject_id, object_id, 'read']);
  }
  const below = grants.flatMap(([, top = '']) => [
    [`${top}/a`, top],
    [`${top}/a/b`, `${top}/a`],
    [`${top}/a/b/c`, `${top}/a/b`],
  ]);
  await enforcer.addNamedGroupingPolicies('g', members);
  await enforcer.addNamedGroupingPolicies('g2', below);
  await enforcer.addPolicies(grants);
  // Its links are those of the folder: that a file lies in it is a text operation of the asker.
  const decide = ({ user, path }: BenchCheck): boolean =>
    enforcer.enforceSync(user, path.slice(0, path.lastIndexOf('/')), 'read');
  let asked = 0;
  const measure = async () => perSecond(300, () => decide(benchCheck(asked++, CASBIN_TUPLES)));
  return { side: { name: `casbin, ${CASBIN_TUPLES} tuples`, measure }, decide };
}

/** Both sides say what is right, before anybody is measured. */
function agree(name: string, decide: (check: BenchCheck) => boolean, tuples: number): void {
  for (let n = 0; n < 200; n++) {
    const check = benchCheck(n, tuples);
    if (decide(check) !== check.allowed) throw new Error(`${name} decides ${JSON.stringify(check)} otherwise`);
  }
}

export async function run(): Promise<boolean> {
  const { version } = createRequire(import.meta.url)('casbin/package.json');
  const nexus = ours();
  const peers = { cedar: cedar(), casbin: await casbin() };
  agree('nexus', nexus.decide, TUPLES);
  agree('nexus', nexus.decide, CASBIN_TUPLES);
  agree('cedar', peers.cedar.decide, TUPLES);
  agree(`casbin ${version}`, peers.casbin.decide, CASBIN_TUPLES);
  const against = async (id: string, atLeast: number, peer: Side): Promise<boolean> => {
    const result = await measurePairs(nexus.side, peer, PAIRS);
    const bar = { id, what: 'checks in the process, 8 hops, all distinct', unit: 'checks/s', bound: { atLeast } };
    return printBar(bar, { ours: nexus.side, theirs: peer }, result);
  };
  const a1 = await against('A1', 20, peers.cedar.side);
  const a2 = await against('A2', 50, peers.casbin.side);
  return a1 && a2;
}
