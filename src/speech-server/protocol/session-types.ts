import type { Clock } from '../../core/time.js'
import type { Logger } from '../../observe/logger.js'
import type { Switchboard } from '../behaviours/switchboard.js'
import type { Engine } from '../engine/port.js'
import type { InitParams } from './init-request.js'
import type { RecordingBudget } from './recording.js'

/** What a session is made of. */
export interface LiveSessionOptions {
  readonly id: string
  readonly requestId: string
  readonly params: InitParams
  readonly engine: Engine
  readonly switches: Switchboard
  readonly clock: Clock
  readonly logger: Logger
  readonly random: () => number
  readonly recordings: RecordingBudget
  /** starts the work after the stop; whoever runs it waits for it before closing */
  run(name: string, work: () => Promise<void>): void
  /** once, when nothing more will happen: `keepsSlot` as the switch `slot` says */
  onOver(keepsSlot: boolean): void
}

/** What tests ask about a session. */
export interface SessionStats {
  readonly id: string
  /** accepted, as `sha256` covers them */
  readonly bytes: number
  readonly sha256: string
  readonly channels: number
  readonly connections: number
  readonly status: 'queued' | 'processing' | 'done' | 'error'
  readonly attached: boolean
  /** messages of the client that were not understood */
  readonly malformedMessages: number
}
