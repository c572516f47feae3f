import { createHash } from 'node:crypto'
import { WebhookReceiver, type WebhookEvent } from 'livekit-server-sdk'
import { isPerson } from './census.js'

/** What a webhook tells, as far as anybody here wants to know. */
export interface RoomNews {
  /** unique: the server's own, else the hash of the body */
  readonly id: string
  readonly kind: 'room_started' | 'room_finished' | 'people' | 'other'
  readonly room: string
}

/** What came of a request. */
export type Verified =
  | { readonly news: RoomNews }
  /** `refused`: nobody who has the secret signed this body, or not now; `unreadable`: signed, and yet not understood */
  | { readonly fault: 'refused' | 'unreadable' }

/** Kinds that say that somebody came or went. */
const PEOPLE_EVENTS: readonly string[] = ['participant_joined', 'participant_left', 'participant_connection_aborted']

/** Reads webhooks of one server: only what was signed with its secret, byte by byte as it was sent. */
export class WebhookVerifier {
  readonly #receiver: WebhookReceiver

  constructor(apiKey: string, apiSecret: string) {
    this.#receiver = new WebhookReceiver(apiKey, apiSecret)
  }

  /**
   * @param body as received: the signature is over the hash of its bytes
   * @param authorization the header: a token and nothing else, with the issuer, a time to live of minutes and the claim `sha256`
   */
  async verify(body: Uint8Array, authorization: string | undefined): Promise<Verified> {
    if (authorization === undefined || !isCanonical(authorization)) return { fault: 'refused' }
    let text: string
    try {
      // what is no UTF-8, or begins with a mark that a decoder swallows, is not what was signed
      text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body)
    } catch {
      return { fault: 'refused' }
    }
    try {
      return { news: newsOf(await this.#receiver.receive(text, authorization), body) }
    } catch (thrown) {
      // JSON is read after the signature
      return { fault: thrown instanceof SyntaxError ? 'unreadable' : 'refused' }
    }
  }
}

/** Whether a token has one spelling: decoders of base64url pass over foreign characters and bits that mean nothing. */
function isCanonical(token: string): boolean {
  const parts = token.split('.')
  return parts.length === 3 && parts.every((part) => part !== '' && Buffer.from(part, 'base64url').toString('base64url') === part)
}

function newsOf(event: WebhookEvent, body: Uint8Array): RoomNews {
  const room = event.room?.name ?? ''
  const id = event.id === '' ? createHash('sha256').update(body).digest('hex') : event.id
  return { id, kind: kindOf(event, room), room }
}

function kindOf({ event, participant }: WebhookEvent, room: string): RoomNews['kind'] {
  if (room === '') return 'other'
  if (event === 'room_started' || event === 'room_finished') return event
  if (!PEOPLE_EVENTS.includes(event) || !participant) return 'other'
  return isPerson(participant.kind, participant.identity, room) ? 'people' : 'other'
}
