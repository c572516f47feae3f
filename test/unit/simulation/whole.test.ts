import { expect, test } from 'vitest'
import { simulateMany } from '../../support/sim/many.js'
import { simulate } from '../../support/sim/meeting.js'
import { COUNT, FROM, expectSame, expectSound } from '../../support/sim/range.js'

test('I1 I2 I3 I4 I5 I7 I8 I11 five hundred simulated meetings of whole processes with random faults break no invariant', async () => {
  expectSound(await simulateMany(FROM, COUNT, undefined, { world: 'whole' }))
}, 600_000)

test.each([
  [51842, 'I2 what a bot that is gone had sent again itself is not taken from its first session too'],
  [406581, 'I4 H4 the next bot hears within a second when the store stands still in the moment of a handover'],
  [431, 'I2 what a bot brings in itself that gave the meeting away is not taken from its sessions, though the next one has died'],
  [50536, 'I4 a bot is told to stop while it waits for the word of the one before'],
  [52121, 'I4 a bot dies right after it has been told until when the one before has heard'],
  [30555, 'I4 somebody comes while a bot waits for the word of the one before'],
  [31132, 'I4 who speaks and mutes while a handover is under way is missed from where the next bot was in the room'],
  [
    2208,
    'I2 what a bot that lives has sent again while the end of the meeting could not wait for it is not taken from its first session too',
  ],
  [149, 'I2 a bot gives its meeting away, stands still until it is taken for dead, and goes on'],
  [1149, 'I2 a bot that was frozen and replaced goes on and sends before it knows'],
  [100899, 'I2 the same'],
  [603835, 'I4 a bot gives its meeting away, somebody leaves whose words it has not sent, and it dies right after'],
  [52673, 'I4 the same, and who comes while the next bot waits for its word is heard from a moment before that'],
  [604972, 'I4 signs of life that waited in a store that stood still come when their bot is dead'],
  [31045, 'I4 a store stands still, a bot dies, and its sign of life is taken when the store answers'],
  [32215, 'I4 the same, while the speech service is away'],
  [70401, 'I4 two channels of a session tell the words of one person in the wrong order, and the bot dies in between'],
  [301739, 'I4 a bot gives its meeting away and dies, and the next one gives it away before that is known'],
  [200165, 'I11 a bot has left before the store takes that it gave its meeting away, and the next one is never in the room'],
  [103063, 'I4 H4 the first signs of life of a process wait in a store that stands still: it cannot tell who is dead'],
  [502073, 'I4 a bot gives its meeting away and lives, the next one does and dies, and the meeting ends before that is known'],
  [503478, 'I4 a bot has left long before the next one is in the room, and a slow store does not say so within a second'],
  [700393, 'I2 a bot gives its meeting away and lives, the next one dies, and the meeting ends: the first one has its texts already'],
  [800444, 'I4 a bot gives its meeting away and dies, the next one gives it away, and the third has texts of the same person'],
  [802218, 'I4 a bot gives its meeting away and dies, and the next one is frozen before it knows'],
  [1002012, 'H4 a process that begins while the store stands still does not take whoever is silent for dead when it answers'],
  [912056, 'I4 the store is slow while a meeting is taken over: what is missing stands half a round trip later'],
  [1006606, 'I4 a bot gives its meeting away and dies, the next one does and lives when it ends: the last one sees to the dead one'],
  [1010452, 'I4 a bot is frozen before it is in the room, and wakes when it has lost the meeting: it takes nobody for dead'],
  [1027668, 'I11 a bot leaves while the store is away, long before the next one is in the room'],
  [1124430, 'I2 what was sent again is not taken from the result of a session that is known since to have had it too'],
  [1122876, 'I4 somebody comes and goes while a bot that has lost the meeting keeps its owner out of the room'],
  [1127687, 'I4 a frozen bot hears on when the meeting has ended without it'],
  [1889, 'I4 who unmutes while a bot waits for the word of the one before said their first 63 ms before that'],
  [1306951, 'I3 a bot dies right after it has sent all at once what had waited for a session'],
  [604360, 'I4 somebody mutes for 10 ms while a bot waits for the word of the one before'],
  [1402941, 'I4 H6 a frozen bot is relieved by one that dies before it has said so, and wakes when a third one has the meeting'],
  [
    1801842,
    'H4 what a released bot heard and lost with its session, and told so, lies in the hole of the next one too: that is no deafness',
  ],
  [1401318, 'I2 audio goes to another session while the disk is full, and is found there under the name of the first one'],
  [1538951, 'I4 a bot dies when the last 50 ms of a session that repeats another one are not on its disk yet'],
  [1306999, 'I4 two processes see a bot dead and take its meeting in the same moment: one has it'],
])('seed %i of the whole world breaks no invariant: %s', async (seed) => {
  expect((await simulate(seed, { world: 'whole' })).violations).toEqual([])
})

test('one seed gives the same meeting again', () => expectSame('whole'))
