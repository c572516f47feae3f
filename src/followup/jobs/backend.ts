import type { FlowJob, JobsOptions, Processor, RetryOptions, WorkerOptions } from 'bullmq'
import type { JobPayload } from './payload.js'
import type { QueueName } from './policy.js'

/** What is read of a job that is kept. */
export interface KeptJob {
  readonly id?: string | undefined
  readonly name: string
  readonly data: unknown
  readonly attemptsMade: number
  readonly failedReason: string
  /** ms since 1970 */
  readonly finishedOn?: number | undefined
  isFailed(): Promise<boolean>
  retry(state: 'failed', options: RetryOptions): Promise<void>
}

/** What is read of a job that waits for its time. */
export interface DelayedJob {
  readonly id?: string | undefined
  /** for how long it was put off, ms */
  readonly delay: number
  readonly attemptsStarted: number
  readonly attemptsMade: number
  promote(): Promise<void>
}

/** The part of BullMQ's Queue that we use; the same on Redis and on SQL. */
export interface QueueClient {
  readonly name: string
  add(name: string, payload: JobPayload, options: JobsOptions): Promise<unknown>
  getJobCounts(): Promise<Record<string, number>>
  getFailed(start: number, end: number): Promise<KeptJob[]>
  /** those that are due first come first */
  getDelayed(start: number, end: number): Promise<DelayedJob[]>
  getJob(id: string): Promise<KeptJob | undefined>
  close(): Promise<void>
  disconnect(): Promise<void>
  on(event: 'error', listener: (error: Error) => void): unknown
}

/** The part of BullMQ's FlowProducer that we use. */
export interface FlowClient {
  add(flow: FlowJob): Promise<unknown>
  close(): Promise<void>
  disconnect(): Promise<void>
  on(event: 'error', listener: (error: Error) => void): unknown
}

/** The part of BullMQ's Worker that we use. */
export interface WorkerClient {
  readonly name: string
  waitUntilReady(): Promise<void>
  cancelAllJobs(reason?: unknown): void
  close(): Promise<void>
  disconnect(): Promise<void>
  on(event: 'error', listener: (error: Error) => void): unknown
  on(event: 'failed', listener: (job: { readonly data: unknown } | undefined) => void): unknown
  on(event: 'stalled', listener: (jobId: string) => void): unknown
}

export type JobProcessor = Processor<unknown, void>
export type WorkerSettings = Omit<WorkerOptions, 'connection' | 'prefix'>

/** Where jobs live: makes clients, and owns the connections that they share. */
export interface JobBackend {
  queue(name: QueueName): QueueClient
  flow(): FlowClient
  worker(name: QueueName, processor: JobProcessor, settings: WorkerSettings): WorkerClient
  /**
   * Takes back what was written down for a time that the wall clock, set back, has yet to reach: locks, and when the jobs of dead workers
   * are looked for next. Absent: the server counts these itself.
   * @param nowMs the wall clock
   */
  setRight?(nowMs: number): Promise<void>
  /** Frees what clients share; every client is closed before. */
  close(): Promise<void>
}
