import { createHmac, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'

/** What a signed text says. */
const claimsSchema = z.strictObject({
  /** a session of the page, or a link that was given away */
  kind: z.enum(['session', 'link']),
  /** id of the key that it came from */
  key: z.string(),
  /** a link shows this meeting only */
  meeting: z.string().optional(),
  /** a link lets its holder join the room */
  guest: z.boolean().optional(),
  /** wall clock, ms */
  expiresMs: z.number(),
})
export type TokenClaims = z.infer<typeof claimsSchema>

const macOf = (secret: string, text: string): Buffer => createHmac('sha256', secret).update(text).digest()

/** Claims and their HMAC-SHA256, for cookies and addresses: base64url, a dot between. */
export function signToken(secret: string, claims: TokenClaims): string {
  const text = Buffer.from(JSON.stringify(claims)).toString('base64url')
  return `${text}.${macOf(secret, text).toString('base64url')}`
}

/** The claims of a token of ours that has not expired; null: it is none. */
export function readToken(secretOf: (claims: TokenClaims) => string, token: string, nowMs: number): TokenClaims | null {
  const [text, mac, ...more] = token.split('.')
  if (text === undefined || mac === undefined || more.length > 0 || token.length > LONGEST) return null
  let claims: TokenClaims
  try {
    claims = claimsSchema.parse(JSON.parse(Buffer.from(text, 'base64url').toString('utf8')))
  } catch {
    return null
  }
  const given = Buffer.from(mac, 'base64url')
  const expected = macOf(secretOf(claims), text)
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return null
  return claims.expiresMs > nowMs ? claims : null
}

const LONGEST = 2000
