import { hostname } from 'node:os'
import { FailoverStt } from '../../../src/live/stt/failover.js'
import { createGladiaStt, type GladiaOptions } from '../../../src/live/stt/gladia/open.js'
import type { SttPort } from '../../../src/live/stt/port.js'
import { Spool } from '../../../src/live/stt/spool/spool.js'
import type { Logger } from '../../../src/observe/logger.js'
import { MemoryDisk } from '../memory-disk.js'
import type { SimProcess, SimTime } from './clock.js'
import { ProcessDisk, SpoolFaults } from './disk.js'
import type { SimSpeech } from './speech.js'

const MAX_BYTES = 64 * 1024 * 1024
/** two seconds of two channels: what is acknowledged goes from the disk in many steps */
const FILE_BYTES = 128 * 1024
/** a service that is away for so long is given up for the other one */
const FAILOVER_MS = 3_000

/** The speech recognition of one process, and what it closes when it ends. */
export interface ProcessSpeech {
  readonly stt: SttPort
  readonly close: () => Promise<void>
}

/** What every process of a meeting reaches the speech service with. */
export interface SpeechParts {
  readonly time: SimTime
  readonly speech: SimSpeech
  readonly random: () => number
  readonly logger: Logger
}

const gladiaOf = (process: SimProcess, { speech, random, logger }: SpeechParts): GladiaOptions => ({
  baseUrl: 'http://sim',
  apiKey: 'key',
  region: null,
  clock: process,
  random,
  logger,
  transport: speech.transport(process),
})

/** Sessions that keep their audio in memory. */
export function speechInMemory(process: SimProcess, parts: SpeechParts): SttPort {
  return createGladiaStt(gladiaOf(process, parts))
}

/** Sessions that keep their audio on the disks of hosts, where it outlives their processes; a second service beside the first one, or not. */
export class SpooledSpeech {
  /** by host */
  readonly disks: readonly { readonly disk: MemoryDisk; readonly faults: SpoolFaults }[]
  readonly #parts: SpeechParts
  readonly #hasFallback: boolean
  readonly #processes: SimProcess[] = []

  constructor(hosts: number, hasFallback: boolean, parts: SpeechParts) {
    this.disks = Array.from({ length: hosts }, () => ({ disk: new MemoryDisk(), faults: new SpoolFaults() }))
    this.#hasFallback = hasFallback
    this.#parts = parts
  }

  /** Audio files that nobody has sent or removed. */
  get leftFiles(): number {
    return this.disks.reduce((sum, { disk }) => sum + disk.audio.length, 0)
  }

  of(process: SimProcess, host: number): ProcessSpeech {
    const { time, speech, logger } = this.#parts
    const { disk, faults } = this.disks[host]!
    const pid = this.#processes.push(process)
    const spool = new Spool({
      folder: '/spool',
      maxBytes: MAX_BYTES,
      clock: process,
      logger,
      disk: new ProcessDisk(process, disk, faults, time),
      owner: { host: hostname(), boot: 'b', pid, start: '1' },
      isAlive: (owner) => Promise.resolve(this.#processes[owner.pid - 1]?.state === 'running'),
      fileBytes: FILE_BYTES,
    })
    const gladia = { ...gladiaOf(process, this.#parts), spool }
    if (!this.#hasFallback) return { stt: createGladiaStt(gladia), close: () => spool.close() }
    const stt = new FailoverStt({
      primary: createGladiaStt({ ...gladia, limits: { openDeadlineMs: FAILOVER_MS, resumeDeadlineMs: FAILOVER_MS } }),
      fallback: createGladiaStt(gladia),
      afterMs: FAILOVER_MS,
      clock: process,
      logger,
      isBack: () => Promise.resolve(time.nowMs >= speech.downUntilMs),
    })
    const close = () => {
      stt.close()
      return spool.close()
    }
    return { stt, close }
  }
}
