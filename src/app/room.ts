import type { Clock } from '../core/time.js'
import { createLivekitRoom } from '../live/room/livekit/open.js'
import type { RoomPort } from '../live/room/port.js'
import type { Logger } from '../observe/logger.js'
import type { Settings } from './config/settings.js'

/** Rooms of the LiveKit server that the settings name; `livekitProblems` has been asked before. */
export function openRoom(settings: Settings, parts: { readonly clock: Clock; readonly logger: Logger }): RoomPort {
  return createLivekitRoom({
    url: settings.livekitUrl ?? '',
    apiKey: settings.livekitApiKey ?? '',
    apiSecret: settings.livekitApiSecret?.reveal() ?? '',
    ...parts,
  })
}
