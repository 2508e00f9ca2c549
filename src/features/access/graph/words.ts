/**
 * Numbers for the texts of a graph: relations, types, and nodes, which are a type with an id. Pure. Guarantees: equal texts
 * have one number, which never changes; looking a node up makes no text.
 */
import { hashOf } from '../../../base/seeded-hash.ts';
import { MEMBER } from '../schema/rules.ts';
import { IdTable } from './id-table.ts';

/** A zone name holds no `|`, so the type of a foreign subject is none of the own ones. */
const typeText = (type: string, zone: string): string => (zone === '' ? type : `${zone}|${type}`);

/** What a number of 16 bits tells apart. Schemas are far smaller; names of former ones are kept. */
const RELATIONS_MAX = 65_535;

export class Words {
  readonly member: number;
  /** Nodes that are known. */
  nodes = 0;
  private readonly relationNumbers = new Map<string, number>([['', 0]]);
  private readonly relationTexts: string[] = [''];
  private readonly typeNumbers = new Map<string, number>();
  private readonly typeTexts: string[] = [];
  /** By type: numbers of its ids. */
  private readonly byType: IdTable[] = [];
  private readonly idTexts: string[] = [];
  private types = new Uint32Array(16);

  constructor() {
    this.member = this.number(MEMBER);
  }

  /** Of a relation. */
  number(relation: string): number {
    const known = this.relationNumbers.get(relation);
    if (known !== undefined) return known;
    if (this.relationTexts.length >= RELATIONS_MAX) throw new Error('a graph has too many names of relations');
    this.relationTexts.push(relation);
    this.relationNumbers.set(relation, this.relationTexts.length - 1);
    return this.relationTexts.length - 1;
  }

  relation(number: number): string {
    return this.relationTexts[number] ?? '';
  }

  /** Of a type, of this zone (empty) or another. */
  type(type: string, zone: string): number {
    const text = typeText(type, zone);
    const known = this.typeNumbers.get(text);
    if (known !== undefined) return known;
    this.typeTexts.push(text);
    this.byType.push(new IdTable(this.idTexts));
    this.typeNumbers.set(text, this.typeTexts.length - 1);
    return this.typeTexts.length - 1;
  }

  /** -1 where none is known. */
  findType(type: string, zone: string): number {
    return this.typeNumbers.get(typeText(type, zone)) ?? -1;
  }

  node(type: number, id: string): number {
    const ids = this.byType[type]!;
    const hash = hashOf(id);
    const known = ids.find(id, hash);
    if (known >= 0) return known;
    const node = this.nodes++;
    if (node >= this.types.length) {
      const more = new Uint32Array(this.types.length * 2);
      more.set(this.types);
      this.types = more;
    }
    this.types[node] = type;
    this.idTexts.push(id);
    ids.add(hash, node);
    return node;
  }

  /** -1 where none is known. `hash` is that of the id. */
  findNode(type: number, id: string, hash: number = hashOf(id)): number {
    return this.byType[type]?.find(id, hash) ?? -1;
  }

  idOf(node: number): string {
    return this.idTexts[node] ?? '';
  }

  typeOf(node: number): number {
    return this.types[node] ?? 0;
  }

  /** Of a subject of another zone, with the zone before it. */
  typeText(type: number): string {
    return this.typeTexts[type] ?? '';
  }
}
