import { describe, expect, it } from 'vitest'
import { numbered, SpoolRig } from '../../../../support/spool-rig.js'

const MB = 1024 * 1024
/** a minute of two channels: 3.84 MB */
const MINUTE = 960_000

describe('audio buffer', () => {
  it('what a working connection owes never touches the disk', async () => {
    const rig = new SpoolRig()
    const buffer = rig.buffer()
    for (let at = 0; at < MINUTE; at += 800) {
      buffer.push(numbered(at, 800))
      buffer.release(at - 16_000)
    }
    await rig.turn()
    expect(rig.disk.appends).toBe(0)
    expect(rig.disk.files.size).toBe(0)
  })

  it('7 an outage of ten minutes is on disk, within a megabyte of memory, and comes back byte by byte', async () => {
    const rig = new SpoolRig()
    const buffer = rig.buffer()
    let highest = 0
    for (let minute = 0; minute < 10; minute++) {
      expect(await rig.push(buffer, MINUTE, 8000)).toEqual([])
      highest = Math.max(highest, buffer.memoryBytes)
    }
    expect(highest).toBeLessThanOrEqual(MB)
    expect(rig.spool.usedBytes).toBeGreaterThan(36 * MB)
    expect(await rig.drain(buffer, { chunk: 16_000 })).toEqual({ frames: 10 * MINUTE, wrong: 0, lost: [] })
    await buffer.clear()
    expect([rig.spool.usedBytes, rig.disk.files.size]).toEqual([0, 0])
  })

  it('files go as they are acknowledged', async () => {
    const rig = new SpoolRig()
    const buffer = rig.buffer()
    await rig.push(buffer, 3 * MINUTE, 8000)
    const before = rig.disk.audio.length
    buffer.release(2 * MINUTE)
    await rig.turn()
    expect(rig.disk.audio.length).toBeLessThan(before)
    expect(rig.spool.usedBytes).toBeLessThan(MINUTE * 4 + 5 * MB)
    expect(await rig.drain(buffer)).toEqual({ frames: MINUTE, wrong: 0, lost: [] })
  })

  it('after a reconnect it goes back to what was acknowledged, and gives it again', async () => {
    const rig = new SpoolRig()
    const buffer = rig.buffer()
    await rig.push(buffer, MINUTE, 8000)
    expect(await rig.drain(buffer, { release: false })).toMatchObject({ frames: MINUTE, wrong: 0 })
    expect(await rig.drain(buffer, { release: false })).toMatchObject({ frames: MINUTE, wrong: 0 })
  })

  it('7 a full spool lets the oldest go, and says exactly which frames', async () => {
    const rig = new SpoolRig({ maxBytes: 12 * MB })
    const buffer = rig.buffer()
    const lost = await rig.push(buffer, 5 * MINUTE, 8000)
    expect(lost).toHaveLength(1)
    const [{ fromFrame, toFrame }] = lost as [{ fromFrame: number; toFrame: number }]
    expect(fromFrame).toBe(0)
    expect(rig.spool.usedBytes).toBeLessThanOrEqual(12 * MB)
    expect(buffer.run(0)).toEqual({ fromFrame: toFrame, toFrame: 5 * MINUTE })
    expect(await rig.drain(buffer)).toEqual({ frames: 5 * MINUTE - toFrame, wrong: 0, lost: [] })
  })

  it('7 of two sessions on a full spool the older audio goes, whosever it is', async () => {
    const rig = new SpoolRig({ maxBytes: 12 * MB })
    const first = rig.buffer()
    await rig.push(first, 2 * MINUTE, 8000)
    const second = rig.buffer()
    expect(await rig.push(second, 2 * MINUTE, 8000)).toEqual([])
    expect(first.takeLost()[0]).toMatchObject({ fromFrame: 0 })
  })

  it.each(['ENOSPC', 'EROFS', 'EIO', 'EFBIG'] as const)(
    '33 a disk that says %s: the ring holds on, the oldest goes with its frames told, one line in the log, and it recovers',
    async (code) => {
      const rig = new SpoolRig({ ringBytes: 2 * MB })
      const buffer = rig.buffer()
      rig.disk.faults.write = code
      rig.disk.faults.tornBytes = 1000
      const lost = await rig.push(buffer, 2 * MINUTE, 8000)
      expect(buffer.memoryBytes).toBeLessThanOrEqual(2 * MB)
      // all of it was told, once
      expect(lost).toEqual([{ fromFrame: 0, toFrame: buffer.run(0)!.fromFrame }])
      expect(rig.log.filter((line) => line.includes('cannot be written'))).toHaveLength(1)
      rig.disk.faults.write = null
      await rig.clock.advance(2000)
      // the ring is full still when the first block comes
      const last = await rig.push(buffer, 8000, 8000)
      const told = last[0]?.toFrame ?? lost[0]!.toFrame
      expect(await rig.push(buffer, MINUTE, 8000)).toEqual([])
      expect(rig.log.filter((line) => line.includes('is written again'))).toHaveLength(1)
      expect(buffer.memoryBytes).toBeLessThanOrEqual(MB)
      expect(await rig.drain(buffer)).toEqual({ frames: 3 * MINUTE + 8000 - told, wrong: 0, lost: [] })
    },
  )

  it('33 a disk that fails half way: what it has stays good, what follows is a gap in the middle', async () => {
    const rig = new SpoolRig({ ringBytes: 2 * MB })
    const buffer = rig.buffer()
    await rig.push(buffer, MINUTE, 8000)
    rig.disk.faults.write = 'EIO'
    rig.disk.faults.tornBytes = 777
    rig.disk.faults.truncate = 'EIO'
    const lost = await rig.push(buffer, MINUTE, 8000)
    expect(lost).toHaveLength(1)
    expect(lost[0]!.fromFrame).toBeGreaterThan(MINUTE - 40_000)
    rig.disk.faults.write = null
    await rig.clock.advance(2000)
    const more = await rig.push(buffer, MINUTE, 8000)
    expect(more.every(({ fromFrame }) => fromFrame === lost[0]!.toFrame)).toBe(true)
    const told = (more[0]?.toFrame ?? lost[0]!.toFrame) - lost[0]!.fromFrame
    expect(await rig.drain(buffer)).toEqual({ frames: 3 * MINUTE - told, wrong: 0, lost: [] })
  })

  it('33 on a disk that others have filled its own oldest file makes room for the newest audio', async () => {
    const rig = new SpoolRig({ ringBytes: MB })
    const buffer = rig.buffer()
    rig.disk.faults.capBytes = 10 * MB
    const lost: unknown[] = []
    for (let at = 0; at < 80; at++) {
      lost.push(...(await rig.push(buffer, MINUTE / 20, 8000)))
      await rig.clock.advance(1000)
    }
    expect(lost[0]).toMatchObject({ fromFrame: 0 })
    const told = buffer.run(0)!.fromFrame
    expect(await rig.drain(buffer)).toEqual({ frames: 4 * MINUTE - told, wrong: 0, lost: [] })
  })

  it('33 a disk that does not answer costs no wait: the ring is the bound, and later everything is as it was told', async () => {
    const rig = new SpoolRig({ ringBytes: 2 * MB })
    const buffer = rig.buffer()
    await rig.push(buffer, MINUTE / 2, 8000)
    rig.disk.hang()
    const lost = await rig.push(buffer, MINUTE, 8000)
    expect(buffer.memoryBytes).toBeLessThanOrEqual(2 * MB)
    expect(lost).toHaveLength(1)
    expect(buffer.read(0, 1600)).toBeNull()
    rig.disk.resume()
    await rig.turn()
    const told = lost[0]!.toFrame - lost[0]!.fromFrame
    expect(await rig.drain(buffer)).toEqual({ frames: 1.5 * MINUTE - told, wrong: 0, lost: [] })
  })

  it('33 a record that cannot be read any more is a gap, after some tries; the others come', async () => {
    const rig = new SpoolRig()
    const buffer = rig.buffer()
    await rig.push(buffer, MINUTE / 4, 8000)
    const [path] = rig.disk.audio
    rig.disk.flip(path!, 100_000 * 8)
    const { frames, wrong, lost } = await rig.drain(buffer)
    expect(wrong).toBe(0)
    expect(lost).toHaveLength(1)
    expect(frames + lost[0]!.toFrame - lost[0]!.fromFrame).toBe(MINUTE / 4)
    expect(lost[0]!.toFrame - lost[0]!.fromFrame).toBeLessThanOrEqual((256 * 1024) / 4)
  })

  it('33 a read that fails for a moment is tried again', async () => {
    const rig = new SpoolRig()
    const buffer = rig.buffer()
    await rig.push(buffer, MINUTE / 4, 8000)
    rig.disk.faults.read = 'EIO'
    expect(buffer.read(0, 1600)).toBeNull()
    await rig.clock.advance(500)
    expect(buffer.read(0, 1600)).toBeNull()
    rig.disk.faults.read = null
    await rig.clock.advance(500)
    expect(await rig.drain(buffer)).toEqual({ frames: MINUTE / 4, wrong: 0, lost: [] })
  })

  it('31 a read that finds no file handle is tried until it finds one: the record is not to blame', async () => {
    const rig = new SpoolRig()
    const buffer = rig.buffer()
    await rig.push(buffer, MINUTE / 4, 8000)
    rig.disk.faults.read = 'EMFILE'
    for (let at = 0; at < 40; at++) {
      expect(buffer.read(0, 1600)).toBeNull()
      await rig.clock.advance(500)
    }
    expect(rig.disk.reads).toBeGreaterThan(10)
    rig.disk.faults.read = null
    await rig.clock.advance(500)
    expect(await rig.drain(buffer)).toEqual({ frames: MINUTE / 4, wrong: 0, lost: [] })
  })

  it('33 files that cannot be removed cost a line in the log', async () => {
    const rig = new SpoolRig()
    const buffer = rig.buffer()
    await rig.push(buffer, 2 * MINUTE, 8000)
    rig.disk.faults.remove = 'EROFS'
    buffer.release(2 * MINUTE)
    await buffer.clear()
    expect(rig.spool.usedBytes).toBe(0)
    expect(rig.log.some((line) => line.includes('cannot be removed'))).toBe(true)
  })
})
