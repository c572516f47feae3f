import type { Clock } from '../../core/time.js'
import type { PlayHealth } from '../../standins/actors/play-event.js'
import type { Script } from '../../standins/actors/script.js'
import { spawnActors, type ActorsProcess } from '../../standins/actors/spawn.js'
import type { SaidLine } from './score.js'

/** what a play may take beyond the script's own length */
const PLAY_SLACK_MS = 60_000

/** People who come in, open their microphones and wait for the start. */
export interface Cast {
  readonly actors: ActorsProcess
  readonly lines: readonly SaidLine[]
  /** when the script's last step is taken, ms of its clock */
  readonly lastStepMs: number
}

/**
 * Sends the people of a script into the room, in a process of their own.
 * @param happened told what they do beside speaking
 */
export function castOf(
  script: Script,
  where: { readonly url: string; readonly apiKey: string; readonly apiSecret: string; readonly room: string },
  clock: Clock,
  happened: (text: string) => void,
): Cast {
  const lines: SaidLine[] = []
  const { url, apiKey, apiSecret, room } = where
  const actors = spawnActors({
    clock,
    order: { url, apiKey, apiSecret, room, sampleRate: 16_000, isHeld: true, script },
    onEvent: (event) => {
      if (event.kind === 'said' && event.isHeard) lines.push(event)
      if (event.kind === 'step') happened(stepText(event.name, event.do))
    },
  })
  return { actors, lines, lastStepMs: Math.max(0, ...script.steps.map((step) => step.atMs)) }
}

/** How the play went. */
export interface Played {
  readonly lines: readonly SaidLine[]
  readonly health: PlayHealth
}

/**
 * Plays the script from start to end.
 * @param everybodyIn awaited between the arrival of the people and the start
 * @throws the signal's reason; UpstreamError when the people cannot come
 */
export async function playScript(cast: Cast, everybodyIn: () => Promise<void>, clock: Clock, signal: AbortSignal): Promise<Played> {
  const { actors, lines, lastStepMs } = cast
  const stop = () => void actors.stop()
  signal.addEventListener('abort', stop, { once: true })
  try {
    await actors.ready
    await everybodyIn()
    actors.go()
    const t0Ms = await actors.started
    const late = clock.after(t0Ms + lastStepMs + PLAY_SLACK_MS - clock.monotonicMs(), stop)
    try {
      return { lines, health: await actors.ended }
    } finally {
      late()
    }
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

const STEP_TEXTS: Readonly<Record<string, string>> = {
  join: 'joins',
  rejoin: 'is back',
  leave: 'leaves',
  mute: 'mutes',
  unmute: 'unmutes',
  rename: 'has this name now',
  republish: 'changes the microphone',
}
const stepText = (name: string, verb: string): string => `${name} ${STEP_TEXTS[verb] ?? verb}`
