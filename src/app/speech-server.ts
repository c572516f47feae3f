import { join } from 'node:path'
import { codeOf, ConfigError } from '../core/errors.js'
import type { Clock } from '../core/time.js'
import type { Logger } from '../observe/logger.js'
import { loadBehaviours } from '../speech-server/behaviours/load.js'
import { createMarksEngine } from '../speech-server/engine/marks/engine.js'
import { createMoonshineEngine } from '../speech-server/engine/moonshine/engine.js'
import { startSpeechServer } from '../speech-server/server.js'
import { WEIGHTS_FOLDER } from './config/cache-dir.js'
import type { Settings } from './config/settings.js'

/** A running speech server. */
export interface RunningSpeechServer {
  readonly url: string
  close(): Promise<void>
}

/** Where the recogniser's weights are. */
export const weightsDir = (settings: Pick<Settings, 'cacheDir'>): string => join(settings.cacheDir, WEIGHTS_FOLDER)

/**
 * Starts the local speech server of the command `speech-server`.
 * @throws ConfigError behaviours are wrong, port is taken; RoomscribeError weights are missing or corrupt
 */
export async function runSpeechServer(
  settings: Settings,
  options: { port: number; engine: 'moonshine' | 'marks'; behavioursFile: string | null; workers: number },
  parts: { clock: Clock; logger: Logger },
): Promise<RunningSpeechServer> {
  const { clock, logger } = parts
  const behaviours = options.behavioursFile === null ? undefined : await loadBehaviours(options.behavioursFile)
  const engine =
    options.engine === 'marks'
      ? createMarksEngine()
      : await createMoonshineEngine({ weightsDir: weightsDir(settings), workers: options.workers, clock, logger })
  try {
    const server = await startSpeechServer({
      port: options.port,
      engine,
      ...(behaviours === undefined ? {} : { behaviours }),
      apiKey: settings.apiKey?.reveal() ?? null,
      clock,
      logger,
    })
    return {
      url: server.url,
      close: async () => {
        await server.close()
        await engine.close()
      },
    }
  } catch (thrown) {
    await engine.close()
    if (codeOf(thrown) === 'EADDRINUSE') {
      throw new ConfigError([`port ${options.port} is taken by another process: use --port with another one (0 picks a free one)`], {
        cause: thrown,
      })
    }
    throw thrown
  }
}
