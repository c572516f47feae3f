import type { Identity, SessionId } from '../../core/ids.js'
import type { PendingText } from '../../records/port.js'
import type { VoicedRun } from '../audio/ledger.js'
import type { Gap, Span } from '../audio/span.js'
import type { SttGap } from '../stt/port.js'
import { gapsOf } from '../transcript/coverage.js'
import { untextedTimes } from '../transcript/losses.js'
import { merged, without, type Range } from '../transcript/ranges.js'
import type { Segment } from '../transcript/segment.js'
import { meetingMsOf } from '../transcript/span-index.js'
import { Voice } from '../transcript/voice.js'
import { PendingTexts } from './pending-texts.js'

/** Frames of a session. */
interface Run {
  readonly sessionId: SessionId
  readonly fromFrame: number
  readonly toFrame: number
}

/** Frames of a session of which no text comes; `isTaken`: the service had them, but texts of them are not to be had. */
interface Lost extends Run {
  readonly reason: SttGap['reason']
  readonly isTaken: boolean
  toFrame: number
}

/** What speech sessions lose is held against. */
export interface SessionLossesParts {
  readonly spans: () => readonly Span[]
  /** what of it was voice, by person; of this bot's own sessions */
  readonly voice: () => readonly { readonly identity: Identity; readonly voicedRuns: readonly VoicedRun[] }[]
  readonly finals: () => readonly Segment[]
  /** whether the session was a bot's before this one: which of it was voice that bot knew */
  readonly isInherited: (sessionId: SessionId) => boolean
  readonly tell: (gap: Gap, isInherited: boolean) => void
}

/** Turns frames that speech sessions lost, or whose texts are late, into what each person said then. */
export class SessionLosses {
  readonly #parts: SessionLossesParts
  /** sessions that repeat audio: where it stood first */
  readonly #repeats = new Map<SessionId, { readonly sessionId: SessionId; readonly fromFrame: number }>()
  readonly #pending = new PendingTexts()
  /** in frames of the session that took them first */
  readonly #untold: Lost[] = []
  /** frames that were lost so far, by the session that took them first */
  readonly #lost = new Map<SessionId, readonly Range[]>()

  constructor(parts: SessionLossesParts) {
    this.#parts = parts
  }

  /** Frames of `to` are those of `from` from `fromFrame` on. */
  repeats(to: SessionId, from: SessionId, fromFrame: number): void {
    const first = this.#first({ sessionId: from, fromFrame, toFrame: fromFrame })
    this.#repeats.set(to, { sessionId: first.sessionId, fromFrame: first.fromFrame })
  }

  /** What of it was lost before is told once. @param isTaken the service had it, but not all texts of it are to be had */
  lost(sessionId: SessionId, gap: SttGap, isTaken = false): void {
    const first = this.#first({ sessionId, fromFrame: gap.fromFrame, toFrame: gap.toFrame })
    const whole: Range = [first.fromFrame, first.toFrame]
    const known = this.#lost.get(first.sessionId) ?? []
    for (const [fromFrame, toFrame] of without([whole], known))
      this.#add({ sessionId: first.sessionId, fromFrame, toFrame, reason: gap.reason, isTaken })
    if (!isTaken) this.#lost.set(first.sessionId, merged([...known, whole]))
  }

  #add(run: Lost): void {
    const last = this.#untold.at(-1)
    // a full buffer lets go block by block
    const goesOn = last?.sessionId === run.sessionId && last.reason === run.reason && !last.isTaken && last.toFrame === run.fromFrame
    if (goesOn && !run.isTaken) last.toFrame = run.toFrame
    else this.#untold.push(run)
  }

  /** Texts of these frames may come at the end of the session only. */
  isPending(sessionId: SessionId, frames: { readonly fromFrame: number; readonly toFrame: number }): void {
    const run = this.#first({ sessionId, ...frames })
    if (this.#parts.isInherited(run.sessionId))
      for (const [identity, times] of spokenIn(this.#parts.spans(), run)) this.#pending.add(sessionId, identity, times)
    else for (const [identity, times] of this.#voiceIn([run])) this.#pending.add(sessionId, identity, times[0]!)
  }

  /** Voice of a session that waits for its text. */
  pending(sessionId: SessionId): readonly PendingText[] {
    return this.#pending.of(sessionId, this.#parts.finals())
  }

  /** Tells of what was lost. Silence that did not arrive is no loss: told is where there was voice. */
  tell(): void {
    const lost = this.#untold.splice(0)
    if (lost.length === 0) return
    for (const [identity, times] of this.#voiceIn(lost)) {
      for (const [at, one] of lost.entries())
        for (const gap of gapsOf(identity, one.reason, this.#untexted(one, times[at]!, identity))) this.#parts.tell(gap, false)
    }
    for (const one of lost) {
      if (!this.#parts.isInherited(one.sessionId)) continue
      for (const [identity, times] of spokenIn(this.#parts.spans(), one))
        for (const gap of gapsOf(identity, one.reason, this.#untexted(one, times, identity))) this.#parts.tell(gap, true)
    }
  }

  #first({ sessionId, fromFrame, toFrame }: Run): Run {
    const first = this.#repeats.get(sessionId) ?? { sessionId, fromFrame: 0 }
    return { sessionId: first.sessionId, fromFrame: fromFrame + first.fromFrame, toFrame: toFrame + first.fromFrame }
  }

  /** When each person spoke in each of the runs, ms. */
  #voiceIn(runs: readonly Run[]): Map<Identity, readonly (readonly Range[])[]> {
    const spans = this.#parts.spans()
    const found = new Map<Identity, readonly (readonly Range[])[]>()
    for (const { identity, voicedRuns } of this.#parts.voice()) {
      const own = spans.filter((span) => span.identity === identity)
      const voice = new Voice(voicedRuns, own)
      found.set(
        identity,
        runs.map(({ sessionId, fromFrame, toFrame }) => voice.times((id) => (id === sessionId ? [[fromFrame, toFrame]] : []))),
      )
    }
    return found
  }

  #untexted({ isTaken }: Lost, times: readonly Range[], identity: Identity): readonly Range[] {
    if (!isTaken) return times
    const own = this.#parts.finals().filter((one) => one.identity === identity)
    return untextedTimes(times, own)
  }
}

/** When whose spans lie over some frames, ms, merged. */
function spokenIn(spans: readonly Span[], { sessionId, fromFrame, toFrame }: Run): Map<Identity, Range[]> {
  const times = new Map<Identity, Range[]>()
  for (const span of spans) {
    const from = Math.max(span.fromFrame, fromFrame)
    const to = Math.min(span.toFrame, toFrame)
    if (span.sessionId !== sessionId || to <= from) continue
    const ranges = times.get(span.identity) ?? []
    times.set(span.identity, ranges)
    ranges.push([meetingMsOf(span, from), meetingMsOf(span, to)])
  }
  return new Map([...times].map(([identity, ranges]) => [identity, merged(ranges)]))
}
