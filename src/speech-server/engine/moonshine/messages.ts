import type { Recognition } from './recogniser.js'

/** What a recogniser worker is started with. */
export interface WorkerSettings {
  readonly weightsDir: string
}

/** One at a time: the next `recognise` follows the answer to the last. */
export type ToWorker =
  /** `samples` is transferred; `mayRetry`: clear voice, so an empty result is tried again without its first 0.5 s */
  { readonly kind: 'recognise'; readonly samples: Int16Array<ArrayBuffer>; readonly mayRetry: boolean } | { readonly kind: 'end' }

export type FromWorker =
  | { readonly kind: 'ready' }
  /** it could not load; it ends */
  | { readonly kind: 'unusable'; readonly message: string }
  | { readonly kind: 'done'; readonly recognition: Recognition }
  | { readonly kind: 'failed'; readonly message: string }
