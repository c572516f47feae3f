import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { codeOf, NotFoundError, toError } from '../../core/errors.js'
import { asMeetingId } from '../../core/ids.js'
import type { Logger } from '../../observe/logger.js'
import type { Claim, FinalsLog, FinalsLogs, MeetingStore } from '../port.js'
import { FinalsFile, readLog } from './finals-file.js'

/** Finals of a log are handed to the store so many at a time. */
const JOIN_SEGMENTS = 500
const NAME = /^([0-9a-f-]{36})\.(\d+)(\.taken)?\.finals$/
const TAKEN = '.taken.finals'

/**
 * The folder of all logs of finals of this host, a file a claim: `<meeting>.<epoch>.finals`. A file is removed by whoever knows that the
 * store has all of it: its own writer at the end, the next claim of its meeting, or a later start once nobody can hold its claim. Whoever
 * is not its writer renames it first, to `<meeting>.<epoch>.taken.finals`: a writer that wakes up again finds it gone, and knows that
 * what it appended then is not kept.
 */
export class FinalsFolder implements FinalsLogs {
  readonly #folder: string
  readonly #logger: Logger

  /** @param folder made when absent */
  constructor(folder: string, logger: Logger) {
    this.#folder = folder
    this.#logger = logger
  }

  async open(claim: Claim): Promise<FinalsLog> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    const earlier = (await this.#files())
      .filter(({ claim: { meetingId, epoch } }) => meetingId === claim.meetingId && epoch < claim.epoch)
      .toSorted((a, b) => a.claim.epoch - b.claim.epoch)
    const paths: string[] = []
    for (const { path } of earlier) paths.push(await this.#take(path))
    return FinalsFile.open(join(this.#folder, `${claim.meetingId}.${claim.epoch}.finals`), paths, JOIN_SEGMENTS, this.#logger)
  }

  /**
   * Stores what processes left here that died, or ended while the store was away; for the start of a process. What belongs to a claim
   * that may still be held is stored too, and left to its holder. A log that cannot be stored stays, and is told in the log.
   */
  async adopt(store: Pick<MeetingStore, 'adopt'>): Promise<void> {
    const files = await this.#files().catch((thrown: unknown) => {
      this.#logger.error({ err: toError(thrown), folder: this.#folder }, 'finals left by dead processes cannot be looked for')
      return []
    })
    for (const { path, claim } of files) {
      try {
        if (await this.#adoptFile(path, claim, store)) {
          // its writer may have lived on until now
          const taken = await this.#take(path)
          await this.#adoptFile(taken, claim, store)
          await rm(taken, { force: true })
        }
      } catch (thrown) {
        // a meeting that was deleted takes its text along
        if (thrown instanceof NotFoundError) await rm(path, { force: true })
        else this.#logger.error({ err: toError(thrown), path }, 'finals left by a dead process could not be stored')
      }
    }
  }

  /** @returns whether nobody can hold the claim any more */
  async #adoptFile(path: string, claim: Claim, store: Pick<MeetingStore, 'adopt'>): Promise<boolean> {
    const { batches } = await readLog(path, JOIN_SEGMENTS, this.#logger)
    let isOver = false
    let stored = 0
    for (const batch of batches.length > 0 ? batches : [{ segments: [], spans: [] }]) {
      const adopted = await store.adopt(claim, batch)
      isOver = adopted.isOver
      stored += adopted.stored
    }
    if (stored > 0) this.#logger.warn({ meeting: claim.meetingId, segments: stored }, 'finals left by a dead process stored')
    return isOver
  }

  /** @returns the file's name from now on */
  async #take(path: string): Promise<string> {
    if (path.endsWith(TAKEN)) return path
    const taken = path.replace(/\.finals$/, TAKEN)
    await rename(path, taken)
    return taken
  }

  async #files(): Promise<readonly { readonly path: string; readonly claim: Claim }[]> {
    const names = await readdir(this.#folder).catch((thrown: unknown) => {
      if (codeOf(thrown) === 'ENOENT') return []
      throw thrown
    })
    return names.flatMap((name) => {
      const [, meeting, epoch] = NAME.exec(name) ?? []
      if (meeting === undefined || epoch === undefined) return []
      return [{ path: join(this.#folder, name), claim: { meetingId: asMeetingId(meeting), epoch: Number(epoch) } }]
    })
  }
}
