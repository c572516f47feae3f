import { describe, expect, it } from 'vitest'
import { takeBacklog } from '../../../../../src/live/stt/spool/backlog.js'
import { claimedName, claimOf, thisProcess } from '../../../../../src/live/stt/spool/owner.js'
import { decodeAudio } from '../../../../../src/live/stt/spool/record.js'
import { SpoolRig } from '../../../../support/spool-rig.js'

const MINUTE = 960_000

/** A minute on disk, of the process that runs this, which has died. */
async function dead() {
  const rig = new SpoolRig()
  const buffer = rig.buffer()
  await rig.push(buffer, MINUTE, 8000)
  return { rig, buffer }
}

describe('whose a folder of audio is', () => {
  it('stands in its name, whatever the host is called', () => {
    for (const host of ['vm', 'node-7.example.left', 'ä b/c.1.2']) {
      const owner = { host, boot: 'aa-bb', pid: 12, start: '345' }
      expect(claimOf(claimedName('root.1.x/some-id', owner))).toEqual(owner)
    }
    expect(claimOf(claimedName('some-id', { host: 'vm', boot: '', pid: 1, start: '' }))).toEqual({
      host: 'vm',
      boot: '',
      pid: 1,
      start: '',
    })
    expect(claimOf(claimedName('some-id', null))).toBeNull()
    for (const other of ['a.1.2.3.vm/some-id', 'id.1.2.3.%zz']) expect(claimOf(other)).toBeUndefined()
  })

  it('33 is clear on a full disk, where no label can be written: one of two processes takes it', async () => {
    const { rig } = await dead()
    const me = await thisProcess()
    rig.restart(undefined, me)
    const { spool } = rig
    rig.restart(undefined, me)
    rig.disk.faults.write = 'ENOSPC'
    expect(await spool.left(rig.meetingId, rig.ringBytes)).toHaveLength(1)
    expect([await rig.spool.meetings(), await rig.left()]).toEqual([[], undefined])
  })

  it("33 is nobody's when it was left on a full disk: the same process finds it too", async () => {
    const rig = new SpoolRig()
    rig.restart(undefined, await thisProcess())
    const buffer = rig.buffer()
    await rig.push(buffer, MINUTE, 8000)
    rig.disk.faults.write = 'ENOSPC'
    expect(await buffer.leave()).toBe(true)
    await rig.turn()
    expect(await rig.left()).toMatchObject({ fromFrame: 0 })
  })

  it('is asked before a sweep: what a living process has had for a day stays', async () => {
    const rig = new SpoolRig()
    rig.restart(undefined, await thisProcess())
    const buffer = rig.buffer()
    await rig.push(buffer, MINUTE, 8000)
    rig.restart()
    await rig.clock.advance(25 * 3600_000)
    await rig.spool.sweep()
    expect(await rig.drain(buffer)).toEqual({ frames: MINUTE, wrong: 0, lost: [] })
  })

  it('may change during a sweep: what has gone by then ends neither the sweep nor the process', async () => {
    const { rig } = await dead()
    rig.restart()
    const { disk } = rig
    disk.changedMs = () => Promise.reject(new Error('ENOENT'))
    const list = disk.list.bind(disk)
    disk.list = async (folder) => {
      await rig.turn()
      return list(folder)
    }
    await rig.spool.sweep()
    expect(await rig.left()).toBeDefined()
  })

  it('is another for a stopped process that wakes up: what it writes then is a folder of its own, and whole', async () => {
    const { rig, buffer } = await dead()
    rig.restart()
    const taken = takeBacklog((await rig.left())!.backlog, 2)
    const had = taken.endFrame
    const { disk } = rig
    // of a real disk: no file in a folder that has gone
    const append = disk.append.bind(disk)
    const made = new Set<string>()
    const isThere = (folder: string) => made.has(folder) || [...disk.files.keys()].some((path) => path.startsWith(`${folder}/`))
    disk.makeFolder = (folder?: string) => Promise.resolve(void made.add(folder ?? ''))
    disk.append = async (path, bytes) => {
      if (!isThere(path.slice(0, path.lastIndexOf('/')))) throw Object.assign(new Error('ENOENT'), { code: 'ENOENT' })
      await append(path, bytes)
    }
    const replace = disk.replace.bind(disk)
    disk.replace = async (path, bytes) => {
      if (!isThere(path.slice(0, path.lastIndexOf('/')))) throw Object.assign(new Error('ENOENT'), { code: 'ENOENT' })
      await replace(path, bytes)
    }
    buffer.relabel({ vendorId: 'v2' })
    await rig.push(buffer, 8000, 8000)
    await rig.push(buffer, 8000, 8000)
    await rig.clock.advance(1100)
    await rig.push(buffer, MINUTE, 8000)
    expect(await rig.drain(taken)).toMatchObject({ frames: had, wrong: 0 })
    const back = await rig.left()
    expect(back!.fromFrame).toBeGreaterThanOrEqual(had)
    const firstFrame = back!.fromFrame
    expect(await rig.drain(takeBacklog(back!.backlog, 2), { firstFrame })).toMatchObject({ wrong: 0, lost: [] })
  })

  it('34 is written on in files of its own, also where the dead process had begun one', async () => {
    const { rig } = await dead()
    const [path = ''] = rig.disk.audio
    const { records } = decodeAudio(rig.disk.file(path).bytes)
    const endOnDisk = records.at(-1)!.toFrame
    const torn = path.replace(/\d{15}-\d{9}/, `${String(endOnDisk).padStart(15, '0')}-000000001`)
    await rig.disk.append(torn, new Uint8Array(100))
    rig.restart()
    const left = (await rig.left())!
    const taken = takeBacklog(left.backlog, 2)
    await rig.push(taken, MINUTE, 8000)
    expect(await rig.drain(taken)).toEqual({ frames: endOnDisk + MINUTE, wrong: 0, lost: [] })
  })

  it('31 holds what was written again where the first write could not be undone, and what goes on there', async () => {
    const rig = new SpoolRig()
    const buffer = rig.buffer()
    await rig.push(buffer, 96_000, 8000)
    const [path = ''] = rig.disk.audio
    const wasOnDisk = decodeAudio(rig.disk.file(path).bytes).records.at(-1)!.toFrame
    rig.disk.hang()
    await rig.push(buffer, 16_000, 8000)
    await rig.push(buffer, 8000, 8000)
    // its file goes while it is written, and cannot be removed
    buffer.release(wasOnDisk)
    rig.disk.faults.remove = 'EROFS'
    rig.disk.resume()
    await rig.turn()
    rig.disk.faults.remove = null
    buffer.release(wasOnDisk + 800)
    await rig.clock.advance(1100)
    await rig.push(buffer, 96_000, 8000)
    const [first = [], second = []] = rig.disk.audio.map((one) => decodeAudio(rig.disk.file(one).bytes).records)
    expect(second[0]!.fromFrame).toBeLessThan(first.at(-1)!.toFrame)
    expect(second[0]!.toFrame).toBeGreaterThan(first.at(-1)!.toFrame)
    rig.restart()
    const { fromFrame, backlog } = (await rig.left())!
    expect(fromFrame + backlog.frames).toBe(second.at(-1)!.toFrame)
    const taken = takeBacklog(backlog, 2)
    expect(await rig.drain(taken, { firstFrame: fromFrame })).toEqual({ frames: backlog.frames, wrong: 0, lost: [] })
  })
})
