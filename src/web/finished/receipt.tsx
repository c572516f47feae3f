import type { CoverageTotal, Transcript } from '../api/types.js'
import { WideTable } from '../parts/wide-table.js'
import { count, moment, seconds } from '../text/format.js'
import { doubtText, gapText, nameOf } from '../text/sentences.js'

/** Gaps that are listed for one person; the timeline shows them all. */
const LISTED_GAPS = 8

/** What became of every voice: complete, or every doubt and every loss. */
export function Receipt({ transcript }: { readonly transcript: Transcript }) {
  const { complete, doubts, coverage, coverageTotal, billing } = transcript
  return (
    <>
      {complete ? (
        <p class="verdict good">Complete: everything that was heard is in the transcript.</p>
      ) : (
        <div class="verdict bad">
          <p>Not complete.</p>
          <ul>
            {doubts.map((doubt) => (
              <li key={doubt}>{doubtText(doubt)}</li>
            ))}
          </ul>
        </div>
      )}
      {coverage.length > 0 && (
        <WideTable
          label="Speech by person"
          columns={[
            'Person',
            'Heard',
            'Sent',
            'Confirmed',
            'Lost',
            <>
              <span class="unseen">Longest </span>Wait
            </>,
          ]}
          foot={
            coverage.length > 1 && (
              <tfoot>
                <tr>
                  <th scope="row">All</th>
                  <Amounts of={coverageTotal} />
                </tr>
              </tfoot>
            )
          }
        >
          {coverage.map((row) => (
            <tr key={row.identity}>
              <th scope="row">
                {nameOf(row)}
                {row.noisy && <span class="quiet"> never paused, served after others</span>}
              </th>
              <Amounts of={row} />
            </tr>
          ))}
        </WideTable>
      )}
      <ul class="gap-list">
        {coverage.flatMap((row) =>
          row.gaps.slice(0, LISTED_GAPS).map(({ fromMs, toMs, reason }) => (
            <li key={`${row.identity} ${fromMs} ${reason}`}>
              <a href={`#t=${fromMs}`} class="num">
                {moment(fromMs)}
              </a>{' '}
              {nameOf(row)} could not be heard for {seconds(toMs - fromMs)}: {gapText(reason)}.
            </li>
          )),
        )}
        {coverage.some(({ gaps }) => gaps.length > LISTED_GAPS) && (
          <li class="quiet">More of them are in the picture above and in the json file.</li>
        )}
      </ul>
      <p class="quiet small-text">
        {Math.round(billing.channelSec).toLocaleString('en')} channel-seconds billed for{' '}
        {Math.round(billing.speechSec).toLocaleString('en')} s of speech
        {billing.perSpeechSec === null ? '' : ` (${billing.perSpeechSec.toFixed(1)} ×)`}, in {count(billing.sessions.length, 'session')}
        {billing.ofChannelEach === null ? '.' : `: ${Math.round(billing.ofChannelEach * 100)} % of a channel for each person.`}
      </p>
    </>
  )
}

function Amounts({ of }: { readonly of: CoverageTotal }) {
  return (
    <>
      <td>{seconds(of.speechMs)}</td>
      <td>{seconds(of.sentSpeechMs)}</td>
      <td>{seconds(of.acknowledgedSpeechMs)}</td>
      <td class={of.lostMs > 0 ? 'bad-text' : ''}>{of.lostMs > 0 ? seconds(of.lostMs) : '–'}</td>
      <td>{of.waits.maxMs > 0 ? seconds(of.waits.maxMs) : '–'}</td>
    </>
  )
}
