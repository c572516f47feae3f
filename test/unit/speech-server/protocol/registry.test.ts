import { describe, expect, it } from 'vitest'
import { silentLogger } from '../../../../src/observe/logger.js'
import type { Behaviours } from '../../../../src/speech-server/behaviours/schema.js'
import { Switchboard } from '../../../../src/speech-server/behaviours/switchboard.js'
import { parseInitRequest } from '../../../../src/speech-server/protocol/init-request.js'
import { ENDED_SESSION_MS, MAX_ENDED_SESSIONS } from '../../../../src/speech-server/protocol/limits.js'
import type { LiveSession } from '../../../../src/speech-server/protocol/live-session.js'
import { Registry } from '../../../../src/speech-server/protocol/registry.js'
import { ManualClock } from '../../../support/manual-clock.js'
import { ScriptedEngine } from '../../../support/scripted-engine.js'

const outcome = parseInitRequest({})
if (!outcome.ok) throw new Error('not reached')
const { params } = outcome

function setUp(behaviours: Behaviours = {}) {
  const clock = new ManualClock(1_000_000)
  const registry = new Registry({
    engine: new ScriptedEngine(),
    maxRecordingsBytes: 4000,
    switches: new Switchboard(behaviours),
    clock,
    logger: silentLogger,
    random: () => 0,
    run: (_, work) => void work(),
  })
  const create = () => registry.create(params, 'G-0')
  const end = (session: LiveSession | undefined) => session?.close()
  return { clock, registry, create, end }
}

const socket = { send: () => undefined, ping: () => undefined, close: () => undefined, terminate: () => undefined, freeze: () => undefined }

describe('Registry', () => {
  it('finds a session by id and by its token only', () => {
    const { registry, create } = setUp()
    const made = create()
    expect(registry.byId(made?.session.id ?? '')).toBe(made?.session)
    expect(registry.byToken(made?.token ?? '')).toBe(made?.session)
    expect([registry.byToken(made?.session.id ?? ''), registry.byId(made?.token ?? '')]).toEqual([undefined, undefined])
    registry.close()
  })

  it('has no more than `concurrency` slots; an ended session gives its own back', () => {
    const { registry, create, end } = setUp({ concurrency: 2 })
    const first = create()
    create()
    expect(create()).toBeNull()
    end(first?.session)
    expect(create()).not.toBeNull()
    registry.close()
  })

  it('forgets ended sessions after an hour', async () => {
    const { clock, registry, create, end } = setUp()
    const made = create()
    end(made?.session)
    await clock.advance(ENDED_SESSION_MS)
    expect(registry.byId(made?.session.id ?? '')).toBe(made?.session)
    await clock.advance(1)
    expect([registry.byId(made?.session.id ?? ''), registry.byToken(made?.token ?? '')]).toEqual([undefined, undefined])
  })

  it('keeps a bounded number of ended sessions, the newest', () => {
    const { registry, create, end } = setUp()
    const ids: string[] = []
    for (let made = 0; made < MAX_ENDED_SESSIONS + 3; made++) {
      const { session } = create() ?? {}
      ids.push(session?.id ?? '')
      end(session)
    }
    expect(registry.all().map(({ id }) => id)).toEqual(ids.slice(3).toReversed())
  })

  it('makes room for a recording by dropping that of the oldest ended session', () => {
    const { registry, create, end } = setUp()
    const many = 4
    const piece = Buffer.alloc(1000)
    const sessions: (LiveSession | undefined)[] = []
    for (let made = 0; made < many + 1; made++) {
      const { session } = create() ?? {}
      sessions.push(session)
      session?.attach(socket)
      session?.receive(socket, piece, true)
      if (made < 2) end(session)
    }
    expect(sessions.map((session) => session?.wav() !== null)).toEqual([false, ...Array<boolean>(many).fill(true)])
    registry.close()
  })
})
