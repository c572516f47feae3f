import { DummyDriver, Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler, type RawBuilder } from 'kysely'
import { expect, test } from 'vitest'
import { asIdentity, asMeetingId } from '../../../src/core/ids.js'
import { Scope } from '../../../src/core/scope.js'
import { silentLogger } from '../../../src/observe/logger.js'
import type { LiveActivity, LivePartial } from '../../../src/records/partials.js'
import { packActivity, PartialNotices } from '../../../src/records/sql/partial-notices.js'
import { Sql } from '../../../src/records/sql/sql.js'
import type { Database } from '../../../src/records/sql/tables.js'
import { ManualClock } from '../../support/manual-clock.js'

const id = asMeetingId('meeting')
const who = (speaking: readonly string[], waiting: readonly string[] = []): LiveActivity => ({
  speaking: speaking.map(asIdentity),
  waiting: waiting.map(asIdentity),
})
const partial = (text: string): LivePartial => ({ id: 'u1', identity: asIdentity('ann'), name: 'Ann', startMs: 0, endMs: 1, text })

const nowhere = () =>
  new Kysely<Database>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (db) => new PostgresIntrospector(db),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
  })

/** A database that keeps what it is to notify of: the notices of each statement. */
class KeepingSql extends Sql {
  readonly statements: string[][] = []
  isAway = false
  readonly #db = nowhere()

  constructor(origin: string | null) {
    super(nowhere(), origin)
  }

  override rows<Row>(statement: RawBuilder<Row>): Promise<Row[]> {
    if (this.isAway) return Promise.reject(new Error('away'))
    this.statements.push(statement.compile(this.#db).parameters[1] as string[])
    return Promise.resolve([])
  }
}

function processOf(origin: string | null) {
  const clock = new ManualClock()
  const scope = new Scope()
  const sql = new KeepingSql(origin)
  const notices = new PartialNotices(sql, clock, scope, silentLogger)
  const heard: LiveActivity[] = []
  const texts: string[] = []
  notices.subscribeActivity(id, (activity) => heard.push(activity))
  notices.subscribe(id, (told) => texts.push(...told.map(({ text }) => text)))
  return { clock, scope, sql, notices, heard, texts }
}

test('who speaks is told here at once, and to other processes by notices: the first at once, of the next 200 ms the newest', async () => {
  const bot = processOf('bot')
  const serve = processOf('serve')
  for (let n = 0; n < 10; n++) bot.notices.publishActivity(id, who([`p${n}`], ['waits']))
  expect(bot.heard).toHaveLength(10)
  await bot.clock.settle()
  bot.notices.publish(id, [partial('good')])
  bot.notices.publishActivity(id, who(['ann']))
  bot.notices.publishActivity(id, who([]))
  await bot.clock.advance(1000)
  expect(bot.sql.statements.map((batch) => batch.length)).toEqual([1, 2])
  for (const notice of bot.sql.statements.flat()) {
    serve.notices.heard(notice)
    bot.notices.heard(notice)
  }
  expect(serve.heard).toEqual([who(['p9'], ['waits']), who([])])
  expect(serve.texts).toEqual(['good'])
  // what it said itself it is not told again
  expect(bot.heard).toHaveLength(12)
  expect(bot.clock.pending).toBe(0)
})

test('a database that is away, one that no other process listens to, and an end lose what was to be told, and nothing else', async () => {
  const away = processOf('bot')
  away.sql.isAway = true
  away.notices.publishActivity(id, who(['ann']))
  await away.clock.advance(500)
  away.sql.isAway = false
  away.notices.publishActivity(id, who(['bob']))
  await away.clock.advance(500)
  expect(away.sql.statements.flat().map((notice) => (JSON.parse(notice) as { activity: unknown }).activity)).toEqual([who(['bob'])])
  await away.scope.close()
  away.notices.publishActivity(id, who(['cyd']))
  expect(away.heard.at(-1)).toEqual(who(['cyd']))
  const embedded = processOf(null)
  embedded.notices.publishActivity(id, who(['ann']))
  await embedded.clock.advance(500)
  expect([embedded.heard, embedded.sql.statements]).toEqual([[who(['ann'])], []])
})

test('a listener that throws, an unsubscribed one, and a notice of another version keep nothing from the others', () => {
  const serve = processOf('serve')
  serve.notices.subscribeActivity(id, () => {
    throw new Error('listener')
  })
  const after: LiveActivity[] = []
  const leave = serve.notices.subscribeActivity(id, (activity) => after.push(activity))
  serve.notices.heard(packActivity(id, 'bot', who(['ann'])))
  leave()
  serve.notices.heard('{"meeting":"meeting","origin":"bot","partials":[],"activity":{"speaking":"ann"}}')
  serve.notices.heard('{"meeting":"meeting","origin":"bot","partials":[],"later":1}')
  serve.notices.heard(packActivity(asMeetingId('another'), 'bot', who(['eve'])))
  serve.notices.heard(packActivity(id, 'bot', who([])))
  expect([serve.heard, after]).toEqual([[who(['ann']), who([])], [who(['ann'])]])
})

test('a notice of who speaks fits into what PostgreSQL takes, however many and long their names are; the first are told', () => {
  const many = Array.from({ length: 500 }, (_, n) => `${n}-${'\u{1F600}'.repeat(n % 50)}`)
  const huge = ['x'.repeat(9000)]
  for (const activity of [who(many, many), who(many), who([], many), who(huge, huge), who(['ann'], many)]) {
    const notice = packActivity('m', 'o', activity)
    expect(Buffer.byteLength(notice)).toBeLessThanOrEqual(7500)
    const told = (JSON.parse(notice) as { activity: LiveActivity }).activity
    expect(activity.speaking.slice(0, told.speaking.length)).toEqual(told.speaking)
    expect(activity.waiting.slice(0, told.waiting.length)).toEqual(told.waiting)
  }
  expect((JSON.parse(packActivity('m', 'o', who(['ann'], ['bob']))) as { activity: unknown }).activity).toEqual(who(['ann'], ['bob']))
})
