import { v7 } from 'uuid'

/** A string that only its own makers produce. */
type Branded<Brand extends string> = string & { readonly __brand: Brand }

/** uuid v7 of a meeting. */
export type MeetingId = Branded<'MeetingId'>
/** uuid v7 of one STT session, ours; the vendor's own id is kept beside it. */
export type SessionId = Branded<'SessionId'>
/** LiveKit's participant identity: stable over rejoins, the only thing we key people by. */
export type Identity = Branded<'Identity'>
/** `identity` + track source: what a stream of audio is keyed by. SIDs never key anything. */
export type TrackKey = Branded<'TrackKey'>
/** Stable id of one segment: session, utterance and part of it. */
export type SegmentId = Branded<'SegmentId'>
/** uuid v7 of a schedule. */
export type ScheduleId = Branded<'ScheduleId'>
/** uuid v7 of one occurrence of a schedule. */
export type OccurrenceId = Branded<'OccurrenceId'>

export const newMeetingId = (): MeetingId => v7() as MeetingId
export const newSessionId = (): SessionId => v7() as SessionId
export const newScheduleId = (): ScheduleId => v7() as ScheduleId
export const newOccurrenceId = (): OccurrenceId => v7() as OccurrenceId
export const asScheduleId = (text: string): ScheduleId => text as ScheduleId
export const asOccurrenceId = (text: string): OccurrenceId => text as OccurrenceId
export const asMeetingId = (text: string): MeetingId => text as MeetingId
export const asSessionId = (text: string): SessionId => text as SessionId
export const asIdentity = (text: string): Identity => text as Identity
export const asSegmentId = (text: string): SegmentId => text as SegmentId

/** Sources of audio that can be transcribed. A track published without a source counts as a microphone. */
export type AudioSourceKind = 'microphone' | 'screenshare'

/** The key of an identity's track of one source. */
export const trackKey = (identity: Identity, source: AudioSourceKind): TrackKey => `${source}:${identity}` as TrackKey
/** Whether the track is somebody's microphone. */
export const isMicrophone = (key: TrackKey): boolean => key.startsWith('microphone:')

/** So begins the id of an utterance that a result told which has no ids: the same at every look-up, and none that the service gives. */
export const RESULT_ID = 'result:'
