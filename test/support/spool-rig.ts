import { newMeetingId, newSessionId, type MeetingId } from '../../src/core/ids.js'
import type { LeftAudio } from '../../src/live/stt/port.js'
import type { AudioBuffer } from '../../src/live/stt/spool/audio-buffer.js'
import type { FrameRun } from '../../src/live/stt/spool/held-runs.js'
import type { Owner } from '../../src/live/stt/spool/owner.js'
import { Spool } from '../../src/live/stt/spool/spool.js'
import { createLogger } from '../../src/observe/logger.js'
import { ManualClock } from './manual-clock.js'
import { MemoryDisk } from './memory-disk.js'

/** a process that cannot be there */
const NOBODY = { host: 'nowhere', boot: '', pid: 1, start: '' }
const MB = 1024 * 1024

const PERIOD = 1_000_003
const NOISE = Int16Array.from({ length: PERIOD }, (_, at) => Math.imul(at + 1, 0x9e3779b1) >> 16)

/** Frames whose samples tell where they belong; of a period that no whole number of blocks or records has. */
export function numbered(fromFrame: number, frames: number, channels = 2): Int16Array {
  const out = new Int16Array(frames * channels)
  for (let at = 0, from = (fromFrame * channels) % PERIOD; at < out.length; from = 0) {
    const part = NOISE.subarray(from, from + out.length - at)
    out.set(part, at)
    at += part.length
  }
  return out
}

/** A spool on a disk in memory, on a clock that is moved by hand. */
export class SpoolRig {
  readonly clock = new ManualClock(1_800_000_000_000)
  readonly disk = new MemoryDisk()
  readonly log: string[] = []
  readonly meetingId: MeetingId = newMeetingId()
  readonly ringBytes: number
  spool: Spool

  constructor({ maxBytes = 64 * MB, ringBytes = 8 * MB } = {}) {
    this.ringBytes = ringBytes
    this.disk.nowMs = this.clock.nowMs()
    this.spool = this.#open(maxBytes)
  }

  /** The process dies: nothing is written any more, and another one starts on the same disk. */
  restart(maxBytes = 64 * MB, owner: Owner = NOBODY): void {
    this.spool = this.#open(maxBytes, owner)
  }

  buffer(channels = 2): AudioBuffer {
    return this.spool.buffer(this.meetingId, newSessionId(), channels, this.ringBytes)
  }

  /** Pushes so many frames in blocks of 50 ms, letting the disk work after each. */
  async push(buffer: AudioBuffer, frames: number, block = 800): Promise<readonly FrameRun[]> {
    const lost: FrameRun[] = []
    for (let at = 0; at < frames; at += block) {
      buffer.push(numbered(buffer.endFrame, Math.min(block, frames - at), buffer.channels))
      await this.turn()
      lost.push(...buffer.takeLost())
    }
    return joined(lost)
  }

  /** Reads everything that is there, as an uplink would, in chunks. @param firstFrame what number its first frame was pushed with */
  async drain(
    buffer: AudioBuffer,
    { chunk = 1600, release = true, firstFrame = 0 } = {},
  ): Promise<{ frames: number; wrong: number; lost: readonly FrameRun[] }> {
    const lost: FrameRun[] = []
    let frames = 0
    let wrong = 0
    let waits = 0
    for (let at = 0; ;) {
      const run = buffer.run(at)
      lost.push(...buffer.takeLost())
      if (!run) break
      const size = Math.min(chunk, run.toFrame - run.fromFrame)
      const audio = buffer.read(run.fromFrame, size)
      if (!audio) {
        if (++waits > 200) throw new Error('the disk never gives it back')
        if (waits % 10 === 0) await this.clock.advance(100)
        else await this.turn()
        continue
      }
      waits = 0
      at = run.fromFrame + size
      frames += size
      if (Buffer.compare(Buffer.from(audio.buffer), Buffer.from(numbered(firstFrame + run.fromFrame, size, buffer.channels).buffer)) !== 0)
        wrong++
      if (release) buffer.release(at)
    }
    return { frames, wrong, lost: joined(lost) }
  }

  async left(): Promise<LeftAudio | undefined> {
    return (await this.spool.left(this.meetingId, this.ringBytes))[0]
  }

  /** Lets what was begun end. */
  async turn(): Promise<void> {
    for (let at = 0; at < 3; at++) await new Promise((resolve) => setImmediate(resolve))
  }

  #open(maxBytes: number, owner: Owner = NOBODY): Spool {
    const { clock, disk } = this
    return new Spool({
      folder: 'spool',
      maxBytes,
      clock,
      disk,
      owner,
      logger: createLogger('debug', (line) => this.log.push(line)),
    })
  }
}

function joined(runs: readonly FrameRun[]): readonly FrameRun[] {
  const out: FrameRun[] = []
  for (const run of runs) {
    const last = out.at(-1)
    if (last?.toFrame === run.fromFrame) out[out.length - 1] = { ...last, toFrame: run.toFrame }
    else out.push(run)
  }
  return out
}
