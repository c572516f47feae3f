import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { RemoteAudioTrack, Room } from '@livekit/rtc-node'
import { toError } from '../../../core/errors.js'
import { type Logger, redactText, silentLogger } from '../../../observe/logger.js'

/**
 * What rtc-node does to the whole process, put in order once: its log, its unhandled rejections, its event emitter; and what it does not tell.
 * All of it is private to the library (1.1.0): the contract test fails when a new version moves it.
 */

type FfiListener = (event: unknown) => Promise<void>

interface FfiEmitter {
  off(name: 'ffi_event', listener: FfiListener): void
  listeners(name: 'ffi_event'): FfiListener[]
  request(request: { readonly message: { readonly case: 'getStats'; readonly value: { readonly trackHandle: bigint } } }): {
    readonly asyncId?: bigint
  }
  waitFor(isMeant: (event: StatsEvent) => boolean, options: { readonly signal: AbortSignal }): Promise<TrackStats>
}

interface TrackStats {
  readonly asyncId?: bigint
  readonly stats?: readonly {
    readonly stats: { readonly case?: string; readonly value?: { readonly inbound?: { trackIdentifier?: string } } }
  }[]
}

interface StatsEvent {
  readonly message: { readonly case?: string; readonly value?: TrackStats }
}

interface RoomInternals {
  onFfiEvent: FfiListener
  preConnectEvents: unknown[]
}

interface LibraryLog {
  level: string
  warn: (...parts: unknown[]) => void
  error: (...parts: unknown[]) => void
}

/** What the library calls the listener of one awaited answer; those of rooms and streams have no name, or another. */
const WAITS_FOR_ANSWER = 'listener'

let sink: Logger = silentLogger
let prepared = false

/**
 * Silences the library's own log, which would go to standard output, and forwards its warnings to `logger` at debug;
 * keeps its unhandled rejections from ending the process. The last logger given is used; safe to call often.
 */
export function prepareLibrary(logger: Logger): void {
  sink = logger
  if (prepared) return
  prepared = true
  const require = createRequire(import.meta.url)
  const { log } = require(join(dirname(require.resolve('@livekit/rtc-node')), 'log.cjs')) as { log: LibraryLog }
  log.level = 'silent'
  log.warn = (...parts) => sink.debug({ text: logText(parts) }, 'rtc-node warning')
  log.error = (...parts) => sink.debug({ text: logText(parts) }, 'rtc-node error')
  process.on('unhandledRejection', onUnhandledRejection)
}

/** Takes the process-wide handler away again; the log stays silent. */
export function releaseLibrary(): void {
  process.off('unhandledRejection', onUnhandledRejection)
  prepared = false
}

/**
 * Listeners of rooms and streams on the library's one event emitter, through which every event of every room runs; for
 * leak checks. Those that wait for the answer to one request (`FfiClient.waitFor`) come and go, and are not counted.
 */
export function libraryListenerCount(): number {
  const listeners = emitter()?.listeners('ffi_event') ?? []
  return listeners.filter(({ name }) => name !== WAITS_FOR_ANSWER).length
}

/**
 * Catches what the library throws in its own handling of one room's events: otherwise an unhandled rejection.
 * Call before `connect`, which registers the handler.
 */
export function guardRoom(room: Room, onError: (error: Error) => void): void {
  const internals = room as unknown as RoomInternals
  const original = internals.onFfiEvent
  internals.onFfiEvent = async (event) => {
    try {
      await original(event)
    } catch (thrown) {
      // an event kept from before the join would be played again, and throw again, with every later one
      internals.preConnectEvents = []
      onError(toError(thrown))
    }
  }
}

/** What a wait for one of its answers ends with when there is none: its connection may be gone. */
export const noAnswer = (): Error => new Error('the room library does not answer')

/** Removes the room's listener by hand: after a disconnect by the server the library leaves it on for good. */
export function detachRoom(room: Room): void {
  emitter()?.off('ffi_event', (room as unknown as RoomInternals).onFfiEvent)
  room.removeAllListeners()
}

/**
 * Under which id (`trackIdentifier`) `Room#getRtcStats` lists what is received of a track: the library has no call that tells, its native side has.
 * @returns undefined while nothing has been received
 */
export async function statsIdOf(track: RemoteAudioTrack, signal: AbortSignal): Promise<string | undefined> {
  const ffi = emitter()
  if (!ffi) return undefined
  const { asyncId } = ffi.request({ message: { case: 'getStats', value: { trackHandle: track.ffi_handle.handle } } })
  const { stats = [] } = await ffi.waitFor(({ message }) => message.case === 'getStats' && message.value?.asyncId === asyncId, { signal })
  return stats.find((one) => one.stats.case === 'inboundRtp')?.stats.value?.inbound?.trackIdentifier
}

/** Whether the error was thrown by rtc-node itself: its first frame outside of Node is the library's. */
export function isLibraryError(reason: unknown): boolean {
  if (!(reason instanceof Error)) return false
  const frames = (reason.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line))
  const first = frames.find((line) => !/[( ]node:/.test(line) && !line.includes('<anonymous>'))
  return first !== undefined && /[\\/]@livekit[\\/](?:rtc-node|rtc-ffi-bindings)[\\/]/.test(first)
}

/** The library's rejections are logged; all others fare as if this handler did not exist. */
function onUnhandledRejection(reason: unknown): void {
  if (isLibraryError(reason)) {
    sink.warn({ err: reason }, 'rtc-node left a rejection unhandled')
    return
  }
  // without any handler Node makes it an uncaught exception; with other handlers it is theirs
  if (process.listenerCount('unhandledRejection') === 1) throw reason
}

function emitter(): FfiEmitter | undefined {
  return (globalThis as { _ffiClientInstance?: FfiEmitter })._ffiClientInstance
}

function logText(parts: readonly unknown[]): string {
  return redactText(parts.map((part) => (part instanceof Error ? part.message : String(part))).join(' '))
}
