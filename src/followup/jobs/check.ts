import { systemClock } from '../../core/time.js'
import { silentLogger } from '../../observe/logger.js'
import { redisBackend } from './redis.js'

/**
 * Looks whether Redis answers.
 * @returns a sentence for people
 * @throws UpstreamError `queue_unreachable`; ConfigError when it refuses the password, or cannot hold jobs
 */
export async function checkQueue(redisUrl: string): Promise<string> {
  const backend = await redisBackend(redisUrl, 'roomscribe', systemClock, silentLogger)
  await backend.close()
  return 'Redis answers'
}
