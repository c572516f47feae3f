import type { AudioSourceKind, Identity, TrackKey } from '../../../core/ids.js'
import type { RefusalReason, RoomEvents, RoomTrack } from '../port.js'

/** What the track book is told. */
export type TrackEvent =
  | {
      readonly kind: 'published'
      readonly sid: string
      readonly identity: Identity
      readonly source: AudioSourceKind
      readonly muted: boolean
      /** open since then, monotonic ms; absent: since now */
      readonly sinceMs?: number
    }
  /** `refused`: there was no place for it; it is subscribed when there is one */
  | { readonly kind: 'refused' | 'subscribed' | 'unsubscribed' | 'unpublished' | 'muted' | 'unmuted'; readonly sid: string }
  /** the participant is out of sight; `certain` when it left for good */
  | { readonly kind: 'gone'; readonly identity: Identity; readonly certain: boolean }
  /** the participant was out of sight and is there again */
  | { readonly kind: 'back'; readonly identity: Identity }
  | { readonly kind: 'reconnecting' | 'reconnected' | 'tick' }

/** Why a key is no longer heard. */
export type TrackEnd = Parameters<RoomEvents['trackEnded']>[1]

/** What the driver does, in this order. */
export type TrackAction =
  | { readonly kind: 'subscribe'; readonly sid: string }
  /** it is gone, and with it the place that it had or waited for */
  | { readonly kind: 'forget'; readonly sid: string }
  | { readonly kind: 'open'; readonly sid: string; readonly key: TrackKey }
  | { readonly kind: 'close'; readonly key: TrackKey }
  /** @param sinceMs since when it is awaited, monotonic ms */
  | { readonly kind: 'started'; readonly track: RoomTrack; readonly sinceMs: number }
  /** @param forMs since so long already */
  | { readonly kind: 'refused'; readonly track: RoomTrack; readonly why: RefusalReason; readonly forMs: number }
  /** it is to be asked for once more, from the beginning */
  | { readonly kind: 'again'; readonly sid: string }
  | { readonly kind: 'rejoin' }
  | { readonly kind: 'unrefused'; readonly key: TrackKey }
  | { readonly kind: 'ended'; readonly key: TrackKey; readonly why: TrackEnd }
