import { createRequire } from 'node:module'

/** What is used of the log library that rtc-node brings along. */
interface ForeignLog {
  (options: { level: string }): object
  readonly symbols: { readonly writeSym: symbol }
}
type Write = (this: { bindings(): Record<string, unknown> }, ...rest: unknown[]) => void

/** What the library's native part exports to its JavaScript part. */
interface NativePart {
  livekitInitialize: (onEvent: (data: Uint8Array) => void, capturesLogs: boolean, version: string) => void
}

let isQuiet = false

/**
 * Drops the log lines of rtc-node, which otherwise go to standard output. Its logger (`lk-rtc`) is neither exported
 * nor configurable in 1.1.0, so writing is intercepted in the copy of pino that it uses; other loggers of that copy pass.
 * The native part tells its own log as events, three thousand a second with thirty people: it is asked not to, and then writes errors
 * to standard error, which RUST_LOG=off prevents. Call once per process, before the first room.
 */
export function silenceRtcLogs(): void {
  if (isQuiet) return
  isQuiet = true
  const rtc = createRequire(import.meta.url).resolve('@livekit/rtc-node')
  const requireOfRtc = createRequire(rtc)
  const native = requireOfRtc('@livekit/rtc-ffi-bindings') as NativePart
  const initialize = native.livekitInitialize
  native.livekitInitialize = (onEvent, _, version) => initialize(onEvent, false, version)
  const foreign = requireOfRtc('pino') as ForeignLog
  const { writeSym } = foreign.symbols
  let holder: object | null = foreign({ level: 'silent' })
  while (holder !== null && !Object.hasOwn(holder, writeSym)) holder = Object.getPrototypeOf(holder) as object | null
  if (holder === null) return
  const prototype = holder as Record<symbol, Write>
  const write = prototype[writeSym]
  if (write === undefined) return
  prototype[writeSym] = function (...rest) {
    if (this.bindings()['name'] !== 'lk-rtc') write.apply(this, rest)
  }
}
