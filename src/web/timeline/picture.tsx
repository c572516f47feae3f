import { useEffect, useRef, useState } from 'preact/hooks'
import type { Meeting, Timeline } from '../api/types.js'
import { count, duration, moment } from '../text/format.js'
import type { People } from '../text/people.js'
import { gapText, nameOf } from '../text/sentences.js'
import { words } from '../text/format.js'
import { bars, lanes, ticks, type Lane } from './lanes.js'

const LANE_PX = 16
const FIRST_WIDTH_PX = 600

/** The width of an element in px, as it changes. */
function useWidth(): readonly [{ current: HTMLDivElement | null }, number] {
  const box = useRef<HTMLDivElement>(null)
  const [width, setWidth] = useState(FIRST_WIDTH_PX)
  useEffect(() => {
    if (box.current === null) return undefined
    const observer = new ResizeObserver(([entry]) => {
      if (entry !== undefined && entry.contentRect.width > 0) setWidth(Math.floor(entry.contentRect.width))
    })
    observer.observe(box.current)
    return () => observer.disconnect()
  }, [])
  return [box, width]
}

/** Who spoke when, what could not be heard, and the sessions that carried it; a click leads to the moment. */
export function TimelinePicture({
  timeline,
  meeting,
  people,
}: {
  readonly timeline: Timeline
  readonly meeting: Meeting
  readonly people: People
}) {
  const [box, width] = useWidth()
  const { durationMs, sessions, gaps } = timeline
  const found = lanes(timeline, width)
  const all = found.reduce((sum, { talkMs }) => sum + talkMs, 0)
  const nameFor = ({ identity, name }: Lane) =>
    name || meeting.participants.find((one) => one.identity === identity)?.name || nameOf({ identity, name })
  const toMoment = (event: MouseEvent) => {
    const at = event.currentTarget instanceof Element ? event.currentTarget.getBoundingClientRect() : null
    if (at !== null && at.width > 0) location.hash = `t=${Math.max(0, Math.round(((event.clientX - at.left) / at.width) * durationMs))}`
  }
  if (durationMs <= 0 || found.length === 0) return <p class="empty">Nobody was heard.</p>
  return (
    <div class="timeline">
      <svg class="defs" width="0" height="0" aria-hidden="true">
        <defs>
          <pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
            <rect class="hatch-ground" width="6" height="6" />
            <rect class="hatch-line" width="2.5" height="6" />
          </pattern>
        </defs>
      </svg>
      <ul>
        {found.map((lane, index) => (
          <li key={lane.identity ?? ''} class={people.colour(lane.identity)}>
            <span class="lane-name">{nameFor(lane)}</span>
            <div class="strip" ref={index === 0 ? box : null}>
              <svg
                width={width}
                height={LANE_PX}
                viewBox={`0 0 ${width} ${LANE_PX}`}
                role="img"
                aria-label={laneLabel(nameFor(lane), lane)}
                onClick={toMoment}
              >
                <rect class="ground" width={width} height={LANE_PX} rx="3" />
                {lane.speech.map((bar) => (
                  <rect key={bar.x} class="talk" x={bar.x} y="2" width={bar.width} height={LANE_PX - 4} rx={Math.min(2, bar.width / 2)}>
                    <title>{`${moment(bar.fromMs)} – ${moment(bar.toMs)}`}</title>
                  </rect>
                ))}
                {lane.gaps.map((bar) => (
                  <rect key={`g${bar.x} ${bar.reason}`} class="gap" x={bar.x} width={Math.max(2, bar.width)} height={LANE_PX}>
                    <title>{`${moment(bar.fromMs)} – ${moment(bar.toMs)}: ${gapText(bar.reason)}`}</title>
                  </rect>
                ))}
              </svg>
            </div>
            <span class="lane-talk num">
              {duration(lane.talkMs)} <span class="quiet">{all > 0 ? `${Math.round((lane.talkMs / all) * 100)} %` : ''}</span>
            </span>
          </li>
        ))}
        <li class="sessions">
          <span class="lane-name quiet">Speech sessions</span>
          <div class="strip">
            <svg width={width} height={LANE_PX} viewBox={`0 0 ${width} ${LANE_PX}`} role="img" aria-label={sessionsLabel(timeline)}>
              {sessions.map((session) =>
                bars([session], durationMs, width).map((bar) => (
                  <g key={session.session}>
                    <rect class="session" x={bar.x} y="4" width={Math.max(2, bar.width - 1)} height={LANE_PX - 8} rx="2">
                      <title>{`${moment(session.fromMs)} – ${moment(session.toMs)}, ${count(session.channels, 'channel')}${session.endReason === null ? '' : `, ${words(session.endReason)}`}`}</title>
                    </rect>
                  </g>
                )),
              )}
            </svg>
          </div>
          <span class="lane-talk quiet num">{sessions.length}</span>
        </li>
        <li class="axis" aria-hidden="true">
          <span class="lane-name" />
          <div class="strip">
            <svg width={width} height="18" viewBox={`0 0 ${width} 18`}>
              {ticks(durationMs, width).map((ms) => {
                const x = (ms / durationMs) * width
                return (
                  <g key={ms}>
                    <line x1={x} x2={x} y1="0" y2="4" />
                    <text x={x} y="15" text-anchor={x < 16 ? 'start' : x > width - 20 ? 'end' : 'middle'}>
                      {moment(ms)}
                    </text>
                  </g>
                )
              })}
            </svg>
          </div>
          <span class="lane-talk" />
        </li>
      </ul>
      <p class="legend quiet small-text">
        <span class="key-talk" aria-hidden="true" /> spoke
        {gaps.length > 0 && (
          <>
            {' '}
            <span class="key-gap" aria-hidden="true" /> could not be heard
          </>
        )}{' '}
        <span class="key-session" aria-hidden="true" /> a session of the speech service. A click leads to the words.
      </p>
    </div>
  )
}

function laneLabel(name: string, { speech, gaps, talkMs }: Lane): string {
  const first = speech[0]
  const last = speech.at(-1)
  const spoke =
    first === undefined || last === undefined
      ? `${name} did not speak`
      : `${name} spoke for ${duration(talkMs)} between ${moment(first.fromMs)} and ${moment(last.toMs)}`
  const unheard = gaps
    .slice(0, 5)
    .map((gap) => `could not be heard from ${moment(gap.fromMs)} to ${moment(gap.toMs)}, ${gapText(gap.reason)}`)
  return [spoke, ...unheard].join('; ')
}

const sessionsLabel = ({ sessions }: Timeline): string =>
  [
    count(sessions.length, 'session'),
    ...sessions.slice(0, 10).map(({ fromMs, toMs, channels }) => `${moment(fromMs)} to ${moment(toMs)} with ${count(channels, 'channel')}`),
  ].join(', ')
