import { asIdentity, newSessionId, trackKey } from '../../src/core/ids.js'
import { AudioPlane } from '../../src/live/audio/plane.js'

const PEOPLE = 8
const SECONDS = 120
const BLOCK_MS = 50

/**
 * JavaScript of mixer and spans for a meeting of eight who all speak, as percent of a core: simulated time, so the ratio
 * of CPU time to audio time. What a send costs is in `live` (the whole process).
 */
export async function run(): Promise<{ people: number; audioSec: number; jsCorePercent: number }> {
  const plane = new AudioPlane(
    { meetingStartMs: 0 },
    { open: () => newSessionId(), block: () => undefined, finish: () => undefined, span: () => undefined, gap: () => undefined },
  )
  const tone = Int16Array.from({ length: 800 }, (_, at) => Math.round(3_000 * Math.sin(at / 5)))
  const keys = Array.from({ length: PEOPLE }, (_, at) => {
    const identity = asIdentity(`p${at}`)
    const key = trackKey(identity, 'microphone')
    plane.trackStarted({ key, identity }, 0)
    return key
  })
  const play = (fromMs: number, toMs: number) => {
    for (let nowMs = fromMs; nowMs < toMs; nowMs += 10) {
      if (nowMs % BLOCK_MS === 0) for (const key of keys) plane.frame(key, tone.slice(), nowMs + BLOCK_MS)
      if (nowMs % 20 === 0) plane.tick(nowMs + BLOCK_MS)
    }
  }
  play(0, 10_000)
  const before = process.cpuUsage()
  play(10_000, 10_000 + SECONDS * 1000)
  const { user, system } = process.cpuUsage(before)
  return Promise.resolve({ people: PEOPLE, audioSec: SECONDS, jsCorePercent: (user + system) / 1e4 / SECONDS })
}
