import { expect } from 'vitest'
import { silentLogger } from '../../src/observe/logger.js'
import type { Behaviours, SwitchName } from '../../src/speech-server/behaviours/schema.js'
import { type SpeechServer, startSpeechServer } from '../../src/speech-server/server.js'
import { ManualClock } from './manual-clock.js'
import { ScriptedEngine, scriptedFinal } from './scripted-engine.js'
import { SpeechServerClient } from './speech-server-client.js'

/** switches that speech-server-audio-switches.test.ts sets; the others are those of speech-server-switches.test.ts */
export const AUDIO_SWITCHES: readonly SwitchName[] = [
  'acks',
  'byteRangeBase',
  'byteRangeEnd',
  'emptyChunk',
  'incompleteFrame',
  'oversizeFrame',
  'unackedBytes',
]

/** a tenth of a second of one channel at 16 kHz */
export const CHUNK = 3200
/** a chunk of audio, or of that many bytes */
export const chunk = (bytes = CHUNK) => Buffer.alloc(bytes, 1)
/** ten finals as soon as there is a tenth of a second of audio */
export const tenFinals = Array.from({ length: 10 }, (_, at) => ({ atSec: 0.1, transcript: scriptedFinal(`u${at}`, 0, at, at + 0.5) }))

/** names of switches that a test has set */
export const covered = new Set<string>()
/** the server of the test that runs */
export let server: SpeechServer
/** the clock of the test that runs */
export let clock: ManualClock
/** the engine of the test that runs */
export let engine: ScriptedEngine
const clients: SpeechServerClient[] = []

/** a server on a manual clock with these switches; counts them as covered */
export async function start(behaviours: Behaviours, script = tenFinals): Promise<void> {
  for (const name of Object.keys(behaviours)) covered.add(name)
  clock = new ManualClock(1_800_000_000_000)
  engine = new ScriptedEngine(script)
  let state = 7
  const random = () => (state = (state * 16_807) % 2_147_483_647) / 2_147_483_647
  server = await startSpeechServer({ port: 0, engine, behaviours, clock, logger: silentLogger, random })
}

/** Ends what a test started; nothing is left. */
export async function tidy(): Promise<void> {
  for (const { socket } of clients.splice(0)) socket.terminate()
  await server.close()
  expect(clock.pending).toBe(0)
}

/** a request with a key */
export const api = (path: string, init: RequestInit = {}) => fetch(server.url + path, { ...init, headers: { 'x-gladia-key': 'k' } })
/** POST /v2/live */
export const post = (body: object = {}) => api('/v2/live', { method: 'POST', body: JSON.stringify(body) })

/** a session that was created */
export async function session(body: object = {}): Promise<{ id: string; url: string }> {
  const response = await post(body)
  expect(response.status).toBe(201)
  return (await response.json()) as { id: string; url: string }
}

/** a socket that may not open */
export function dial(url: string): SpeechServerClient {
  const client = new SpeechServerClient(url)
  clients.push(client)
  return client
}

/** an open socket */
export async function connect(url: string): Promise<SpeechServerClient> {
  const client = dial(url)
  await client.opened()
  return client
}

/** a session and its open socket */
export async function live(body: object = {}): Promise<{ client: SpeechServerClient; id: string; url: string }> {
  const made = await session(body)
  return { ...made, client: await connect(made.url) }
}

/** GET of a job */
export const job = async (id: string) =>
  (await (await api(`/v2/live/${id}`)).json()) as { status: string; result: { transcription: { utterances: { text: string }[] } } | null }
/** byte ranges acknowledged so far */
export const ranges = (client: SpeechServerClient) => client.of('audio_chunk').map(({ data }) => data?.byte_range)
/** resolves when no session has a socket */
export const detached = async () => {
  while (server.sessions().some((one) => one.attached)) await clock.settle()
}
