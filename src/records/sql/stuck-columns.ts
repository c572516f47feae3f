import type { Selectable } from 'kysely'
import type { StuckStep } from '../port.js'
import type { WorkTable } from './tables.js'

/** What a row of `work` says of a step that was given up. */
export type StuckColumns = Pick<Selectable<WorkTable>, 'dead_id' | 'dead_step' | 'dead_reason' | 'dead_attempts' | 'dead_at'>

/** The stuck step of a row; null: none is. */
export function stuckStepOf({ dead_id, dead_step, dead_reason, dead_attempts, dead_at }: StuckColumns): StuckStep | null {
  if (dead_id === null || dead_step === null || dead_reason === null || dead_attempts === null || dead_at === null) return null
  return { id: dead_id, step: dead_step, reason: dead_reason, attempts: dead_attempts, failedAt: dead_at.toISOString() }
}
