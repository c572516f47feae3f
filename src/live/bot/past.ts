import type { Identity } from '../../core/ids.js'
import type { Claim, MeetingStore } from '../../records/port.js'
import type { Coverage } from '../transcript/coverage.js'
import { withEverybody, withGaps } from '../transcript/whole.js'

/**
 * The coverage of a meeting that other bots began: with the gaps that they stored, and a row for everybody who was there.
 * @param own what this bot heard @throws UpstreamError
 */
export async function wholeCoverage(
  store: Pick<MeetingStore, 'gaps'>,
  claim: Claim,
  own: Coverage,
  names: ReadonlyMap<Identity, string>,
): Promise<Coverage> {
  return withGaps({ ...own, rows: withEverybody(own.rows, names) }, { gaps: await store.gaps(claim.meetingId), names })
}
