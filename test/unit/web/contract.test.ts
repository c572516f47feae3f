import type { z } from '@hono/zod-openapi'
import { expect, expectTypeOf, test } from 'vitest'
import { SpeechTimeline } from '../../../src/control/api/timeline.js'
import type { OccurrenceList, PreviewList, Schedule } from '../../../src/control/api/schedule-schemas.js'
import type { DeadLetterSchema, Meeting } from '../../../src/control/api/schemas.js'
import type { Transcript } from '../../../src/control/api/transcript-schema.js'
import { MEETING_STATES } from '../../../src/records/port.js'
import * as page from '../../../src/web/api/types.js'
import { finishedMeeting } from '../../support/page-content.js'

test('what the server answers is what the page reads: types, checked by the compiler', () => {
  expectTypeOf<z.infer<typeof Meeting>>().toExtend<page.Meeting>()
  expectTypeOf<z.infer<typeof Transcript>>().toExtend<page.Transcript>()
  expectTypeOf<z.infer<typeof SpeechTimeline>>().toExtend<page.Timeline>()
  expectTypeOf<z.infer<typeof DeadLetterSchema>>().toExtend<page.DeadLetter>()
  expectTypeOf<z.infer<typeof Schedule>>().toExtend<page.Schedule>()
  expectTypeOf<z.infer<typeof OccurrenceList>['items'][number]>().toExtend<page.Occurrence>()
  expectTypeOf<z.infer<typeof PreviewList>['items'][number]>().toExtend<page.Occurrence>()
})

test('the page knows every state, and what its tests are shown is what the server may answer', () => {
  expect(page.STATES).toEqual(MEETING_STATES)
  expect(SpeechTimeline.parse(finishedMeeting(20).timeline)).toEqual(finishedMeeting(20).timeline)
})
