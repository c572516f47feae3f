import type { Participant } from '../api/types.js'
import { moment } from '../text/format.js'
import type { People } from '../text/people.js'

/** Who is in the room, who speaks, whose speech waits for a channel. */
export function PeopleList({
  participants,
  speaking,
  waiting,
  people,
}: {
  readonly participants: readonly Participant[]
  readonly speaking: readonly string[]
  readonly waiting: readonly string[]
  readonly people: People
}) {
  const here = participants.filter(({ leftMs }) => leftMs === null)
  const gone = participants.filter(({ leftMs }) => leftMs !== null)
  return (
    <section class="people" aria-label="People">
      <h2>
        In the room <span class="quiet num">{here.length}</span>
      </h2>
      {here.length === 0 && <p class="quiet">Nobody yet.</p>}
      <ul>
        {here.map(({ identity, name }) => (
          <li key={identity} class={`${people.colour(identity)}${speaking.includes(identity) ? ' speaking' : ''}`}>
            <span class="dot" aria-hidden="true" />
            <span class="name">{name || identity}</span>
            {speaking.includes(identity) && <span class="tag">speaks</span>}
            {waiting.includes(identity) && <span class="tag warn">waits for a channel</span>}
          </li>
        ))}
      </ul>
      {gone.length > 0 && (
        <ul class="gone">
          {gone.map(({ identity, name, leftMs }) => (
            <li key={identity}>
              <span class="name">{name || identity}</span> <span class="quiet">left at {moment(leftMs ?? 0)}</span>
            </li>
          ))}
        </ul>
      )}
    </section>
  )
}
