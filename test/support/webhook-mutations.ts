import { createHash, createHmac } from 'node:crypto'
import { webhookRoutes, type WebhookResult } from '../../src/control/webhooks/livekit/routes.js'
import { WebhookVerifier } from '../../src/live/room/livekit/webhook.js'
import { silentLogger } from '../../src/observe/logger.js'
import { seeded } from './marks-audio.js'
import { MemoryAutoJoin } from './memory-auto-join.js'

/** The key of the tests' LiveKit. */
export const WEBHOOK_KEY = { apiKey: 'devkey', apiSecret: 's'.repeat(43) }

const base64url = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const hashOf = (body: string | Uint8Array): string => createHash('sha256').update(body).digest('base64')

/** A token by hand, so that nothing of what is tested makes what it is tested with. */
export function webhookToken(claims: object, secret: string, header: object = { alg: 'HS256' }): string {
  const signed = `${base64url(header)}.${base64url(claims)}`
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
}

/** What LiveKit claims of a body: valid for five minutes. */
export function webhookClaims(body: string | Uint8Array, nowSec = Math.floor(Date.now() / 1000)) {
  return { exp: nowSec + 300, nbf: nowSec, iss: WEBHOOK_KEY.apiKey, sha256: hashOf(body) }
}

/** The body of an event as LiveKit writes it. */
export function webhookBody(id: string, event: string, room: string, participant?: { identity: string; kind?: string }): string {
  const people = participant === undefined ? {} : { participant: { sid: 'PA_x', state: 'ACTIVE', ...participant } }
  return JSON.stringify({
    event,
    room: { sid: 'RM_abcdefghijkl', name: room, emptyTimeout: 300, creationTime: '1763700000', turnPassword: 'hush' },
    ...people,
    id,
    createdAt: '1763700000',
  })
}

/** A request as it arrives. */
export interface WebhookRequest {
  readonly body: Uint8Array
  readonly headers: Readonly<Record<string, string>>
}

/** A request that LiveKit could have sent. */
export function signedWebhook(body: string): WebhookRequest {
  const authorization = webhookToken(webhookClaims(body), WEBHOOK_KEY.apiSecret)
  return { body: Buffer.from(body), headers: { 'content-type': 'application/webhook+json', authorization } }
}

type Mutation = (sent: WebhookRequest, random: () => number) => WebhookRequest

const at = (random: () => number, length: number): number => Math.floor(random() * length)
const withToken = (sent: WebhookRequest, authorization: string): WebhookRequest => ({
  ...sent,
  headers: { ...sent.headers, authorization },
})
const without = ({ body, headers }: WebhookRequest, name: string): WebhookRequest => ({
  body,
  headers: Object.fromEntries(Object.entries(headers).filter(([key]) => key !== name)),
})
const claimed = (sent: WebhookRequest, own: object, secret = WEBHOOK_KEY.apiSecret, header?: object): WebhookRequest =>
  withToken(sent, webhookToken({ ...webhookClaims(sent.body), ...own }, secret, header))
const altered = (sent: WebhookRequest, body: Uint8Array): WebhookRequest => ({ ...sent, body })
const token = (sent: WebhookRequest): string => sent.headers['authorization'] ?? ''

/** Another character of the alphabet that tokens are written in, or one that is not of it. */
function otherCharacter(text: string, index: number, random: () => number): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=.'
  let other = text[index] ?? ''
  while (other === text[index]) other = alphabet[at(random, alphabet.length)] ?? ''
  return text.slice(0, index) + other + text.slice(index + 1)
}

const nowSec = (): number => Math.floor(Date.now() / 1000)
const OTHER_SECRET = 'x'.repeat(43)

const MUTATIONS: Readonly<Record<string, Mutation>> = {
  'a bit of the body': (sent, random) => {
    const body = Buffer.from(sent.body)
    const index = at(random, body.length)
    body[index] = (body[index] ?? 0) ^ (1 << at(random, 8))
    return altered(sent, body)
  },
  'the body cut short': (sent, random) => altered(sent, sent.body.subarray(0, at(random, sent.body.length))),
  'bytes put into the body': (sent, random) => {
    const index = at(random, sent.body.length + 1)
    const more = Buffer.from([[32], [10], [0], [0xff], [0xef, 0xbb, 0xbf]][at(random, 5)] ?? [])
    return altered(sent, Buffer.concat([sent.body.subarray(0, index), more, sent.body.subarray(index)]))
  },
  'a mark before the body': (sent) => altered(sent, Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), sent.body])),
  'the body written anew': (sent) => altered(sent, Buffer.from(JSON.stringify(JSON.parse(Buffer.from(sent.body).toString()), null, 1))),
  'another room': (sent) => altered(sent, Buffer.from(Buffer.from(sent.body).toString().replace('team-', 'tearn-'))),
  'the signature of another event': (sent, random) =>
    withToken(sent, token(signedWebhook(webhookBody(`EV_o${random()}`, 'room_started', 'team-b')))),
  'a character of the token': (sent, random) => withToken(sent, otherCharacter(token(sent), at(random, token(sent).length), random)),
  'the token cut short': (sent, random) => withToken(sent, token(sent).slice(0, at(random, token(sent).length))),
  'characters put into the token': (sent, random) => {
    const index = at(random, token(sent).length + 1)
    return withToken(sent, token(sent).slice(0, index) + (['=', '.', 'A', '%'][at(random, 4)] ?? '') + token(sent).slice(index))
  },
  'no token': (sent) => without(sent, 'authorization'),
  'a token with its scheme': (sent) => withToken(sent, `Bearer ${token(sent)}`),
  'no signature': (sent) => withToken(sent, `${token(sent).split('.').slice(0, 2).join('.')}.`),
  'another secret': (sent) => claimed(sent, {}, OTHER_SECRET),
  'no secret': (sent) => claimed(sent, {}, ''),
  'no algorithm': (sent) => {
    const claims = base64url(webhookClaims(sent.body))
    return withToken(sent, `${base64url({ alg: 'none' })}.${claims}.`)
  },
  'an algorithm in name only': (sent, random) =>
    claimed(sent, {}, WEBHOOK_KEY.apiSecret, { alg: ['none', 'HS512', 'RS256', 'ES256', 'hs256', ''][at(random, 6)] }),
  'an extension that must be understood': (sent) => claimed(sent, {}, WEBHOOK_KEY.apiSecret, { alg: 'HS256', crit: ['b64'], b64: false }),
  'another issuer': (sent, random) => claimed(sent, { iss: ['', 'otherkey', 'DEVKEY', null, ['devkey', 'x'], 1][at(random, 6)] }),
  expired: (sent, random) => claimed(sent, { exp: nowSec() - 11 - at(random, 100_000), nbf: nowSec() - 200_000 }),
  'never expiring': (sent, random) => claimed(sent, { exp: [undefined, null, '4102444800', 'never'][at(random, 4)] }),
  'not valid yet': (sent, random) => claimed(sent, { nbf: nowSec() + 60 + at(random, 100_000) }),
  'no hash': (sent, random) => claimed(sent, { sha256: [undefined, null, '', true, 0, [], {}][at(random, 7)] }),
  'a hash in other words': (sent, random) => {
    const hash = createHash('sha256').update(sent.body)
    const hex = hash.digest('hex')
    const base64 = hashOf(sent.body)
    return claimed(sent, { sha256: [hex, base64.replace(/=+$/, ''), [base64], ` ${base64}`, base64.toLowerCase()][at(random, 5)] })
  },
  'the hash of another body': (sent, random) => claimed(sent, { sha256: hashOf(`${random()}`) }),
  'a token for people': (sent) => withToken(sent, peopleToken()),
  'another type': (sent, random) => ({
    ...sent,
    headers: {
      ...sent.headers,
      'content-type': ['text/plain', 'application/x-www-form-urlencoded', '', 'application/jsonp'][at(random, 4)] ?? '',
    },
  }),
  'too large': (sent) =>
    signedWebhook(
      Buffer.from(sent.body)
        .toString()
        .replace('{', `{"more":"${'x'.repeat(70_000)}",`),
    ),
}

/** What a participant holds: signed with the same secret. */
function peopleToken(): string {
  const { iss, exp, nbf } = webhookClaims('')
  return webhookToken({ iss, exp, nbf, sub: 'ana', video: { room: 'team-a', roomJoin: true } }, WEBHOOK_KEY.apiSecret)
}

/** What became of mutated webhooks. */
export interface MutationReport {
  readonly sent: number
  /** had an effect, or were answered as if they had: must be 0 */
  readonly accepted: number
  /** answers of 500 and more: must be 0 */
  readonly failed: number
  readonly kinds: Readonly<Record<string, number>>
  /** one line for each that was accepted or failed, at most 20 */
  readonly wrong: readonly string[]
}

/**
 * Sends so many webhooks, each wrong in one way or sent again too late, to the real route with the real verifier.
 * @param seed replays a run
 */
export async function mutatedWebhooks({ count, seed }: { readonly count: number; readonly seed: number }): Promise<MutationReport> {
  const random = seeded(seed)
  const names = Object.keys(MUTATIONS)
  const kinds: Record<string, number> = {}
  const wrong: string[] = []
  let [nowMs, looks, accepted, failed] = [0, 0, 0, 0]
  const results: WebhookResult[] = []
  const verifier = new WebhookVerifier(WEBHOOK_KEY.apiKey, WEBHOOK_KEY.apiSecret)
  const app = webhookRoutes({
    verify: (body, authorization) => verifier.verify(body, authorization),
    book: new MemoryAutoJoin(() => nowMs),
    look: () => void looks++,
    count: (result) => void results.push(result),
    logger: silentLogger,
  })
  const send = ({ body, headers }: WebhookRequest) => app.request('/livekit', { method: 'POST', headers, body: Buffer.from(body) })
  for (let n = 0; n < count; n++) {
    const kind = n % (names.length + 1) === names.length ? 'replayed' : (names[n % (names.length + 1)] ?? '')
    const sent = signedWebhook(webhookBody(`EV_${n}`, 'participant_joined', `team-${at(random, 9)}`, { identity: `p${n}` }))
    if (kind === 'replayed') {
      await send(sent)
      nowMs += 61_000 + at(random, 200_000)
    }
    const before = looks
    const response = await send(kind === 'replayed' ? sent : (MUTATIONS[kind] ?? ((one) => one))(sent, random))
    kinds[kind] = (kinds[kind] ?? 0) + 1
    const isAccepted = response.status < 400 || looks !== before
    if (isAccepted) accepted++
    if (response.status >= 500) failed++
    if ((isAccepted || response.status >= 500) && wrong.length < 20) wrong.push(`${n} ${kind}: ${response.status}`)
  }
  return { sent: count, accepted, failed, kinds, wrong }
}
