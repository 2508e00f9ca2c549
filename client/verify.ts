/** Whether an answer of `rebac_explain` is proven. Guarantee: what has not even the form of a proof is rejected, too. */
import { verify } from './proof.ts';
import type { Explanation, ProofWorld } from './proof-world.ts';

export function verifyExplanation(told: Explanation, world: ProofWorld): boolean {
  try {
    return verify(told, world);
  } catch {
    return false;
  }
}
