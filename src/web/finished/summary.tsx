import type { Segment, Summary } from '../api/types.js'
import { moment } from '../text/format.js'

const TITLES: Readonly<Record<Summary['sections'][number]['kind'], string>> = {
  overview: 'In short',
  decisions: 'Decisions',
  actions: 'To do',
  questions: 'Open questions',
}

/** What was made of the meeting; every line shows what it rests on. */
export function SummaryView({ summary, segments }: { readonly summary: Summary; readonly segments: readonly Segment[] }) {
  const startOf = new Map(segments.map(({ id, startMs }) => [id, startMs]))
  const sections = summary.sections.filter(({ lines }) => lines.length > 0)
  if (sections.length === 0) return <p class="quiet">There was nothing to sum up.</p>
  return (
    <>
      {sections.map(({ kind, lines }) => (
        <section key={kind} aria-label={TITLES[kind]} class="summary-section">
          <h3>{TITLES[kind]}</h3>
          <ul>
            {lines.map(({ text, owner, segmentIds }, index) => (
              <li key={`${index} ${text}`}>
                {owner !== null && <strong>{owner}: </strong>}
                <span dir="auto">{text}</span>
                {segmentIds.map((id) => {
                  const startMs = startOf.get(id)
                  return startMs === undefined ? null : (
                    <a key={id} class="evidence num" href={`#t=${startMs}`} aria-label={`said at ${moment(startMs)}`}>
                      {moment(startMs)}
                    </a>
                  )
                })}
              </li>
            ))}
          </ul>
        </section>
      ))}
      <p class="quiet small-text">Made by {summary.model}; times lead to the words that a line rests on.</p>
    </>
  )
}
