import type { Clock } from '../../core/time.js'
import type { EngineTranscript } from '../engine/port.js'
import type { InitParams } from './init-request.js'
import { resultOf, transcriptionOf } from './job.js'
import { MAX_FINALS } from './limits.js'
import { wireSec } from './server-message.js'

/** What a session has understood so far. Finals beyond the bound still reach the socket but not the result. */
export class SessionResult {
  readonly #params: InitParams
  readonly #clock: Clock
  #finals: EngineTranscript[] = []
  #latestEndSec = 0
  #stoppedAtMs: number | null = null
  #lastFinalAtMs = 0

  constructor(params: InitParams, clock: Clock) {
    this.#params = params
    this.#clock = clock
  }

  /** where the latest final ends, seconds */
  get latestEndSec(): number {
    return this.#latestEndSec
  }

  add(final: EngineTranscript): void {
    if (this.#finals.length < MAX_FINALS) this.#finals.push(final)
    this.#latestEndSec = Math.max(this.#latestEndSec, final.endSec)
    this.#lastFinalAtMs = this.#clock.monotonicMs()
  }

  /** The recording is over: the time to the last final counts from now. */
  stopped(): void {
    this.#stoppedAtMs = this.#clock.monotonicMs()
  }

  transcription(): ReturnType<typeof transcriptionOf> {
    return transcriptionOf(this.#finals)
  }

  /** @param audioSec audio accepted */
  build(audioSec: number): ReturnType<typeof resultOf> {
    const transcriptionMs = this.#stoppedAtMs === null ? 0 : Math.max(0, this.#lastFinalAtMs - this.#stoppedAtMs)
    return resultOf({
      params: this.#params,
      finals: this.#finals,
      audioSec: wireSec(audioSec),
      transcriptionSec: wireSec(transcriptionMs / 1000),
    })
  }
}
