import { Component } from 'preact'
import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import { moment, seconds } from '../text/format.js'
import type { People } from '../text/people.js'
import { gapText, nameOf } from '../text/sentences.js'
import type { Row } from './feed.js'

/** Rows that are in the page at once; more of what is kept can be asked for. */
const SHOWN_ROWS = 250
const STEP_ROWS = 250
/** px from the end at which one still follows it */
const NEAR_END_PX = 60
/** a pause after which the name is said again */
const SAME_TURN_MS = 20_000

interface LineProps {
  readonly row: Row
  readonly colour: string
  /** whether the row before is the same person's, a moment ago */
  readonly isSame: boolean
  /** as the person is called now */
  readonly name: string
}

/** One line. Rendered again only when its row is another one: a feed of hours changes two lines at a time. */
class Line extends Component<LineProps> {
  override shouldComponentUpdate(next: LineProps): boolean {
    const { row, isSame, colour, name } = this.props
    return next.row !== row || next.isSame !== isSame || next.colour !== colour || next.name !== name
  }

  override render({ row, colour, isSame, name }: LineProps) {
    if (row.kind === 'gap') {
      return (
        <li class="line gap">
          <span class="t num">{moment(row.fromMs)}</span>
          <span class="text">
            {name} could not be heard for {seconds(row.toMs - row.fromMs)}: {gapText(row.reason)}.
          </span>
        </li>
      )
    }
    return (
      <li class={`line ${colour}${isSame ? ' same' : ''}${row.isFinal ? '' : ' partial'}`} data-final={String(row.isFinal)}>
        <span class="t num">{moment(row.startMs)}</span>
        <span class="name">{name}</span>
        <span class="text" dir="auto">
          {row.text}
        </span>
      </li>
    )
  }
}

/** The captions of a meeting as they come, by person; stays at the end until one scrolls away from it. */
export function Captions({
  rows,
  dropped,
  people,
  nameFor,
}: {
  readonly rows: readonly Row[]
  readonly dropped: number
  readonly people: People
  /** null: nobody by that identity is known */
  readonly nameFor: (identity: string) => string | null
}) {
  const box = useRef<HTMLDivElement>(null)
  const isFollowing = useRef(true)
  const [isAtEnd, setAtEnd] = useState(true)
  const [limit, setLimit] = useState(SHOWN_ROWS)
  useLayoutEffect(() => {
    if (isFollowing.current && box.current) box.current.scrollTop = box.current.scrollHeight
  })
  const shown = rows.slice(-limit)
  const earlier = rows.length - shown.length
  const finals = rows.filter((row) => row.kind === 'caption' && row.isFinal).slice(-3)
  // who came a moment ago has no name on the words yet, and names change
  const named = (row: Row): string => {
    const now = row.identity === null ? null : nameFor(row.identity)
    return row.kind === 'gap' ? (now ?? row.identity) : (now ?? nameOf(row))
  }
  const toEnd = () => {
    isFollowing.current = true
    setAtEnd(true)
    setLimit(SHOWN_ROWS)
  }
  return (
    <section class="captions" aria-label="Captions">
      <div
        class="scroll"
        ref={box}
        tabIndex={0}
        role="region"
        aria-label="Text so far"
        onScroll={({ currentTarget: at }) => {
          isFollowing.current = at.scrollHeight - at.scrollTop - at.clientHeight < NEAR_END_PX
          if (isFollowing.current !== isAtEnd) setAtEnd(isFollowing.current)
        }}
      >
        {earlier > 0 && (
          <button type="button" class="more" onClick={() => setLimit(limit + STEP_ROWS)}>
            Earlier ({earlier})
          </button>
        )}
        {earlier === 0 && dropped > 0 && <p class="quiet">What was said before is in the transcript.</p>}
        {rows.length === 0 && <p class="empty">Nothing was said yet. Words appear here as they are spoken.</p>}
        <ol class="lines">
          {shown.map((row, index) => (
            <Line
              key={row.key}
              row={row}
              colour={row.kind === 'caption' ? people.colour(row.identity) : ''}
              isSame={isSameTurn(shown[index - 1], row)}
              name={named(row)}
            />
          ))}
        </ol>
      </div>
      {!isAtEnd && (
        <button type="button" class="to-end primary" onClick={toEnd}>
          To the newest words
        </button>
      )}
      <div class="unseen" aria-live="polite">
        {finals.map((row) => (
          <p key={row.key}>{row.kind === 'caption' ? `${named(row)}: ${row.text}` : ''}</p>
        ))}
      </div>
    </section>
  )
}

const isSameTurn = (before: Row | undefined, row: Row): boolean =>
  before?.kind === 'caption' && row.kind === 'caption' && before.identity === row.identity && row.startMs - before.endMs < SAME_TURN_MS
