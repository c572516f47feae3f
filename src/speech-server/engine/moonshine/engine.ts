import { StateError } from '../../../core/errors.js'
import type { Clock } from '../../../core/time.js'
import { loadFvad } from '../../../core/voice/fvad.js'
import type { Logger } from '../../../observe/logger.js'
import type { Engine } from '../port.js'
import { ENGINE_RATE } from '../voice/channels.js'
import { RecogniserPool } from './pool.js'
import { MoonshineSession } from './session.js'
import { checkWeights } from './weights.js'
import { spawnRecogniser } from './worker-handle.js'

/** The strictest mode: flite and real clips lost no word by it, and noise starts fewer segments. */
const VOICE_MODE = 3
const QUEUED_JOBS_PER_WORKER = 4
/** a session's finals may wait with this much audio per channel */
const WAITING_FINALS_SEC = 60

/** How to make the engine. */
export interface MoonshineOptions {
  /** holds `encoder_model.onnx` and `decoder_model_merged.onnx` */
  readonly weightsDir: string
  /** recogniser threads, 210-370 MB each; default 1 */
  readonly workers?: number
  /** partials are shed while this many jobs wait; default 4 a worker */
  readonly maxQueuedJobs?: number
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * The engine that recognises English speech with Moonshine tiny: checks the weights, starts its workers, resolves when they have
 * loaded (about 1 s). `open` throws InputError for options it cannot work with.
 * @throws {UpstreamError} `weights_missing`, `weights_corrupt`, or `recogniser_unusable` when an optional package is not installed
 */
export async function createMoonshineEngine(options: MoonshineOptions): Promise<Engine> {
  const { weightsDir, clock, logger, workers = 1 } = options
  await checkWeights(weightsDir)
  const makeDetector = await loadFvad()
  const sessions = new Map<object, { readonly session: MoonshineSession; readonly channels: number }>()
  const pool = new RecogniserPool({
    spawn: spawnRecogniser({ weightsDir }),
    workers,
    limits: {
      maxQueuedJobs: options.maxQueuedJobs ?? QUEUED_JOBS_PER_WORKER * workers,
      maxFinalSamples: (owner) => (sessions.get(owner)?.channels ?? 1) * WAITING_FINALS_SEC * ENGINE_RATE,
    },
    clock,
    logger,
  })
  const startedMs = clock.monotonicMs()
  await pool.open()
  logger.info({ workers, loadMs: Math.round(clock.monotonicMs() - startedMs) }, 'recogniser ready')

  let closing: Promise<void> | undefined
  return {
    name: 'moonshine',
    open: (sessionOptions, events) => {
      if (closing) throw new StateError('moonshine engine: open after close')
      const session: MoonshineSession = new MoonshineSession(sessionOptions, events, {
        pool,
        detector: () => makeDetector(VOICE_MODE),
        over: () => sessions.delete(session),
      })
      sessions.set(session, { session, channels: sessionOptions.channels })
      return session
    },
    close: () => {
      closing ??= closeAll(
        [...sessions.values()].map(({ session }) => session),
        pool,
      )
      return closing
    },
  }
}

function closeAll(sessions: readonly MoonshineSession[], pool: RecogniserPool): Promise<void> {
  for (const session of sessions) session.close()
  return pool.close()
}
