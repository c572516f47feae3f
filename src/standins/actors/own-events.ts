import type { Room } from '@livekit/rtc-node'

interface RoomEventLike {
  readonly message: { readonly case?: string | undefined; readonly value?: { readonly roomHandle?: bigint | undefined } | undefined }
}

/** What rtc-node 1.1.0 keeps private; test/contract/media/actors.test.ts fails when a new version moves it. */
interface RoomInternals {
  onFfiEvent: (event: RoomEventLike) => Promise<void>
  readonly ffiHandle?: { readonly handle: bigint }
}

/**
 * Keeps other rooms' events from a room. The library hands every event of the process to every room, each with a lock and a promise:
 * with thirty people in a process that took a third of its thread, and their marks came late. Call before `connect`.
 */
export function hearOnlyOwnEvents(room: Room): void {
  const internals = room as unknown as RoomInternals
  const original = internals.onFfiEvent
  const nothing = Promise.resolve()
  /** asked for once: the handle is a call into native code */
  let handle: bigint | undefined
  internals.onFfiEvent = (event) => {
    handle ??= internals.ffiHandle?.handle
    // until the room knows its own handle it keeps everything and looks through it later
    if (handle === undefined) return original(event)
    const { case: kind, value } = event.message
    return kind === 'roomEvent' && value?.roomHandle === handle ? original(event) : nothing
  }
}
