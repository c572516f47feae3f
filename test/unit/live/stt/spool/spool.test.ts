import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { newSessionId } from '../../../../../src/core/ids.js'
import { leaveBehind } from '../../../../../src/live/bot/unsent.js'
import { AudioBacklog, takeBacklog } from '../../../../../src/live/stt/spool/backlog.js'
import { isAlive, thisProcess } from '../../../../../src/live/stt/spool/owner.js'
import { decodeAudio, decodeMarks, encodeAudio, encodeMark, samplesOf } from '../../../../../src/live/stt/spool/record.js'
import { createLogger } from '../../../../../src/observe/logger.js'
import { SpoolRig, numbered } from '../../../../support/spool-rig.js'

const SECOND = 16_000
const MINUTE = 60 * SECOND

/** A minute on disk, left by a process that died. */
async function dead(frames = MINUTE) {
  const rig = new SpoolRig()
  const buffer = rig.buffer()
  buffer.relabel({ vendorId: 'v1' })
  await rig.push(buffer, frames, 8000)
  return { rig, buffer }
}

/** of sessions, oldest first */
const folders = (rig: SpoolRig) => [...new Set([...rig.disk.files.keys()].map((path) => path.split('/').slice(0, 3).join('/')))]

describe('what a dead process left', () => {
  it('28 is found by the next owner of the meeting, once, with all that was written', async () => {
    const { rig } = await dead()
    rig.restart()
    expect(await rig.spool.meetings()).toEqual([rig.meetingId])
    const left = await rig.left()
    expect(left).toMatchObject({ channels: 2, fromFrame: 0, vendorId: 'v1' })
    // what was not written yet: less than a record
    expect(left!.backlog.frames).toBeGreaterThan(MINUTE - 16_400)
    expect(await rig.left()).toBeUndefined()
    expect(await rig.spool.meetings()).toEqual([])
    expect(await rig.drain(takeBacklog(left!.backlog, 2))).toEqual({ frames: left!.backlog.frames, wrong: 0, lost: [] })
  })

  it('is taken by one of two processes that share the disk, and again once that one is dead', async () => {
    const { rig } = await dead()
    const me = await thisProcess()
    rig.restart(undefined, me)
    const { spool } = rig
    rig.restart(undefined, me)
    expect(await spool.left(rig.meetingId, rig.ringBytes)).toHaveLength(1)
    expect([await rig.spool.meetings(), await rig.left()]).toEqual([[], undefined])
    const other = await dead()
    other.rig.restart()
    expect(await other.rig.left()).toMatchObject({ fromFrame: 0, vendorId: 'v1' })
    other.rig.restart(undefined, me)
    expect(await other.rig.left()).toMatchObject({ fromFrame: 0, vendorId: 'v1' })
  })

  it('31 that was taken and could not be opened is there for the same process', async () => {
    const { rig } = await dead()
    rig.restart(undefined, await thisProcess())
    const [path = ''] = rig.disk.audio
    rig.disk.faults.unreadable = { name: path.slice(path.lastIndexOf('/') + 1), code: 'EMFILE' }
    await expect(rig.left()).rejects.toThrow('EMFILE')
    rig.disk.faults.unreadable = null
    expect(await rig.spool.meetings()).toEqual([rig.meetingId])
    expect(await rig.left()).toBeDefined()
    expect(await rig.left()).toBeUndefined()
  })

  it('28 begins where the last mark says that all is acknowledged', async () => {
    const { rig, buffer } = await dead(3 * MINUTE)
    buffer.release(2 * MINUTE)
    await rig.turn()
    rig.restart()
    const left = await rig.left()
    expect(left!.fromFrame).toBe(2 * MINUTE)
    expect(await rig.drain(takeBacklog(left!.backlog, 2), { firstFrame: 2 * MINUTE })).toMatchObject({ wrong: 0, lost: [] })
  })

  it('7 is older than what was written here since, and goes first when the spool is full', async () => {
    const { rig } = await dead()
    const MB = 1024 * 1024
    rig.restart(12 * MB)
    const own = rig.buffer()
    await rig.push(own, MINUTE, 8000)
    const left = takeBacklog((await rig.left())!.backlog, 2)
    expect(await rig.push(own, 2 * MINUTE, 8000)).toEqual([])
    expect(left.takeLost()[0]).toMatchObject({ fromFrame: 0 })
    expect(rig.spool.usedBytes).toBeLessThanOrEqual(12 * MB)
  })

  it('audio that was handed on within a process is found under the session whose frames are stored', async () => {
    const { rig, buffer } = await dead(3 * MINUTE)
    buffer.release(MINUTE)
    buffer.rebase(MINUTE)
    await rig.turn()
    rig.restart()
    expect(await rig.left()).toMatchObject({ fromFrame: MINUTE })
  })

  it('28 that another session goes on with is found under that one as soon as it has come further: what is known of it is stored there', async () => {
    const { rig, buffer } = await dead(3 * MINUTE)
    buffer.release(MINUTE)
    buffer.rebase(MINUTE)
    const sessionId = newSessionId()
    buffer.relabel({ sessionId, vendorId: 'v2' })
    await rig.turn()
    buffer.release(MINUTE)
    await rig.turn()
    rig.restart()
    const left = await rig.left()
    expect(left).toMatchObject({ sessionId, vendorId: 'v2', fromFrame: MINUTE })
    expect(await rig.drain(takeBacklog(left!.backlog, 2), { firstFrame: 2 * MINUTE })).toMatchObject({ wrong: 0, lost: [] })
  })

  it('28 likewise when that one has come no further than a block: it may be all that was left, and its words are told', async () => {
    const { rig, buffer } = await dead(MINUTE)
    buffer.release(MINUTE - 4 * SECOND)
    buffer.rebase(MINUTE - 4 * SECOND)
    const sessionId = newSessionId()
    buffer.relabel({ sessionId, vendorId: 'v2' })
    await rig.turn()
    buffer.release(800)
    await rig.turn()
    const { appends } = rig.disk
    // no more than that: the next mark is a record further
    for (let frame = 1600; frame < SECOND / 2; frame += 800) buffer.release(frame)
    await rig.turn()
    expect(rig.disk.appends).toBe(appends)
    rig.restart()
    expect(await rig.left()).toMatchObject({ sessionId, vendorId: 'v2', fromFrame: 800 })
  })

  it('of a session of this process it is left alone, and so is that of another one that lives', async () => {
    const { rig } = await dead()
    expect(await rig.left()).toBeUndefined()
    const other = new SpoolRig()
    const living = other.buffer()
    living.relabel({ owner: await thisProcess() })
    await other.push(living, MINUTE, 8000)
    other.restart()
    expect(await other.left()).toBeUndefined()
  })

  it('of a process of another host it is nobody else than the owner of the meeting who may take it', async () => {
    const { rig } = await dead()
    rig.restart()
    expect(await rig.spool.left(rig.meetingId, rig.ringBytes, false)).toEqual([])
    expect(await rig.spool.meetings()).toEqual([rig.meetingId])
    expect(await rig.spool.left(rig.meetingId, rig.ringBytes, true)).toHaveLength(1)
  })

  it('of a process that lives is in no list of what is left', async () => {
    const rig = new SpoolRig()
    const living = rig.buffer()
    living.relabel({ owner: await thisProcess() })
    await rig.push(living, MINUTE, 8000)
    rig.restart()
    expect(await rig.spool.meetings()).toEqual([])
  })

  it("31 with a label that cannot be read for want of a file handle is asked for again, and not taken for nobody's", async () => {
    const { rig } = await dead()
    rig.restart()
    rig.disk.faults.unreadable = { name: 'label', code: 'EMFILE' }
    await expect(rig.left()).rejects.toThrow('EMFILE')
    await expect(rig.spool.meetings()).rejects.toThrow('EMFILE')
    rig.disk.faults.unreadable = null
    expect(await rig.left()).toBeDefined()
  })

  it('28 may begin later than the disk says: what is skipped is not there any more, nor is what was lost of it told', async () => {
    const { rig } = await dead(3 * MINUTE)
    const [, second = ''] = rig.disk.audio
    rig.disk.files.delete(second)
    rig.restart()
    const { backlog, fromFrame } = (await rig.left())!
    const skipped = startOf(rig.disk.audio[1]!) + 1000
    const { frames } = backlog
    backlog.skip(skipped - fromFrame)
    expect([fromFrame, backlog.frames]).toEqual([0, frames - skipped])
    const back = await rig.drain(takeBacklog(backlog, 2), { firstFrame: skipped })
    expect(back).toMatchObject({ wrong: 0, lost: [] })
  })

  it('is told apart from a process of the same number that started later, and from none', async () => {
    const me = await thisProcess()
    expect(await isAlive(me)).toBe(true)
    expect(await isAlive({ ...me, start: '1' })).toBe(false)
    expect(await isAlive({ ...me, host: 'elsewhere' })).toBe(false)
    expect(await isAlive({ ...me, pid: 2 ** 30 })).toBe(false)
  })

  it('is lost with its owner for a stopped process that wakes up: it harms none of it', async () => {
    const { rig, buffer } = await dead()
    rig.restart()
    const left = await rig.left()
    await rig.push(buffer, MINUTE, 8000)
    await buffer.clear()
    expect(await rig.drain(takeBacklog(left!.backlog, 2))).toMatchObject({ frames: left!.backlog.frames, wrong: 0 })
  })

  it('is put there as a whole for a handover, and gone from here', async () => {
    const { rig, buffer } = await dead()
    buffer.release(SECOND)
    expect(await buffer.leave()).toBe(true)
    expect(rig.spool.usedBytes).toBe(0)
    rig.restart()
    const left = await rig.left()
    expect(left).toMatchObject({ fromFrame: SECOND })
    expect(left!.backlog.frames).toBe(MINUTE - SECOND)
    expect(await rig.drain(takeBacklog(left!.backlog, 2), { firstFrame: SECOND })).toMatchObject({ wrong: 0 })
  })

  it('is put there under the session whose frames are stored, although it was on its way to another one', async () => {
    const { rig, buffer } = await dead()
    buffer.release(SECOND)
    buffer.rebase(SECOND)
    expect(await buffer.leave()).toBe(true)
    rig.restart()
    const left = await rig.left()
    expect(left).toMatchObject({ fromFrame: SECOND })
    expect(await rig.drain(takeBacklog(left!.backlog, 2), { firstFrame: SECOND })).toMatchObject({ frames: MINUTE - SECOND, wrong: 0 })
  })

  it('is not put there by a disk that has nothing of it and fails: it is still here', async () => {
    const rig = new SpoolRig()
    const buffer = rig.buffer()
    await rig.push(buffer, SECOND)
    rig.disk.faults.write = 'ENOSPC'
    expect(await buffer.leave()).toBe(false)
    expect(await rig.drain(buffer)).toEqual({ frames: SECOND, wrong: 0, lost: [] })
  })

  it('33 stays on a disk that is full, but for what was not written before', async () => {
    const { rig, buffer } = await dead()
    buffer.release(SECOND)
    rig.disk.faults.write = 'ENOSPC'
    expect(await buffer.leave()).toBe(true)
    rig.disk.faults.write = null
    rig.restart()
    const left = await rig.left()
    expect(left!.fromFrame + left!.backlog.frames).toBeGreaterThan(MINUTE - 16_400)
    const firstFrame = left!.fromFrame
    expect(await rig.drain(takeBacklog(left!.backlog, 2), { firstFrame })).toMatchObject({ wrong: 0, lost: [] })
  })

  it('is not there when its folder has gone, and nobody is told that it stays', async () => {
    const { rig, buffer } = await dead()
    rig.disk.files.clear()
    rig.disk.faults.write = 'EIO'
    const lines: string[] = []
    await leaveBehind(
      new AudioBacklog(buffer),
      createLogger('debug', (line) => lines.push((JSON.parse(line) as { msg: string }).msg)),
    )
    expect([lines, rig.spool.usedBytes]).toEqual([[], 0])
  })

  it("without a label it is nobody's: it stays, and is removed after a day", async () => {
    const { rig } = await dead()
    for (const path of rig.disk.files.keys()) if (path.endsWith('/label')) rig.disk.flip(path, 90)
    rig.restart()
    expect(await rig.left()).toBeUndefined()
    expect(rig.disk.audio.length).toBeGreaterThan(0)
    rig.disk.nowMs = rig.clock.nowMs()
    await rig.spool.sweep()
    expect(rig.disk.audio.length).toBeGreaterThan(0)
    await rig.clock.advance(25 * 3600_000)
    await rig.spool.sweep()
    expect(rig.disk.files.size).toBe(0)
  })

  it('28 that nobody has asked for in a day is removed, and the log says whose it was', async () => {
    const { rig } = await dead()
    rig.restart()
    rig.disk.nowMs = rig.clock.nowMs()
    await rig.clock.advance(25 * 3600_000)
    await rig.spool.sweep()
    const told = rig.log
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .find(({ msg }) => String(msg).includes('nobody asked for'))
    expect(told).toMatchObject({ meeting: rig.meetingId, session: expect.stringMatching(/\w{8}/) })
    expect(told?.['bytes']).toBeGreaterThan((MINUTE - 16_400) * 4)
    expect(rig.disk.files.size).toBe(0)
  })

  it('28 is not removed by another process while one that lives has it, however long that waits for the service', async () => {
    const { rig } = await dead()
    const me = await thisProcess()
    rig.restart(undefined, me)
    expect(await rig.left()).toBeDefined()
    rig.restart()
    rig.disk.nowMs = rig.clock.nowMs()
    await rig.clock.advance(25 * 3600_000)
    await rig.spool.sweep()
    expect(rig.disk.audio.length).toBeGreaterThan(0)
    // what this process itself could not remove is nobody's
    rig.restart(undefined, me)
    await rig.spool.sweep()
    expect(rig.disk.files.size).toBe(0)
  })

  it('7 of more than the disk is to hold the oldest is removed, as soon as more is left; of a process elsewhere nobody knows whether it lives', async () => {
    const rig = new SpoolRig()
    const MB = 1024 * 1024
    const leave = async () => {
      rig.disk.nowMs += 1000
      const buffer = rig.buffer()
      await rig.push(buffer, MINUTE, 8000)
      expect(await buffer.leave()).toBe(true)
      await rig.turn()
      await rig.turn()
    }
    rig.restart(9 * MB)
    await leave()
    await leave()
    const [first = '', second = ''] = folders(rig)
    expect(folders(rig)).toHaveLength(2)
    await leave()
    expect(folders(rig)).toHaveLength(2)
    expect(folders(rig)).toContain(second)
    expect(folders(rig)).not.toContain(first)
    expect(rig.log.filter((line) => line.includes('it is too much'))).toHaveLength(1)
    // of a process elsewhere
    rig.disk.nowMs += 1000
    await rig.push(rig.buffer(), MINUTE, 8000)
    rig.restart(9 * MB)
    await rig.spool.sweep()
    expect(folders(rig)).toHaveLength(3)
    rig.restart(MB)
    await rig.spool.sweep()
    expect(folders(rig)).toHaveLength(1)
  })

  it('28 is swept every hour until the end', async () => {
    const rig = new SpoolRig()
    rig.disk.nowMs = rig.clock.nowMs()
    await rig.push(rig.buffer(), MINUTE, 8000)
    rig.restart()
    await rig.spool.tend()
    await rig.clock.advance(23.5 * 3600_000)
    expect(rig.disk.files.size).toBeGreaterThan(0)
    await rig.clock.advance(2 * 3600_000)
    expect(rig.disk.files.size).toBe(0)
    await rig.spool.close()
    expect(rig.clock.pending).toBe(0)
  })

  it('33 loses a file that cannot be read, and nothing else', async () => {
    const { rig } = await dead(3 * MINUTE)
    const [path = ''] = rig.disk.audio
    const bytes = rig.disk.audio.slice(1).reduce((sum, one) => sum + rig.disk.file(one).bytes.length, 0)
    rig.restart()
    rig.disk.faults.unreadable = { name: path.slice(path.lastIndexOf('/') + 1), code: 'EIO' }
    const left = await rig.left()
    expect(left!.fromFrame).toBeGreaterThan(0)
    expect(left!.fromFrame + left!.backlog.frames).toBeGreaterThan(2.9 * MINUTE)
    expect(rig.spool.usedBytes).toBe(bytes)
    expect(rig.log.some((line) => line.includes('cannot be read, its audio is lost'))).toBe(true)
  })

  it('31 waits, uncounted, for whoever looks again when there is no file handle', async () => {
    const { rig } = await dead()
    const [path = ''] = rig.disk.audio
    rig.restart()
    rig.disk.faults.unreadable = { name: path.slice(path.lastIndexOf('/') + 1), code: 'EMFILE' }
    await expect(rig.left()).rejects.toThrow('EMFILE')
    expect([rig.spool.usedBytes, await rig.spool.meetings()]).toEqual([0, [rig.meetingId]])
    rig.disk.faults.unreadable = null
    expect((await rig.left())?.backlog.frames).toBeGreaterThan(MINUTE - 16_400)
  })

  it('is discarded with its files', async () => {
    const { rig } = await dead()
    rig.restart()
    const left = await rig.left()
    await left!.backlog.discard()
    await left!.backlog.discard()
    expect([rig.disk.files.size, rig.spool.usedBytes]).toEqual([0, 0])
    expect(() => takeBacklog(left!.backlog, 2)).toThrow('a backlog is taken once')
  })

  it('34 a file cut at any byte gives its good records, then the next file, and says what is missing between', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.nat(), async (which, where) => {
        const { rig } = await dead(1.5 * MINUTE)
        const paths = rig.disk.audio
        const path = paths[which % paths.length]!
        const whole = rig.disk.file(path).bytes.length
        const cut = where % whole
        const good = decodeAudio(Buffer.from(rig.disk.file(path).bytes.subarray(0, cut))).records.at(-1)
        rig.disk.file(path).truncate(cut)
        rig.restart()
        const left = await rig.left()
        const taken = takeBacklog(left!.backlog, 2)
        const missing = taken.takeLost().reduce((sum, run) => sum + run.toFrame - run.fromFrame, 0)
        const back = await rig.drain(taken, { firstFrame: left!.fromFrame })
        expect(back.wrong).toBe(0)
        expect(back.lost).toEqual([])
        expect(back.frames + missing).toBe(left!.backlog.frames)
        if (path === paths.at(-1)) expect(left!.fromFrame + left!.backlog.frames).toBe(good?.toFrame ?? startOf(path))
      }),
      { numRuns: 12 },
    )
  })

  it('34 any flipped bit of a file is found: no changed sample comes back', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), async (where) => {
        const { rig } = await dead(MINUTE / 2)
        const [path] = rig.disk.audio
        rig.disk.flip(path!, where % (rig.disk.file(path!).bytes.length * 8))
        rig.restart()
        const left = await rig.left()
        if (!left) return
        const taken = takeBacklog(left.backlog, 2)
        const back = await rig.drain(taken, { firstFrame: left.fromFrame })
        expect(back.wrong).toBe(0)
        expect(back.frames).toBeLessThan(MINUTE / 2)
      }),
      { numRuns: 12 },
    )
  })
})

describe('records', () => {
  const audio = fc.record({
    fromFrame: fc.nat(2 ** 40),
    channels: fc.integer({ min: 1, max: 8 }),
    frames: fc.integer({ min: 1, max: 40 }),
  })

  it('34 every cut at any byte leaves exactly the records that are whole', () => {
    fc.assert(
      fc.property(fc.array(audio, { minLength: 1, maxLength: 6 }), fc.nat(), (list, where) => {
        const encoded = list.map((one) => encodeAudio(one.fromFrame, one.channels, numbered(one.fromFrame, one.frames, one.channels)))
        const bytes = Buffer.concat(encoded)
        const cut = where % (bytes.length + 1)
        let whole = 0
        for (let end = 0; whole < encoded.length && end + encoded[whole]!.length <= cut; whole++) end += encoded[whole]!.length
        const { records, goodBytes } = decodeAudio(bytes.subarray(0, cut))
        expect(records).toHaveLength(whole)
        expect(goodBytes).toBe(encoded.slice(0, whole).reduce((sum, { length }) => sum + length, 0))
        for (const [at, { fromFrame, channels, pcm }] of records.entries()) {
          expect({ fromFrame, channels }).toEqual({ fromFrame: list[at]!.fromFrame, channels: list[at]!.channels })
          expect(samplesOf(pcm)).toEqual(numbered(fromFrame, list[at]!.frames, channels))
        }
      }),
    )
  })

  it('34 every single flipped bit is found', () => {
    const bytes = Buffer.concat([encodeAudio(0, 2, numbered(0, 20)), encodeAudio(20, 2, numbered(20, 20)), encodeMark(7)])
    const first = encodeAudio(0, 2, numbered(0, 20)).length
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes)
      changed[bit >> 3]! ^= 1 << (bit & 7)
      const { records } = decodeAudio(changed)
      expect(records.length).toBe(bit < first * 8 ? 0 : bit < (bytes.length - 20) * 8 ? 1 : 2)
    }
  })

  it('a mark is the largest that is whole', () => {
    const marks = Buffer.concat([encodeMark(5), encodeMark(900), encodeMark(17)])
    expect(decodeMarks(marks)).toBe(900)
    expect(decodeMarks(marks.subarray(0, 19))).toBe(0)
  })
})

describe('backlog', () => {
  it('another session goes on where it ends, in its own numbers', async () => {
    const { rig, buffer } = await dead(MINUTE)
    buffer.release(SECOND)
    buffer.rebase(SECOND)
    expect([buffer.run(0), buffer.endFrame]).toEqual([{ fromFrame: 0, toFrame: MINUTE - SECOND }, MINUTE - SECOND])
    buffer.relabel({ sessionId: newSessionId() })
    await rig.push(buffer, MINUTE, 8000)
    expect(buffer.endFrame).toBe(2 * MINUTE - SECOND)
  })
})

function startOf(path: string): number {
  return Number(/(\d{15})-\d+\.audio$/.exec(path)![1])
}
