import type { SessionId } from '../../core/ids.js'
import type { PendingText, SessionRecord } from '../../records/port.js'
import { isSamePieces, united } from '../transcript/pieces.js'

/** A version of a session, to be stored. */
export interface SessionWrite {
  readonly session: SessionRecord
  readonly version: number
  /** of `WaitingSessions.before`; false: all of it, with how it ended */
  readonly isBefore: boolean
}

/** The log is told again how far a session came when it is so much further. */
const FURTHER_SEC = 5

/** What somebody has of a session. */
interface Known {
  readonly version: number
  readonly acknowledgedFrames: number
  readonly pieces: readonly PendingText[]
  /** whether its texts can be asked for */
  readonly hasVendorId: boolean
}

interface Entry {
  newest: SessionRecord
  version: number
  /** what waits for its text, in any version since the store had one as it was */
  pieces: readonly PendingText[]
  /** whether the store has the newest as it is */
  isStored: boolean
  /** the version of which the store knows how far it came; 0: none */
  storedWhole: number
  /** whether the store knows how it ended */
  isOver: boolean
  stored: Known | null
  logged: Known | null
}

const NONE: readonly PendingText[] = []

/**
 * Sessions that the store does not have as they are. Of each, two things are stored: before any later final that there is such a session,
 * and what waits for its text there (`before`); after every earlier final how far it came and how it ended (`whole`). A version says that texts are there
 * which may themselves still wait for the store.
 */
export class WaitingSessions {
  readonly #entries = new Map<SessionId, Entry>()
  #version = 0

  /** how many the store does not have as they are */
  get size(): number {
    let size = 0
    for (const { isStored } of this.#entries.values()) if (!isStored) size++
    return size
  }

  /** Whether something is in the log that the store does not have. */
  get isLogOnly(): boolean {
    return [...this.#entries.values()].some(
      ({ logged, stored, storedWhole }) =>
        logged !== null && (lacks(stored, logged) || (logged.acknowledgedFrames > 0 && logged.version > storedWhole)),
    )
  }

  put(session: SessionRecord): void {
    const version = ++this.#version
    const { sessionId, pendingTexts = NONE } = session
    const entry = this.#entries.get(sessionId)
    if (!entry) {
      const unknown = { isStored: false, storedWhole: 0, isOver: false, stored: null, logged: null }
      this.#entries.set(sessionId, { newest: session, version, pieces: pendingTexts, ...unknown })
      return
    }
    Object.assign(entry, { newest: session, version, isStored: false, pieces: united([...entry.pieces, ...pendingTexts]) })
  }

  /** What the store is to have before any later final. */
  before(): readonly SessionWrite[] {
    return this.#unknown((entry) => !entry.isOver && lacks(entry.stored, wantedOf(entry))).map((entry) => ({
      session: unmeasured(begun(entry)),
      version: entry.version,
      isBefore: true,
    }))
  }

  /** The newest versions, to be stored when the store has the finals before them. */
  whole(): readonly SessionWrite[] {
    return this.#unknown(() => true).map(({ newest, version }) => ({ session: newest, version, isBefore: false }))
  }

  /** Whether the store has got as much or more meanwhile, and this would undo it. */
  isOld({ session, version, isBefore }: SessionWrite): boolean {
    const storedVersion = this.#entries.get(session.sessionId)?.stored?.version ?? 0
    return isBefore ? storedVersion >= version : storedVersion > version
  }

  /** The store has it as it is given. */
  stored({ session, version, isBefore }: SessionWrite): void {
    const entry = this.#entries.get(session.sessionId)
    if (!entry) return
    entry.stored = knownOf(session, version)
    if (isBefore) return
    entry.storedWhole = version
    entry.isOver = session.endReason !== null
    if (entry.version !== version) return
    entry.isStored = true
    entry.pieces = entry.stored.pieces
    entry.logged = null
  }

  /** What the log is to have before any later final. @param isMeasured it has all texts then: so it may say how far the sessions came */
  unlogged(isMeasured: boolean): readonly SessionRecord[] {
    const found = this.#unknown((entry) => {
      const { newest, stored, logged } = entry
      const toldFrames = Math.max(stored?.acknowledgedFrames ?? 0, logged?.acknowledgedFrames ?? 0)
      if (isMeasured && newest.acknowledgedFrames >= toldFrames + FURTHER_SEC * newest.sampleRate) return true
      return lacks(stored, wantedOf(entry)) && lacks(logged, wantedOf(entry))
    }).map(begun)
    return isMeasured ? found : found.map(unmeasured)
  }

  /** The log has them as they are given. */
  logged(sessions: readonly SessionRecord[]): void {
    for (const session of sessions) {
      const entry = this.#entries.get(session.sessionId)
      if (entry && !entry.isStored) entry.logged = knownOf(session, entry.version)
    }
  }

  #unknown(is: (entry: Entry) => boolean): readonly Entry[] {
    return [...this.#entries.values()].filter((entry) => !entry.isStored && is(entry))
  }
}

/** A session as whoever comes next is to find it: with all that may wait for its text, and not over. */
function begun({ newest, pieces }: Entry): SessionRecord {
  const { pendingTexts: _, ...session } = newest
  return { ...session, endReason: null, ...(pieces.length > 0 && { pendingTexts: pieces }) }
}

/** How far it came rests on texts that may still wait. */
const unmeasured = (session: SessionRecord): SessionRecord => ({ ...session, sentFrames: 0, acknowledgedFrames: 0 })

const knownOf = ({ pendingTexts = NONE, vendorId, acknowledgedFrames }: SessionRecord, version: number): Known => ({
  version,
  acknowledgedFrames,
  pieces: pendingTexts,
  hasVendorId: vendorId !== null,
})

const wantedOf = ({ newest, pieces, version }: Entry): Known => ({ ...knownOf(newest, version), pieces })

/** Whether somebody who has that lacks something of what is wanted. What waits for more is missed no sooner. */
function lacks(has: Known | null, wanted: Known): boolean {
  if (!has || (wanted.hasVendorId && !has.hasVendorId)) return true
  return wanted.pieces.length > 0 && !isSamePieces(united([...has.pieces, ...wanted.pieces]), united(has.pieces))
}
