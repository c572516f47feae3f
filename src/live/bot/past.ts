import { toError } from '../../core/errors.js'
import type { Identity } from '../../core/ids.js'
import type { Clock } from '../../core/time.js'
import type { Logger } from '../../observe/logger.js'
import type { Claim, MeetingReason, MeetingStore, SessionRecord } from '../../records/port.js'
import type { Coverage } from '../transcript/coverage.js'
import { added, withEverybody, withGaps } from '../transcript/whole.js'
import type { Patience } from './patience.js'
import { receiptOf, storeEnd } from './receipt.js'

/** Where bots of one meeting tell each other what they heard. */
export interface PastParts {
  readonly store: Pick<MeetingStore, 'gaps' | 'shares' | 'coverage' | 'saveShare' | 'sessions'>
  readonly claim: Claim
  readonly patience: Pick<Patience, 'run'>
  readonly logger: Logger
}

/** The coverage of a whole meeting, as far as it is known. */
export interface WholeCoverage extends Coverage {
  /** whether every bot before has said what it heard */
  readonly isWhole: boolean
}

/**
 * The coverage of a meeting that other bots began: what those have counted that could still say it, the gaps that they stored, and a row
 * for everybody who was there. What a bot heard that died before its end nobody has counted, and that is said.
 * @param own what this bot heard @throws UpstreamError
 */
export async function wholeCoverage(parts: PastParts, own: Coverage, names: ReadonlyMap<Identity, string>): Promise<WholeCoverage> {
  const { store, claim, patience } = parts
  const { meetingId, epoch } = claim
  const read = () => Promise.all([store.gaps(meetingId), store.shares(meetingId), store.coverage(meetingId)])
  const [gaps, shares, made] = await patience.run(read)
  // a bot that died in the midst of ending the meeting has made a receipt: what was said before it is in there, what was said since is not
  const before = made ? [made] : shares.filter((share) => share.epoch < epoch)
  const isWhole = !made && epoch > 1 && before.length === epoch - 1
  const all = [...before, own]
  const rows = withEverybody(added(all.map((share) => share.rows)), names)
  const doubts = [...new Set(all.flatMap((share) => share.doubts))]
  return { ...withGaps({ rows, complete: doubts.length === 0, doubts }, { gaps, names }), isWhole }
}

/**
 * Makes the receipt of the whole meeting, and stores it with the meeting's end.
 * @param own what this bot heard @param end.isAlone no bot was there before
 * @throws what the store throws when patience is over
 */
export async function storeWhole(
  parts: PastParts & { readonly store: MeetingStore; readonly clock: Clock },
  own: Coverage,
  end: {
    readonly names: ReadonlyMap<Identity, string>
    readonly isAlone: boolean
    readonly isFailed: boolean
    readonly reason: MeetingReason
  },
): Promise<Coverage> {
  const whole = end.isAlone ? null : await wholeCoverage(parts, own, end.names)
  const receipt = receiptOf(whole ?? own, { isTakenOver: whole?.isWhole === false, isFailed: end.isFailed })
  await storeEnd(parts, receipt, end.isFailed ? 'failed' : 'finalising', end.reason)
  return receipt
}

/** Every session of a meeting, those of the bots before included unless the store is away. @param own those of this bot, as they are now */
export async function wholeSessions({ store, claim, logger }: PastParts, own: readonly SessionRecord[]): Promise<readonly SessionRecord[]> {
  const stored = await store.sessions(claim.meetingId).catch((thrown: unknown) => {
    logger.warn({ err: toError(thrown) }, 'the sessions of earlier bots are not counted')
    return []
  })
  const known = new Set(own.map(({ sessionId }) => sessionId))
  return [...stored.filter(({ sessionId }) => !known.has(sessionId)), ...own]
}

/** Leaves what was heard here for the receipt of the bot that has the meeting now; without it that one says that it does not know. */
export async function leaveShare({ store, claim, patience, logger }: PastParts, { rows, doubts }: Coverage): Promise<void> {
  try {
    await patience.run(() => store.saveShare(claim, { epoch: claim.epoch, rows, doubts }))
  } catch (thrown) {
    logger.warn({ err: toError(thrown) }, 'what was heard here could not be left to the next bot')
  }
}
