/**
 * People who sit silent in rooms, several of them in many rooms, in a process of their own.
 * In: one JSON line with the server's keys, the rooms and how many in each. Out: `ready`. Ends with its standard input.
 */
import { createInterface } from 'node:readline'
import { dispose, Room } from '@livekit/rtc-node'
import { actorToken } from '../../src/standins/actors/token.js'

interface Order {
  readonly url: string
  readonly apiKey: string
  readonly apiSecret: string
  readonly rooms: readonly string[]
  readonly people: number
}

const AT_ONCE = 4
const ATTEMPTS = 3
/** held, or they would be collected and their connections with them */
const joined: Room[] = []

async function join(order: Order, room: string, identity: string): Promise<Room> {
  for (let attempt = 1; ; attempt++) {
    const one = new Room()
    try {
      await one.connect(order.url, await actorToken(order, { room, identity, name: identity }), { autoSubscribe: false, dynacast: false })
      return one
    } catch (thrown) {
      // a busy machine loses one now and then
      if (attempt === ATTEMPTS) throw thrown
    }
  }
}

async function enter(order: Order): Promise<void> {
  const places = order.rooms.flatMap((room) => Array.from({ length: order.people }, (_, at) => ({ room, identity: `person-${at}` })))
  const next = places.values()
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (const { room, identity } of next) {
        joined.push(await join(order, room, identity))
      }
    }),
  )
  process.stdout.write('ready\n')
}

const lines = createInterface({ input: process.stdin })
lines.once('line', (line) => void enter(JSON.parse(line) as Order))
lines.once('close', () => {
  // leaving the rooms one by one before it makes the library end the process with «trying to drop an invalid handle», now and then
  void dispose()
})
