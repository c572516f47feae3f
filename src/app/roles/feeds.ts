import { toGap, toMeeting, toSegment } from '../../control/api/schemas.js'
import { LiveHub } from '../../control/feed/hub.js'
import type { Ground } from './ground.js'

/** The live feeds of this process; closed with the scope. */
export function openHub({
  records: { store, partials },
  scope,
  clock,
  logger,
}: Pick<Ground, 'scope' | 'clock' | 'logger'> & { readonly records: Pick<Ground['records'], 'store' | 'partials'> }): LiveHub {
  const shown = { state: toMeeting, segment: toSegment, gap: toGap }
  const hub = new LiveHub({ store, partials, shown, clock, logger, scope })
  scope.defer('live feeds', () => hub.close())
  return hub
}
