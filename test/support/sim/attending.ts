import { Attendance } from '../../../src/app/attend.js'
import { BEAT_MS, StoreWatch } from '../../../src/app/beat-watch.js'
import { isRunElsewhere } from '../../../src/followup/jobs/policy.js'
import { EnergyDetector } from '../../../src/live/audio/voice/energy.js'
import { ClaimTable, MemoryClaims } from '../memory-claims.js'
import type { Running } from './processes.js'
import { reached, storeOf } from './store.js'
import type { SimWorld } from './world.js'

/** a job that failed is tried so often; one that found its meeting run elsewhere looks again after a longer while */
const TRIES = 200
const AGAIN_MS = 1_000
const ELSEWHERE_MS = 2_000

/** The processes of the whole world: each attends to the meeting until that is over or its job goes back, and then ends. */
export class Attending {
  readonly #world: SimWorld
  readonly #table = new ClaimTable()
  #count = 0

  constructor(world: SimWorld) {
    this.#world = world
  }

  async run(running: Running): Promise<void> {
    const { process, told } = running
    const { room, store, time, faults, disks, spooled, botOptions, logger, chance } = this.#world
    const own = new MemoryClaims(`p${++this.#count}`, this.#table, store, { nowMs: () => time.nowMs })
    const claims: MemoryClaims = reached(process, own, time, faults, {
      beat: async () => {
        own.answeredMs = await claims.sign(own.answeredMs)
      },
    })
    const watch = new StoreWatch(process.monotonicMs())
    let isBeating = false
    const beat = () => {
      if (isBeating) return
      isBeating = true
      void claims
        .beat()
        .then(
          () => watch.answered(process.monotonicMs()),
          () => undefined,
        )
        .finally(() => {
          isBeating = false
        })
    }
    beat()
    const stopBeating = process.every(BEAT_MS, beat)
    const speech = spooled.of(process, running.host)
    const attendance = new Attendance({
      deps: {
        room: room.port(process),
        stt: speech.stt,
        store: storeOf(process, store, time, faults),
        finals: disks[running.host]!.finals(process),
        clock: process,
        logger,
        random: chance.random,
        detector: () => new EnergyDetector(200),
      },
      options: botOptions,
      claims,
      queue: { followUp: () => Promise.resolve() },
      observe: () => ({ segment: (segment) => told.push(segment) }),
      watch,
    })
    const back = new AbortController()
    running.leave = (how) => {
      if (how === 'stop') running.stoppedMs ??= time.elapsedMs
      attendance.leave(how)
      back.abort(new Error('goes back'))
    }
    await this.#attend(running, attendance, back.signal)
    await attendance.idle()
    stopBeating()
    void claims.leave().catch(() => undefined)
    await speech.close()
    running.hasRun = true
    running.isDone = true
  }

  async #attend(running: Running, attendance: Attendance, back: AbortSignal): Promise<void> {
    const { store, meetingId } = this.#world
    for (let tries = 0; tries < TRIES && !back.aborted; tries++) {
      const { state } = await store.meeting(meetingId)
      if (state === 'finalising' || state === 'failed') return
      try {
        return await attendance.attend(meetingId, back)
      } catch (thrown) {
        running.error = thrown
        if (!back.aborted) await running.process.sleep(isRunElsewhere(thrown) ? ELSEWHERE_MS : AGAIN_MS)
      }
    }
  }
}
