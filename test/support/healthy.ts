import { playVerdict } from '../../src/standins/actors/play-event.js'
import type { CrowdActors } from './crowd-actors.js'

/** What a run may be used for: everything, everything but its timing, or nothing. */
export type Health = ReturnType<typeof playVerdict>

const WORST: readonly Health[] = ['invalid', 'no_timing', 'valid']

/** The worst of some; of none nothing is known. */
export const worstOf = (all: readonly Health[]): Health => WORST.find((one) => all.includes(one)) ?? 'invalid'

/** Sends the speakers away and asks how late they were; those that cannot say show nothing. */
export async function healthOf(actors: readonly CrowdActors[]): Promise<Health> {
  const all = actors.map(async (one) => {
    await one[Symbol.asyncDispose]()
    const health = one.health()
    return health ? playVerdict(health) : 'invalid'
  })
  return worstOf(await Promise.all(all))
}

/** Runs something; when its speakers were late, once more. @returns the last run, to be left out when it is invalid too */
export async function healthy<T extends { readonly health: Health }>(run: () => Promise<T>): Promise<T> {
  const first = await run()
  return first.health === 'invalid' ? run() : first
}
