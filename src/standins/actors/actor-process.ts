/**
 * The program of a process of actors: reads an order (actor-order.ts) as the first line of standard input, plays its
 * script, and writes events (play-event.ts) as JSON lines on standard output. SIGTERM, SIGINT and the end of standard
 * input make everybody leave. Exit code 0 when the script was played to its end or ended on request, else 1.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createInterface } from 'node:readline'
import { dispose } from '@livekit/rtc-node'
import { deferred } from '../../core/deferred.js'
import { InputError, toError } from '../../core/errors.js'
import { systemClock } from '../../core/time.js'
import { redactText } from '../../observe/logger.js'
import { encodeMark } from '../../speech-server/engine/marks/codec.js'
import { Actor } from './actor.js'
import { actorOrderSchema, type ActorOrder } from './actor-order.js'
import { play } from './play.js'
import type { PlayEvent } from './play-event.js'
import { Speech } from './speech.js'
import { actorToken } from './token.js'

const RESOLUTION_MS = 10

const ending = new AbortController()
const order = deferred<string>()
const go = deferred<number | undefined>()
const end = (why: string) => {
  ending.abort(new Error(why))
  order.reject(ending.signal.reason)
  go.reject(ending.signal.reason)
}
// ended before anybody awaits them
order.promise.catch(() => undefined)
go.promise.catch(() => undefined)

process.once('SIGTERM', () => end('asked to end'))
process.once('SIGINT', () => end('asked to end'))
process.stdout.on('error', () => end('nobody reads'))
const input = createInterface({ input: process.stdin })
input.once('line', (line) => {
  order.resolve(line)
  input.on('line', (next) => {
    const t0Ms = /^go(?: (\d+(?:\.\d+)?))?$/.exec(next.trim())
    if (t0Ms) go.resolve(t0Ms[1] === undefined ? undefined : Number(t0Ms[1]))
  })
})
input.once('close', () => end('standard input has ended'))

const loopDelay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
loopDelay.enable()

function write(event: PlayEvent): void {
  if (event.kind === 'started') loopDelay.reset()
  process.stdout.write(`${JSON.stringify(event)}\n`)
}

/**
 * The native library throws out of the garbage collection when it has lost a handle by itself, as it does when a join fails in a starved
 * process (rtc-ffi 0.12.73). Nothing of it is needed any more: no reason for everybody else to end.
 */
process.on('uncaughtException', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'GenericFailure') {
    process.exitCode = 1
    end(error.message)
  }
  process.stderr.write(`${redactText(error.message)}\n`)
})

function readOrder(line: string): ActorOrder {
  const { data, error } = actorOrderSchema.safeParse(JSON.parse(line))
  if (data) return data
  throw new InputError(error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '))
}

async function perform({ url, room, script, sampleRate, isHeld, ...keys }: ActorOrder): Promise<void> {
  await using speech = new Speech()
  await play({
    script,
    player: ({ identity, name }) =>
      new Actor({
        url,
        identity,
        name,
        sampleRate,
        clock: systemClock,
        token: (present) => actorToken(keys, { room, identity, name: present }),
      }),
    clip: (text, voice) => speech.clip(text, voice),
    mark: (who, n) => encodeMark(who, n, sampleRate),
    onEvent: write,
    ...(isHeld ? { hold: () => go.promise } : {}),
    loopDelayMs: () => Math.max(0, loopDelay.max / 1e6 - RESOLUTION_MS),
    clock: systemClock,
    signal: ending.signal,
  })
}

try {
  await perform(readOrder(await order.promise))
} catch (error) {
  if (!ending.signal.aborted || error !== ending.signal.reason) {
    process.exitCode = 1
    process.stderr.write(`${redactText(toError(error).message)}\n`)
  }
} finally {
  loopDelay.disable()
  input.close()
  process.stdin.destroy()
  await dispose()
}
