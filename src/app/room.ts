import type { Clock } from '../core/time.js'
import { createLivekitRoom } from '../live/room/livekit/open.js'
import { TrackPlaces } from '../live/room/livekit/track-places.js'
import type { RoomPort } from '../live/room/port.js'
import type { BusinessEvents } from '../observe/events.js'
import type { Logger } from '../observe/logger.js'
import { giveNativeThreads } from './config/process-env.js'
import type { Settings } from './config/settings.js'

/**
 * Rooms of the LiveKit server that the settings name; `livekitProblems` has been asked before. Once a process: its rooms share the
 * number of tracks that may be heard.
 */
export function openRoom(
  settings: Settings,
  parts: { readonly clock: Clock; readonly logger: Logger; readonly business: Pick<BusinessEvents, 'overCapacity'> },
): RoomPort {
  const { clock, logger, business } = parts
  giveNativeThreads()
  return createLivekitRoom({
    url: settings.livekitUrl ?? '',
    apiKey: settings.livekitApiKey ?? '',
    apiSecret: settings.livekitApiSecret?.reveal() ?? '',
    clock,
    logger,
    places: new TrackPlaces(settings.maxTracks, (waiting) => business.overCapacity(waiting)),
  })
}
