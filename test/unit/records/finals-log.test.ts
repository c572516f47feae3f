import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { encodeRecord } from '../../../src/core/checked-records.js'
import { asIdentity, newMeetingId, newSessionId } from '../../../src/core/ids.js'
import { silentLogger } from '../../../src/observe/logger.js'
import { FinalsFile } from '../../../src/records/finals/finals-file.js'
import { FinalsFolder } from '../../../src/records/finals/finals-folder.js'
import type { Claim, FinalsBatch, FinalsLog } from '../../../src/records/port.js'
import { MemoryStore } from '../../support/memory-store.js'
import { requestFor, segmentOf, sessionWith, spanOf } from '../../support/records.js'

/** A file whose second write gets half of its bytes onto the disk, and which perhaps cannot be cut. */
class FullDisk {
  #writes = 0
  readonly #file: FileHandle
  canCut: boolean

  constructor(file: FileHandle, cannotCut = false) {
    this.#file = file
    this.canCut = !cannotCut
  }

  async appendFile(data: string | Uint8Array): Promise<void> {
    if (++this.#writes !== 2) return this.#file.appendFile(data)
    await this.#file.appendFile(Buffer.from(data).subarray(0, data.length / 2))
    throw new Error('disk full')
  }

  truncate(bytes?: number): Promise<void> {
    return this.canCut ? this.#file.truncate(bytes) : Promise.reject(new Error('read-only'))
  }

  close(): Promise<void> {
    return this.#file.close()
  }

  get stat(): FileHandle['stat'] {
    return this.#file.stat.bind(this.#file)
  }

  get read(): FileHandle['read'] {
    return this.#file.read.bind(this.#file)
  }
}

describe('the log of finals', () => {
  let root: string
  let folder: FinalsFolder
  const opened: FinalsLog[] = []
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'roomscribe-finals-'))
    folder = new FinalsFolder(root, silentLogger)
    const openLog = folder.open.bind(folder)
    folder.open = async (claim) => {
      const log = await openLog(claim)
      opened.push(log)
      return log
    }
  })
  afterEach(async () => {
    // the file of a writer that died in a test would be closed by the collector
    for (const log of opened.splice(0)) await log.close(true)
    rmSync(root, { recursive: true, force: true })
  })

  const session = newSessionId()
  const batch = (n: number, text = `text ${n}`): FinalsBatch => ({
    segments: [segmentOf(session, n, { text })],
    spans: [spanOf(session, n * 1000, n * 1000 + 500)],
  })
  const newClaim = (): Claim => ({ meetingId: newMeetingId(), epoch: 1 })
  const next = (claim: Claim): Claim => ({ ...claim, epoch: claim.epoch + 1 })
  const files = () => readdirSync(root).toSorted()
  const onlyFile = () => join(root, files()[0] ?? '')
  const textsOf = (left: readonly FinalsBatch[]) => left.flatMap(({ segments }) => segments.map(({ text }) => text))

  it('28 gaps come back with the finals that they were logged with', async () => {
    const claim = newClaim()
    const gap = { identity: asIdentity('ann'), fromMs: 0, toMs: 900, reason: 'taken_over' } as const
    const log = await folder.open(claim)
    const later = { ...gap, fromMs: 2000, toMs: 2100 }
    await log.append({ ...batch(1), gaps: [gap] })
    await log.append({ ...batch(2), gaps: [later] })
    await log.close(true)
    const { left } = await folder.open({ ...claim, epoch: claim.epoch + 1 })
    expect(left.flatMap(({ gaps }) => gaps ?? [])).toEqual([gap, later])
    expect(left.flatMap(({ segments }) => segments)).toHaveLength(2)
  })

  it('28 a session comes back with the finals in its newest version', async () => {
    const claim = newClaim()
    const log = await folder.open(claim)
    const pendingTexts = [{ identity: asIdentity('ann'), fromMs: 0, toMs: 900 }]
    const other = { ...sessionWith(newSessionId(), 4), endReason: 'done' }
    await log.append({ ...batch(1), sessions: [{ ...sessionWith(session, 1), pendingTexts }] })
    await log.append({ ...batch(2), sessions: [{ ...sessionWith(session, 2), pendingTexts }, other] })
    await log.close(true)
    const { left } = await folder.open(next(claim))
    expect(left.map(({ sessions }) => sessions)).toEqual([[{ ...sessionWith(session, 2), pendingTexts }, other]])
  })

  it('gives texts also where what stands beside them makes no sense', async () => {
    const claim = newClaim()
    const log = await folder.open(claim)
    const gap = { identity: asIdentity('ann'), fromMs: Number.NaN, toMs: 900, reason: 'taken_over' } as const
    await log.append({ ...batch(1), gaps: [gap], sessions: [{ ...sessionWith(session, 1), sentFrames: Number.NaN }] })
    await log.close(true)
    const { left } = await folder.open(next(claim))
    expect(left).toEqual([batch(1)])
  })

  it('gives the next claim of the meeting everything appended, with its spans, in order', async () => {
    const claim = newClaim()
    const log = await folder.open(claim)
    expect(log.left).toEqual([])
    await Promise.all([log.append(batch(1, 'ä\0 "x" \u2028')), log.append(batch(2)), log.append(batch(3))])
    const after = await folder.open(next(claim))
    expect(after.left).toEqual([
      {
        segments: [1, 2, 3].flatMap((n) => batch(n, n === 1 ? 'ä\0 "x" \u2028' : undefined).segments),
        spans: [1, 2, 3].flatMap((n) => batch(n).spans),
      },
    ])
    await after.forgetLeft()
    expect(files()).toEqual([`${claim.meetingId}.2.finals`])
    await after.close(false)
    expect(files()).toEqual([])
    await log.close(false)
  })

  it('34 cut at any byte of its last record it gives what was whole, and takes more', async () => {
    const claim = newClaim()
    const log = await folder.open(claim)
    await log.append(batch(1))
    const wholeBytes = statSync(onlyFile()).size
    await log.append(batch(2))
    await log.close(true)
    const path = onlyFile()
    const bytes = readFileSync(path)
    for (let cut = wholeBytes; cut < bytes.length; cut += 7) {
      writeFileSync(path, bytes.subarray(0, cut))
      const again = await folder.open(claim)
      expect(textsOf(again.left)).toEqual(['text 1'])
      await again.append(batch(3))
      await again.close(true)
      const last = await folder.open(next(claim))
      expect(textsOf(last.left)).toEqual(['text 1', 'text 3'])
      await last.forgetLeft()
      await last.close(false)
    }
  })

  it('a whole record of another version is left out, those around it are read', async () => {
    const claim = newClaim()
    const log = await folder.open(claim)
    await log.append(batch(1))
    writeFileSync(onlyFile(), encodeRecord(Buffer.from('{"version":2,"segments":[]}')), { flag: 'a' })
    writeFileSync(onlyFile(), encodeRecord(Buffer.from('rubbish')), { flag: 'a' })
    await log.append(batch(2))
    await log.close(true)
    const after = await folder.open(next(claim))
    expect(textsOf(after.left)).toEqual(['text 1', 'text 2'])
    await after.close(false)
  })

  it('F1 is emptied once all of it is stored and it has grown, and keeps what comes after', async () => {
    const claim = newClaim()
    const log = await folder.open(claim)
    await log.append(batch(1, 'x'.repeat(70_000)))
    log.stored()
    const appended = log.append(batch(2))
    await appended
    expect(statSync(onlyFile()).size).toBeLessThan(2_000)
    log.stored()
    await log.append(batch(3))
    await log.close(true)
    const after = await folder.open(next(claim))
    expect(textsOf(after.left)).toEqual(['text 2', 'text 3'])
    await after.close(false)
  })

  it('belongs to one meeting, and what a newer claim writes is not touched', async () => {
    const claim = newClaim()
    const other = await folder.open(newClaim())
    const newer = await folder.open(next(next(claim)))
    const mine = await folder.open(claim)
    await Promise.all([mine.append(batch(1)), other.append(batch(2)), newer.append(batch(3))])
    await mine.close(true)
    const second = await folder.open(next(claim))
    expect(textsOf(second.left)).toEqual(['text 1'])
    await second.forgetLeft()
    await second.close(false)
    expect(files()).toHaveLength(2)
    await newer.append(batch(4))
    for (const log of [other, newer]) await log.close(true)
  })

  it('36 F3 a writer that wakes up after its meeting was taken over is told that what it appends is not kept', async () => {
    const claim = newClaim()
    const frozen = await folder.open(claim)
    await frozen.append(batch(1))
    const after = await folder.open(next(claim))
    expect(textsOf(after.left)).toEqual(['text 1'])
    await expect(frozen.append(batch(2))).rejects.toThrow('taken by another bot')
    await after.close(false)
    await frozen.close(true)
    // the next owner did not live to store what it had found
    const third = await folder.open(next(next(claim)))
    expect(textsOf(third.left).slice(0, 1)).toEqual(['text 1'])
    await third.forgetLeft()
    await third.close(false)
    expect(files()).toHaveLength(0)
  })

  it('33 F2 a write that fails half-way is cut off: what was appended before and after it is read', async () => {
    const claim = newClaim()
    const path = join(root, `${claim.meetingId}.1.finals`)
    const log = new FinalsFile({
      path,
      file: new FullDisk(await open(path, 'a')),
      goodBytes: 0,
      left: [],
      leftPaths: [],
      logger: silentLogger,
    })
    const outcomes = await Promise.allSettled([1, 2, 3].map((n) => log.append(batch(n))))
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    await log.close(true)
    const after = await folder.open(next(claim))
    expect(textsOf(after.left)).toEqual(['text 1', 'text 3'])
    await after.close(false)
  })

  it('33 F2 where the cut fails too, nothing more is taken until it works; then the disk is used again', async () => {
    const claim = newClaim()
    const path = join(root, `${claim.meetingId}.1.finals`)
    const file = new FullDisk(await open(path, 'a'), true)
    const log = new FinalsFile({ path, file, goodBytes: 0, left: [], leftPaths: [], logger: silentLogger })
    const outcomes = await Promise.allSettled([1, 2, 3].map((n) => log.append(batch(n))))
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected'])
    file.canCut = true
    await log.append(batch(4))
    await log.close(true)
    const after = await folder.open(next(claim))
    expect(textsOf(after.left)).toEqual(['text 1', 'text 4'])
    await after.close(false)
  })

  it('41 is read back from any place where an append began, a long record too, whatever was emptied before', async () => {
    const log = await folder.open(newClaim())
    await log.append(batch(1, 'x'.repeat(70_000)))
    log.stored()
    expect(log.replay?.end).toBe(0)
    const ends: number[] = []
    const texts = ['a', 'y'.repeat(3_000_000), ...Array.from({ length: 10 }, (_, n) => `text ${n}`)]
    for (const [n, text] of texts.entries()) {
      await log.append(batch(n, text))
      ends.push(log.replay?.end ?? -1)
    }
    for (const [first, from] of [0, ...ends].entries()) {
      const found: string[] = []
      for (let at = from; at < (log.replay?.end ?? 0);) {
        const { batches, next } = (await log.replay?.read(at, 3)) ?? { batches: [], next: Number.POSITIVE_INFINITY }
        expect(batches.length).toBeLessThanOrEqual(3)
        expect(next).toBeGreaterThan(at)
        found.push(...textsOf(batches))
        at = next
      }
      expect(found).toEqual(texts.slice(first))
    }
    await log.close(false)
  })

  it('34 F4 from which something cannot be read back is not emptied any more, nor removed at the end', async () => {
    const log = await folder.open(newClaim())
    const ends: number[] = []
    for (let n = 0; n < 4; n++) {
      await log.append(batch(n, 'x'.repeat(30_000)))
      ends.push(log.replay?.end ?? 0)
    }
    const bytes = readFileSync(onlyFile())
    const place = (ends[1] ?? 0) + 500
    bytes.writeUInt8(bytes.readUInt8(place) ^ 1, place)
    writeFileSync(onlyFile(), bytes)
    const first = await log.replay?.read(0, 10)
    expect([first?.batches.length, first?.next]).toEqual([2, ends[1]])
    expect(await log.replay?.read(ends[1] ?? 0, 10)).toEqual({ batches: [], next: ends[3] })
    log.stored()
    await log.append(batch(9))
    expect(textsOf((await log.replay?.read(ends[3] ?? 0, 10))?.batches ?? [])).toEqual(['text 9'])
    log.stored()
    await log.close(false)
    expect(readFileSync(onlyFile()).subarray(0, bytes.length)).toEqual(bytes)
  })

  it('34 F4 a record that is none of ours keeps the file too', async () => {
    const log = await folder.open(newClaim())
    await log.append({ segments: [segmentOf(session, 1, { confidence: Number.NaN })], spans: [] })
    await log.append(batch(2))
    expect(textsOf((await log.replay?.read(0, 10))?.batches ?? [])).toEqual(['text 2'])
    await log.close(false)
    expect(files()).toHaveLength(1)
  })

  it('takes nothing after it was closed, and may be closed twice', async () => {
    const log = await folder.open(newClaim())
    await log.append(batch(1))
    await Promise.all([log.close(false), log.close(false)])
    await expect(log.append(batch(2))).rejects.toThrow(/nothing more/)
    log.stored()
    expect(files()).toEqual([])
  })

  describe('adopted at the start of a process', () => {
    const begin = async () => {
      const store = new MemoryStore()
      const { meeting } = await store.create(requestFor('room'))
      const claim = await store.claim(meeting.id)
      const log = await folder.open(claim)
      await log.append(batch(1))
      await log.append(batch(2))
      await log.close(true)
      return { store, claim }
    }

    it('I1 I2 is stored once, however often, and stays while its claim may be held', async () => {
      const { store, claim } = await begin()
      await folder.adopt(store)
      await folder.adopt(store)
      expect((await store.segments(claim.meetingId)).map(({ text }) => text)).toEqual(['text 1', 'text 2'])
      expect(await store.spans(claim.meetingId)).toHaveLength(2)
      expect(files()).toHaveLength(1)
      // the meeting's next bot knows that nobody else has it
      const log = await folder.open(await store.claim(claim.meetingId))
      expect(textsOf(log.left)).toEqual(['text 1', 'text 2'])
      await log.forgetLeft()
      await log.close(false)
      expect(files()).toEqual([])
    })

    it('goes once another claim was taken, or the meeting is over or deleted', async () => {
      const taken = await begin()
      await taken.store.claim(taken.claim.meetingId)
      await folder.adopt(taken.store)
      expect(await taken.store.segments(taken.claim.meetingId)).toHaveLength(2)
      expect(files()).toEqual([])
      const over = await begin()
      await over.store.setState(over.claim, 'failed', 'internal_fault')
      await folder.adopt(over.store)
      expect(await over.store.segments(over.claim.meetingId)).toHaveLength(2)
      expect(files()).toEqual([])
      await begin()
      await folder.adopt(new MemoryStore())
      expect(files()).toEqual([])
    })

    it('stays when the store fails, and holds up no other', async () => {
      const { store } = await begin()
      await begin()
      let calls = 0
      await folder.adopt({
        adopt: () => {
          calls++
          return Promise.reject(new Error('away'))
        },
      })
      expect([calls, files().length]).toEqual([2, 2])
      await store.close()
    })

    it('of a torn file gives what is whole; files of other names are left alone', async () => {
      const { store, claim } = await begin()
      truncateSync(onlyFile(), statSync(onlyFile()).size - 1)
      writeFileSync(join(root, 'notes.txt'), 'x')
      await folder.adopt(store)
      expect((await store.segments(claim.meetingId)).map(({ text }) => text)).toEqual(['text 1'])
      expect(files()).toHaveLength(2)
    })

    it('does nothing without a folder', async () => {
      await new FinalsFolder(join(root, 'absent'), silentLogger).adopt(new MemoryStore())
    })
  })
})
