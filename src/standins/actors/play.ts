import { deferred, type Deferred } from '../../core/deferred.js'
import { toError } from '../../core/errors.js'
import type { Clock } from '../../core/time.js'
import { redactText } from '../../observe/logger.js'
import type { Spoken } from './actor.js'
import type { PlayEvent, PlayHealth } from './play-event.js'
import { endSlot, isHeard, nextPart, openingParts, orderedSteps, SLOT_MS, slotOf } from './script.js'
import type { CastMember, Part, Script, Step } from './script.js'
import type { Voice } from './voices.js'

/** What playing needs of an actor. */
export interface Player {
  readonly isPublished: boolean
  join(): Promise<void>
  publish(): Promise<void>
  republish(): Promise<void>
  unpublish(): Promise<void>
  mute(): void
  unmute(): void
  rename(name: string): Promise<void>
  leave(): Promise<void>
  speakClip(samples: Int16Array): Promise<Spoken>
  speakMark(samples: Int16Array, onFailure: (error: unknown) => void): void
}

/** How to play a script. */
export interface PlayOptions {
  /** without problems (`scriptProblems`) */
  readonly script: Script
  readonly player: (member: CastMember) => Player
  /** speech at the rate of the players; not written to */
  readonly clip: (text: string, voice: Voice) => Promise<Int16Array>
  /** the sound of a mark at the rate of the players, an array of its own each time */
  readonly mark: (who: number, n: number) => Int16Array
  /** called in order; must not throw */
  readonly onEvent: (event: PlayEvent) => void
  /** awaited between `ready` and `started`: T0 is what it resolves with (monotonic ms), or soon after */
  readonly hold?: (signal: AbortSignal) => Promise<number | undefined>
  /** the worst delay of the event loop so far, ms; 0 when nobody measures */
  readonly loopDelayMs?: () => number
  readonly clock: Clock
  readonly signal: AbortSignal
}

/** Marks of slot n are handed over this long before the slot begins. */
const LEAD_MS = 100
/** From the decision to start to T0. */
const START_MS = 300
/** A slot begun later than this is skipped: its marks would push all later ones back. */
const SKIP_MS = SLOT_MS
/** What is said within this time is rendered before T0, the rest while playing. */
const RENDER_AHEAD_MS = 15_000
/** From the end of the last sound to leaving: it is still on its way to those who listen. */
const CLEAR_MS = 500
/** People who join at the same time, at most: a join costs threads and competes with those who speak. */
const JOINING = 3

/**
 * Plays a script on one clock: one loop for everybody, at T0 + 200 n - 100 ms, so that drift cannot add up.
 * Steps of a slot are taken before its marks are spoken. A text waits until the same person has finished the last one.
 * A step that fails is reported and the play goes on. At the end, also when `signal` aborts, everybody leaves, and the last event
 * says how late the play was so far.
 * @throws the signal's reason; an error when somebody of the opening cannot join
 */
export async function play(options: PlayOptions): Promise<PlayHealth> {
  return new Play(options).run()
}

interface Person {
  readonly member: CastMember
  readonly player: Player
  part: Part
  /** steps under way, the last of them; undefined when none is */
  steps: Promise<void> | undefined
  speech: Promise<void>
}

class Play {
  readonly #options: PlayOptions
  readonly #people = new Map<string, Person>()
  readonly #clips = new Map<Step, Promise<Int16Array>>()
  /** joins under way while playing, and those that wait for one of them to end */
  #joining = 0
  readonly #joinsWaiting: Deferred[] = []
  readonly #health = { worstLatenessMs: 0, worstUnderrunMs: 0, worstLoopDelayMs: 0, skippedMarks: 0, failures: 0 }

  constructor(options: PlayOptions) {
    this.#options = options
    const parts = openingParts(options.script)
    for (const member of options.script.cast) {
      const part = parts.get(member.identity)
      if (part)
        this.#people.set(member.identity, {
          member,
          player: options.player(member),
          part,
          steps: undefined,
          speech: Promise.resolve(),
        })
    }
  }

  async run(): Promise<PlayHealth> {
    const { signal, hold, onEvent, clock } = this.#options
    let isStarted = false
    let isPlayed = false
    try {
      this.#render()
      await this.#open()
      await this.#rendered()
      onEvent({ kind: 'ready' })
      const heldMs = await hold?.(signal)
      signal.throwIfAborted()
      const t0Ms = heldMs ?? clock.monotonicMs() + START_MS
      onEvent({ kind: 'started', t0Ms })
      isStarted = true
      await this.#loop(t0Ms)
      await this.#finished()
      const lastMs = t0Ms + endSlot(this.#options.script) * SLOT_MS
      await clock.sleep(Math.max(0, lastMs - clock.monotonicMs()) + CLEAR_MS, signal)
      isPlayed = true
    } finally {
      // of the play: leaving is none
      this.#health.worstLoopDelayMs = this.#options.loopDelayMs?.() ?? 0
      await Promise.all([...this.#people.values()].map((person) => this.#leave(person)))
      if (isStarted) onEvent({ kind: 'ended', isPlayed, health: { ...this.#health } })
    }
    return this.#health
  }

  /** Asks for every clip, in order; a failure shows when the clip's turn comes. */
  #render(): void {
    for (const step of orderedSteps(this.#options.script)) {
      const person = this.#people.get(step.actor)
      if (step.do !== 'say' || !person) continue
      const clip = this.#options.clip(step.text, person.member.voice)
      clip.catch(() => undefined)
      this.#clips.set(step, clip)
    }
  }

  async #rendered(): Promise<void> {
    for (const [step, clip] of this.#clips) if (step.atMs <= RENDER_AHEAD_MS) await clip
  }

  async #open(): Promise<void> {
    const waiting = [...this.#people.values()].filter(({ part }) => part.isPresent)
    const joinNext = async () => {
      for (let person = waiting.shift(); person !== undefined; person = waiting.shift()) {
        this.#options.signal.throwIfAborted()
        await person.player.join()
        await person.player.publish()
      }
    }
    // all of them end before anybody leaves, whatever fails
    const ended = await Promise.allSettled(Array.from({ length: JOINING }, joinNext))
    for (const one of ended) if (one.status === 'rejected') throw toError(one.reason)
  }

  async #loop(t0Ms: number): Promise<void> {
    const { script, clock, signal } = this.#options
    const steps = orderedSteps(script)
    const end = endSlot(script)
    let next = 0
    for (let n = 0; n < end; n++) {
      const dueMs = t0Ms + n * SLOT_MS - LEAD_MS
      const waitMs = dueMs - clock.monotonicMs()
      if (waitMs > 0) await clock.sleep(waitMs, signal)
      signal.throwIfAborted()
      const latenessMs = clock.monotonicMs() - dueMs
      this.#health.worstLatenessMs = Math.max(this.#health.worstLatenessMs, latenessMs)
      for (let step = steps[next]; step !== undefined && slotOf(step.atMs) <= n; step = steps[++next]) this.#take(step)
      for (const person of this.#people.values()) if (n < person.part.marksUntil) this.#speakMark(person, n, latenessMs)
    }
  }

  /** Resolves when all steps and texts have ended; rejects at once when the signal aborts. */
  async #finished(): Promise<void> {
    const { signal } = this.#options
    const aborted = deferred<never>()
    const onAbort = () => aborted.reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    const all = Promise.all([...this.#people.values()].flatMap((person) => [person.steps ?? Promise.resolve(), person.speech]))
    try {
      signal.throwIfAborted()
      await Promise.race([all, aborted.promise])
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  #take(step: Step): void {
    const person = this.#people.get(step.actor)
    const part = person && nextPart(person.part, step)
    if (!person || part === undefined || typeof part === 'string') {
      this.#failed(step.actor, step.do, part ?? 'nobody has this identity')
      return
    }
    const before = person.part
    person.part = part
    if (step.do === 'say') {
      person.speech = person.speech.then(() => this.#say(person, before, step, step.text))
    } else if (step.do !== 'marks') {
      // at once when nothing is under way: a mute must come before the marks of its slot
      const steps: Promise<void> = (person.steps ? person.steps.then(() => this.#act(person, step)) : this.#act(person, step)).finally(
        () => {
          if (person.steps === steps) person.steps = undefined
        },
      )
      person.steps = steps
    }
  }

  async #act({ player, member, part }: Person, step: Step): Promise<void> {
    const { clock, onEvent, signal } = this.#options
    try {
      if (step.do === 'mute' && step.inSlotMs !== undefined) await clock.sleep(step.inSlotMs, signal)
      const startedMs = clock.monotonicMs()
      switch (step.do) {
        case 'join':
        case 'rejoin':
          await this.#join(player)
          break
        case 'leave':
          await player.leave()
          break
        case 'mute':
          player.mute()
          break
        case 'unmute':
          player.unmute()
          break
        case 'unpublish':
          await player.unpublish()
          break
        case 'republish':
          await player.republish()
          break
        case 'rename':
          await player.rename(step.name)
          break
        case 'say':
        case 'marks':
          break
      }
      onEvent({ kind: 'step', identity: member.identity, do: step.do, name: part.name, startedMs, endedMs: clock.monotonicMs() })
    } catch (error) {
      if (!signal.aborted) this.#failed(member.identity, step.do, error)
    }
  }

  async #join(player: Player): Promise<void> {
    if (this.#joining >= JOINING) {
      const turn = deferred()
      this.#joinsWaiting.push(turn)
      await turn.promise
    } else this.#joining++
    try {
      this.#options.signal.throwIfAborted()
      await player.join()
      await player.publish()
    } finally {
      // the place goes on to the next one
      const next = this.#joinsWaiting.shift()
      if (next) next.resolve()
      else this.#joining--
    }
  }

  async #say({ player, member, steps }: Person, part: Part, step: Step, text: string): Promise<void> {
    try {
      await steps
      const clip = await this.#clips.get(step)
      this.#options.signal.throwIfAborted()
      const { startedMs, endedMs, isComplete, underrunMs } = await player.speakClip(clip ?? new Int16Array(0))
      this.#health.worstUnderrunMs = Math.max(this.#health.worstUnderrunMs, underrunMs)
      const { identity } = member
      this.#options.onEvent({
        kind: 'said',
        identity,
        name: part.name,
        text,
        startedMs,
        endedMs,
        isComplete,
        isHeard: isHeard(part),
      })
    } catch (error) {
      if (!this.#options.signal.aborted) this.#failed(member.identity, step.do, error)
    }
  }

  #speakMark({ player, member, part }: Person, n: number, latenessMs: number): void {
    const { onEvent, mark, clock } = this.#options
    const { who, identity } = member
    if (latenessMs > SKIP_MS || !player.isPublished) {
      this.#health.skippedMarks++
      onEvent({ kind: 'skipped', who, n, why: player.isPublished ? 'late' : 'joining' })
      return
    }
    const samples = mark(who, n)
    const monotonicMs = clock.monotonicMs()
    player.speakMark(samples, (error) => this.#failed(identity, 'marks', error))
    onEvent({ kind: 'mark', who, n, isHeard: isHeard(part), monotonicMs })
  }

  async #leave(person: Person): Promise<void> {
    try {
      await person.player.leave()
      await person.steps
      // a join that was under way has just ended
      await person.player.leave()
      await person.speech
    } catch (error) {
      this.#failed(person.member.identity, 'leave', error)
    }
  }

  #failed(identity: string, verb: string, error: unknown): void {
    this.#health.failures++
    this.#options.onEvent({ kind: 'failed', identity, do: verb, message: redactText(toError(error).message) })
  }
}
