import { RoomServiceClient, ServerError } from 'livekit-server-sdk'
import { joinError } from './join-error.js'

/** Seconds: a server that does not answer is not there. */
const TIMEOUT_SEC = 5

/**
 * Asks the server for its rooms, as `doctor` does: address, key and secret are right when this resolves.
 * @throws UpstreamError service `livekit`, one sentence; codes as for a join
 */
export async function probeLivekit(url: string, apiKey: string, apiSecret: string): Promise<void> {
  try {
    const client = new RoomServiceClient(url, apiKey, apiSecret, { requestTimeout: TIMEOUT_SEC })
    await client.listRooms([])
  } catch (thrown) {
    // as the other library words it: one table reads both
    const worded = thrown instanceof ServerError ? new Error(`client error: ${thrown.status} - ${thrown.message}`) : thrown
    throw joinError(worded, url)
  }
}
