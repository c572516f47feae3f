import type { Script, Step } from '../../src/standins/actors/script.js'

const NAMES = ['Ann', 'Bob', 'Cyd', 'Dora', 'Eve', 'Fay', 'Gus', 'Hal']

/** Identity of a number in marks. */
export const identityOf = (who: number): string => `p${who}`

const say = (who: number, atSec: number, slots: number): Step => ({ atMs: atSec * 1000, actor: identityOf(who), do: 'marks', slots })
const act = (who: number, atSec: number, verb: 'join' | 'leave' | 'rejoin' | 'mute' | 'unmute' | 'republish'): Step => ({
  atMs: atSec * 1000,
  actor: identityOf(who),
  do: verb,
})

/** Turns of 1.2 to 3 s with pauses, two and three at once, of those who are there. */
function turns(fromSec: number, toSec: number, people: readonly number[]): Step[] {
  const steps: Step[] = []
  for (let at = fromSec, turn = 0; at + 3 <= toSec; at += 0.8, turn++) {
    const who = people[turn % people.length] ?? 0
    steps.push(say(who, at, 6 + ((turn * 5) % 7)))
  }
  return steps
}

/** Eight people for 45 s: late joins (two rolls), a mute with talk into it, a mute in mid-turn, leave and rejoin, rename, republish. */
export const eightPeople: Script = {
  cast: NAMES.map((name, who) => ({ identity: identityOf(who), name, who, voice: 'rms' as const })),
  steps: [
    ...turns(1, 6, [0, 1]),
    act(2, 4, 'join'),
    act(3, 4.4, 'join'),
    ...turns(7, 14, [0, 1, 2, 3]),
    act(4, 11, 'join'),
    act(5, 11.4, 'join'),
    act(6, 11.8, 'join'),
    act(7, 12.2, 'join'),
    { atMs: 13_000, actor: 'p3', do: 'rename', name: 'Dora Duck' },
    ...turns(15, 24, [4, 5, 6, 7, 0, 3]),
    // into a closed microphone: nobody may hear it
    act(1, 15, 'mute'),
    say(1, 16, 10),
    act(1, 19, 'unmute'),
    say(1, 20, 8),
    act(2, 16, 'leave'),
    act(2, 20, 'rejoin'),
    ...turns(25, 34, [2, 4, 6, 1, 3, 5]),
    // in mid-turn
    say(7, 26, 30),
    act(7, 28.1, 'mute'),
    act(7, 30.1, 'unmute'),
    act(0, 27, 'republish'),
    say(0, 29.2, 20),
    ...turns(35, 45, [0, 1, 2, 3, 4, 5, 6, 7]),
    say(3, 36.2, 6),
    say(7, 37.2, 8),
    // the last mark is out before anybody leaves
    { atMs: 46_000, actor: 'p0', do: 'rename', name: 'Ann Apple' },
  ],
}
