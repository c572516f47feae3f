import { Agent, request } from 'node:http'
import { seeded } from './marks-audio.js'

/** What a run of the fuzzer found; `failures` has the first ones, as they were sent. */
export interface ApiFuzz {
  readonly fuzzed: number
  /** answers of 500 and above, and connections that ended without an answer */
  readonly fivexx: number
  /** answers that /openapi.json does not know for their route */
  readonly unpublished: number
  readonly statuses: Readonly<Record<string, number>>
  readonly failures: readonly string[]
}

type Schema = {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly enum?: readonly unknown[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly minimum?: number
  readonly maximum?: number
}
interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query' | 'header'
  readonly schema: Schema
}
interface Operation {
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> }
  readonly responses: Readonly<Record<string, unknown>>
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> }
}

const TEXTS = [
  '',
  ' ',
  'r',
  'standup',
  'a\u0000b',
  '\uD800',
  '\u{1F600}'.repeat(40),
  'x'.repeat(300),
  '__proto__',
  'constructor',
  '../../etc/passwd',
  '%00',
  '%zz',
  "' OR 1=1 --",
  '$ne',
  '{"a":1}',
  '<script>',
  '-1',
  '1e999',
  'NaN',
  'null',
  '2026-03-29T02:30:00+01:00',
  '2026-13-45T99:99:99Z',
  '0001-01-01T00:00:00Z',
  '+275760-09-13T00:00:00Z',
  'Europe/Berlin',
  'Mars/Olympus',
  '*/5 * * * *',
  '61 25 32 13 8',
  'http://127.0.0.1:1/x.ics',
  'file:///etc/passwd',
  'BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nRRULE:FREQ=SECONDLY\r\nEND:VEVENT\r\nEND:VCALENDAR',
] as const
const NUMBERS = [0, 1, -1, 5, 100, 101, 1e9, 2 ** 31, 2 ** 53, -(2 ** 63), 0.5, 1e308]

/**
 * Sends requests made out of /openapi.json, most of them wrong in one place or more, to a running API, several at a time.
 * @param onProgress told how many have been sent
 */
export async function fuzzApi(options: {
  readonly url: string
  readonly key: string
  readonly count: number
  readonly seed: number
  readonly onProgress?: (sent: number) => void | Promise<void>
  /** ids that the fuzzer knows from the start, beside those that it is told */
  readonly ids?: readonly string[]
  /** live feeds are asked as well, each left after its first event */
  readonly withLive?: boolean
  /** told each answer, and the request that it belongs to */
  readonly onAnswer?: (request: string, answer: string) => void
}): Promise<ApiFuzz> {
  const { url, key, count, seed, onProgress, onAnswer } = options
  const random = seeded(seed)
  const pick = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)] as T
  const document = (await (await fetch(`${url}/openapi.json`)).json()) as Document
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    path.endsWith('/live') && options.withLive !== true
      ? []
      : Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  )
  const known: string[] = [...(options.ids ?? [])]

  const valueOf = (schema: Schema, depth = 0): unknown => {
    if (random() < 0.15) return pick<unknown>([null, pick(TEXTS), pick(NUMBERS), true, [], {}, [[[]]], { toString: 2 }])
    const ref = schema.$ref?.split('/').at(-1)
    if (ref !== undefined) return valueOf(document.components.schemas[ref] ?? {}, depth + 1)
    const one = schema.anyOf ?? schema.oneOf
    if (one) return valueOf(pick(one), depth + 1)
    if (schema.enum) return pick(schema.enum)
    const type = typeof schema.type === 'string' ? schema.type : schema.type?.[0]
    if (type === 'array') return Array.from({ length: Math.floor(random() * 4) }, () => valueOf(schema.items ?? {}, depth + 1))
    if (type === 'integer' || type === 'number') return random() < 0.5 ? Math.floor(random() * 100) : pick(NUMBERS)
    if (type === 'boolean') return random() < 0.5
    if (type !== 'object' || depth > 6) return pick(TEXTS)
    const body = Object.fromEntries(
      Object.entries(schema.properties ?? {})
        .filter(([name]) => random() < (schema.required?.includes(name) ? 0.95 : 0.4))
        .map(([name, inner]) => [name, valueOf(inner, depth + 1)]),
    )
    return random() < 0.1 ? { ...body, [pick(TEXTS)]: pick(TEXTS) } : body
  }

  const idOf = () => (known.length > 0 && random() < 0.4 ? pick(known) : pick([...TEXTS, '0199aaaa-0000-7000-8000-000000000000']))
  // half a character has no place in an address
  const asText = (value: unknown) =>
    encodeURIComponent((typeof value === 'string' ? value : JSON.stringify(value)).replaceAll(/\p{Surrogate}/gu, '\uFFFD'))
  const statuses: Record<string, number> = {}
  const failures: string[] = []
  let fivexx = 0
  let unpublished = 0
  let sent = 0
  const agent = new Agent({ keepAlive: true, maxSockets: 8 })

  const send = async () => {
    const { path, method, operation } = pick(operations)
    let target = path.replaceAll(/\{\w+\}/g, () => asText(idOf()))
    const query = (operation.parameters ?? []).filter((one) => one.in === 'query' && random() < 0.5)
    if (query.length > 0) {
      target += `?${query.map(({ name, schema }) => `${name}=${asText(valueOf(schema))}`).join('&')}`
    }
    const schema = Object.values(operation.requestBody?.content ?? {})[0]?.schema
    const document = schema && random() < 0.95 ? JSON.stringify(valueOf(schema)) : null
    const body = document !== null && random() < 0.05 ? document.slice(0, Math.floor(random() * document.length)) : document
    const headers: Record<string, string> = {
      ...(random() < 0.97 ? { authorization: `Bearer ${key}` } : { authorization: pick(['Bearer x', 'Basic y', 'Bearer ']) }),
      ...(body === null ? {} : { 'content-type': random() < 0.95 ? 'application/json' : pick(['text/plain', 'multipart/form-data', 'x']) }),
      ...(random() < 0.05 ? { 'idempotency-key': pick(['a', 'b', 'x'.repeat(300)]) } : {}),
    }
    for (const { name, schema } of operation.parameters?.filter((one) => one.in === 'header' && one.name !== 'idempotency-key') ?? [])
      if (random() < 0.5) headers[name] = random() < 0.5 ? `${Math.floor(random() * 20)}.0` : asText(valueOf(schema))
    const answer = await exchange(agent, url, method, target, headers, body)
    statuses[answer.status] = (statuses[answer.status] ?? 0) + 1
    const id = /"id":"([0-9a-f-]{36})"/.exec(answer.text)?.[1]
    if (id !== undefined && known.length < 200) known.push(id)
    onAnswer?.(`${method} ${target}`, answer.text)
    const what = `${method} ${target} ${body ?? ''} -> ${answer.status} ${answer.text}`.slice(0, 600)
    if (answer.status === 0 || answer.status >= 500) {
      fivexx++
      if (failures.length < 10) failures.push(what)
    } else if (!(answer.status in operation.responses) && ![401, 403, 404, 413, 429].includes(answer.status)) {
      unpublished++
      if (failures.length < 10) failures.push(`unpublished: ${what}`)
    }
  }

  await Promise.all(
    Array.from({ length: 8 }, async () => {
      while (sent < count) {
        sent++
        if (sent % 1000 === 0) await onProgress?.(sent)
        await send()
      }
    }),
  )
  agent.destroy()
  return { fuzzed: count, fivexx, unpublished, statuses, failures }
}

/** More of an answer is not kept. */
const MOST_TEXT = 200_000

/** One exchange; status 0: there was no answer. A stream that does not end by itself is left after its first event. */
function exchange(
  agent: Agent,
  url: string,
  method: string,
  path: string,
  headers: Record<string, string>,
  body: string | null,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve) => {
    const { hostname, port } = new URL(url)
    const sending = request({ agent, hostname, port, method, path, headers }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      const isStream = response.headers['content-type']?.startsWith('text/event-stream') === true
      response.on('data', (chunk: string) => {
        if (text.length < MOST_TEXT) text += chunk
        if (!isStream || !/^event: /m.test(text)) return
        resolve({ status: response.statusCode ?? 0, text })
        sending.destroy()
      })
      response.once('end', () => resolve({ status: response.statusCode ?? 0, text }))
      response.once('error', () => resolve({ status: 0, text: 'cut off' }))
    })
    sending.once('error', (error) => resolve({ status: 0, text: error.message }))
    sending.end(body ?? undefined)
  })
}
