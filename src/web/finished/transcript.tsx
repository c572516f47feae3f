import { Component } from 'preact'
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { Segment, Transcript } from '../api/types.js'
import { count, moment } from '../text/format.js'
import type { People } from '../text/people.js'
import { Search, type Ranges } from '../text/search.js'
import { nameOf } from '../text/sentences.js'
import { moved, rowAt, WINDOW_ROWS, WINDOW_STEP, windowAround, type Window } from '../text/window.js'
import type { Jump } from './jump.js'

/** A pause after which the name is said again. */
const SAME_TURN_MS = 30_000

interface LineProps {
  readonly segment: Segment
  readonly colour: string
  readonly isSame: boolean
  readonly search: Search
  readonly isTarget: boolean
}

class Line extends Component<LineProps> {
  override shouldComponentUpdate(next: LineProps): boolean {
    return (
      next.segment !== this.props.segment ||
      next.colour !== this.props.colour ||
      next.isSame !== this.props.isSame ||
      next.search !== this.props.search ||
      next.isTarget !== this.props.isTarget
    )
  }

  override render({ segment, colour, isSame, search, isTarget }: LineProps) {
    return (
      <li
        class={`line ${colour}${isSame ? ' same' : ''}${isTarget ? ' target' : ''}`}
        id={`s${segment.startMs}`}
        tabIndex={isTarget ? -1 : undefined}
      >
        <a class="t num" href={`#t=${segment.startMs}`}>
          {moment(segment.startMs)}
        </a>
        <span class="name">{nameOf(segment)}</span>
        <span class="text" dir="auto">
          <Marked text={segment.text} ranges={search.in(segment.text)} />
        </span>
      </li>
    )
  }
}

function Marked({ text, ranges }: { readonly text: string; readonly ranges: Ranges }) {
  if (ranges.length === 0) return <>{text}</>
  const parts = []
  let at = 0
  for (const [from, to] of ranges) {
    parts.push(text.slice(at, from), <mark key={from}>{text.slice(from, to)}</mark>)
    at = to
  }
  return (
    <>
      {parts}
      {text.slice(at)}
    </>
  )
}

/** All that was said, with a search and a link to each moment. Long ones are shown in part; a jump brings its part. */
export function TranscriptView({
  transcript,
  people,
  jump,
}: {
  readonly transcript: Transcript
  readonly people: People
  readonly jump: Jump
}) {
  const rows = transcript.segments
  const total = rows.length
  const list = useRef<HTMLOListElement>(null)
  const [query, setQuery] = useState('')
  const [at, setAt] = useState(-1)
  const [window, setWindow] = useState<Window>({ from: 0, to: WINDOW_ROWS })
  const search = useMemo(() => new Search(query), [query])
  const found = useMemo(
    () =>
      search.isEmpty
        ? []
        : rows.flatMap((row, index) => (search.in(row.text).length > 0 || search.in(nameOf(row)).length > 0 ? [index] : [])),
    [search, rows],
  )
  // a new object each time somebody asks: what was asked for is shown once, not again whenever the window moves
  const [goal, setGoal] = useState({ index: -1 })
  const shownGoal = useRef(goal)
  const target = goal.index
  const show = (index: number) => {
    if (index < 0) return
    setGoal({ index })
    setWindow((now) => (index >= now.from && index < now.to ? now : windowAround(index, total)))
  }
  useEffect(() => {
    if (jump.target !== null) show(rowAt(rows, jump.target.ms))
  }, [jump.target, total > 0])
  useEffect(() => {
    const line = goal === shownGoal.current ? null : list.current?.children[goal.index - window.from]
    if (line instanceof HTMLElement) {
      shownGoal.current = goal
      line.scrollIntoView({ block: 'center', behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth' })
      if (document.activeElement?.tagName !== 'INPUT') line.focus({ preventScroll: true })
    }
  }, [goal, window])
  const step = (by: 1 | -1) => {
    if (found.length === 0) return
    const next = at < 0 && by < 0 ? found.length - 1 : (at + by + found.length) % found.length
    setAt(next)
    show(found[next] ?? -1)
  }
  const shown = rows.slice(window.from, window.to)
  return (
    <>
      <div class="title-row sticky">
        <h2 id="transcript">Transcript</h2>
        <form
          class="search"
          role="search"
          aria-label="Search the transcript"
          onSubmit={(event) => {
            event.preventDefault()
            step(1)
          }}
        >
          <input
            type="search"
            aria-label="Search"
            placeholder="Search"
            value={query}
            onInput={(event) => {
              setQuery(event.currentTarget.value)
              setAt(-1)
            }}
            onKeyDown={(event) => {
              if (event.key === 'Enter' && event.shiftKey) {
                event.preventDefault()
                step(-1)
              }
            }}
          />
          <button type="button" class="small" aria-label="Previous match" disabled={found.length === 0} onClick={() => step(-1)}>
            ↑
          </button>
          <button type="submit" class="small" aria-label="Next match" disabled={found.length === 0}>
            ↓
          </button>
          <span class="quiet num found" role="status">
            {search.isEmpty ? '' : at < 0 ? count(found.length, 'match', 'matches') : `${at + 1} of ${found.length}`}
          </span>
        </form>
      </div>
      {total === 0 && <p class="empty">Nobody said anything.</p>}
      {window.from > 0 && (
        <button type="button" class="more" onClick={() => setWindow(moved(window, -WINDOW_STEP, total))}>
          Earlier ({window.from})
        </button>
      )}
      <ol class="lines" ref={list}>
        {shown.map((segment, index) => (
          <Line
            key={segment.id}
            segment={segment}
            colour={people.colour(segment.identity)}
            isSame={isSameTurn(shown[index - 1], segment)}
            search={search}
            isTarget={window.from + index === target}
          />
        ))}
      </ol>
      {window.to < total && (
        <button type="button" class="more" onClick={() => setWindow(moved(window, WINDOW_STEP, total))}>
          Later ({total - window.to})
        </button>
      )}
    </>
  )
}

const isSameTurn = (before: Segment | undefined, segment: Segment): boolean =>
  before !== undefined && before.identity === segment.identity && segment.startMs - before.endMs < SAME_TURN_MS
