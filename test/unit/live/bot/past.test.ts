import { expect, test } from 'vitest'
import { ClaimLostError, UpstreamError } from '../../../../src/core/errors.js'
import { asIdentity, newMeetingId, newSessionId } from '../../../../src/core/ids.js'
import { leaveShare, wholeCoverage, wholeSessions, type PastParts } from '../../../../src/live/bot/past.js'
import { Patience } from '../../../../src/live/bot/patience.js'
import type { Coverage } from '../../../../src/live/transcript/coverage.js'
import { silentLogger } from '../../../../src/observe/logger.js'
import type { CoverageShare, SessionRecord, StoredCoverage } from '../../../../src/records/port.js'
import { coverageRow } from '../../../support/coverage-row.js'
import { ManualClock } from '../../../support/manual-clock.js'

const ANN = asIdentity('ann')
const heard = (speechMs: number, given: Partial<Coverage> = {}) => ({
  rows: [coverageRow({ speechMs })],
  complete: true,
  doubts: [],
  ...given,
})

/** A bot with the third claim of a meeting, and what the store has of those before. */
const bot = (shares: readonly CoverageShare[], made: StoredCoverage | null = null, sessions: readonly SessionRecord[] = []): PastParts => ({
  claim: { meetingId: newMeetingId(), epoch: 3 },
  store: {
    gaps: () => Promise.resolve([]),
    shares: () => Promise.resolve(shares),
    coverage: () => Promise.resolve(made),
    saveShare: () => Promise.resolve(),
    sessions: () => Promise.resolve(sessions),
  },
  patience: new Patience({ clock: new ManualClock(0), random: () => 0.5 }),
  logger: silentLogger,
})
const share = (epoch: number, speechMs: number, given: Partial<Coverage> = {}) => ({ epoch, ...heard(speechMs, given) })
const speechOf = ({ rows }: Coverage) => rows.map(({ identity, speechMs }) => [identity, speechMs])

test('30 with the shares of all bots before, the coverage is whole, and their doubts are its doubts', async () => {
  const whole = await wholeCoverage(bot([share(1, 100), share(2, 20, { complete: false, doubts: ['session'] })]), heard(3), new Map())
  expect([speechOf(whole), whole.isWhole, whole.complete, whole.doubts]).toEqual([[['ann', 123]], true, false, ['session']])
})

test('28 without one of them it is not whole, and nothing is guessed', async () => {
  const whole = await wholeCoverage(bot([share(1, 100)]), heard(3), new Map([[asIdentity('bob'), 'Bob']]))
  expect([speechOf(whole), whole.isWhole]).toEqual([
    [
      ['ann', 103],
      ['bob', 0],
    ],
    false,
  ])
})

test('28 the receipt of a bot that died right after it was made is gone on from, its parts are not counted twice', async () => {
  const made = heard(120)
  const parts = bot([share(1, 100)], made)
  const whole = await wholeCoverage({ ...parts, claim: { ...parts.claim, epoch: 2 } }, heard(3), new Map([[ANN, 'Ann']]))
  expect([speechOf(whole), whole.isWhole]).toEqual([[['ann', 123]], false])
})

test('a bot whose meeting began before it had a claim knows nothing of it', async () => {
  const parts = bot([])
  const first = { ...parts, claim: { ...parts.claim, epoch: 1 } }
  expect((await wholeCoverage(first, heard(3), new Map())).isWhole).toBe(false)
})

test("30 the sessions of all bots are billed, each once, this bot's as they are now", async () => {
  const session = (sentFrames: number): SessionRecord => ({
    sessionId: newSessionId(),
    vendorId: 'v',
    channels: 2,
    sampleRate: 16_000,
    sentFrames,
    acknowledgedFrames: sentFrames,
    endReason: 'done',
  })
  const [first, ours] = [session(100), session(200)]
  const now = { ...ours, sentFrames: 300 }
  expect(await wholeSessions(bot([], null, [first, ours]), [now])).toEqual([first, now])
})

test('30 a share that cannot be left costs the bot nothing but the share', async () => {
  const parts = bot([])
  const refused = () => Promise.reject(new ClaimLostError('taken'))
  await expect(leaveShare({ ...parts, store: { ...parts.store, saveShare: refused } }, heard(3))).resolves.toBeUndefined()
  const broken = () => Promise.reject(new UpstreamError('database_broken', 'broken', { service: 'database', retryable: false }))
  await expect(leaveShare({ ...parts, store: { ...parts.store, saveShare: broken } }, heard(3))).resolves.toBeUndefined()
})
