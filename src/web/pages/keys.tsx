import { useState } from 'preact/hooks'
import { ask } from '../api/client.js'
import type { AuditEntry, Key, Permission } from '../api/types.js'
import { useAction, useLoaded } from '../app/loaded.js'
import { Confirm, Copy } from '../parts/buttons.js'
import { Heading } from '../parts/frame.js'
import { Empty, Problem, Shown } from '../parts/notes.js'
import { WideTable } from '../parts/wide-table.js'
import { dateTime } from '../text/format.js'

const SCOPES: readonly { readonly scope: Permission; readonly text: string }[] = [
  { scope: 'meetings:read', text: 'read meetings' },
  { scope: 'meetings:write', text: 'start, stop and delete meetings' },
  { scope: 'admin', text: 'everything, keys included' },
]

/** Keys of the API, and who wrote what with them. */
export function KeysPage() {
  const loaded = useLoaded<{ readonly items: readonly Key[] }>('/v1/keys')
  const audit = useLoaded<{ readonly items: readonly AuditEntry[] }>('/v1/audit?limit=50')
  const changed = () => {
    loaded.reload()
    audit.reload()
  }
  return (
    <>
      <div class="title-row">
        <Heading title="Keys" />
        <a class="button" href="/docs">
          The API
        </a>
      </div>
      <NewKey onMade={changed} />
      <Shown of={loaded} what="keys">
        {({ items }) =>
          items.length === 0 ? (
            <Empty>No keys yet, beside the one of the settings.</Empty>
          ) : (
            <ul class="rows">
              {items.map((key) => (
                <Row key={key.id} of={key} onRevoked={changed} />
              ))}
            </ul>
          )
        }
      </Shown>
      <h2>What was changed</h2>
      <Shown of={audit} what="the audit log">
        {({ items }) => (items.length === 0 ? <Empty>Nothing yet.</Empty> : <Audit items={items} />)}
      </Shown>
    </>
  )
}

function Row({ of, onRevoked }: { readonly of: Key; readonly onRevoked: () => void }) {
  const { id, name, scopes, rooms, createdAt, lastUsedAt, revokedAt } = of
  const action = useAction()
  return (
    <li class="block">
      <div class="spread">
        <span>
          <strong class={revokedAt === null ? '' : 'struck'}>{name}</strong> <span class="quiet">{scopes.join(', ')}</span>{' '}
          {rooms !== null && <span class="quiet">only rooms {rooms.join(', ')}</span>}
        </span>
        {revokedAt === null ? (
          <Confirm
            question={`Revoke “${name}”?`}
            yes="Revoke it"
            isBusy={action.isBusy}
            class="danger"
            onYes={() =>
              void action.run(async () => {
                await ask(`/v1/keys/${encodeURIComponent(id)}`, { method: 'DELETE' })
                onRevoked()
              })
            }
          >
            Revoke<span class="unseen"> {name}</span>
          </Confirm>
        ) : (
          <span class="quiet">revoked {dateTime(revokedAt)}</span>
        )}
      </div>
      <p class="quiet small-text">
        made {dateTime(createdAt)}, {lastUsedAt === null ? 'never used' : `last used ${dateTime(lastUsedAt)}`}
      </p>
      <Problem error={action.error} />
    </li>
  )
}

function NewKey({ onMade }: { readonly onMade: () => void }) {
  const [name, setName] = useState('')
  const [scopes, setScopes] = useState<readonly Permission[]>(['meetings:read'])
  const [rooms, setRooms] = useState('')
  const [made, setMade] = useState<{ readonly key: string; readonly name: string } | null>(null)
  const action = useAction()
  const make = () =>
    action.run(async () => {
      const patterns = rooms
        .split(',')
        .map((pattern) => pattern.trim())
        .filter((pattern) => pattern !== '')
      const key = await ask<Key & { readonly key: string }>('/v1/keys', {
        method: 'POST',
        body: { name: name.trim(), scopes, ...(patterns.length === 0 ? {} : { rooms: patterns }) },
      })
      setMade({ key: key.key, name: key.name })
      setName('')
      onMade()
    })
  if (made !== null) {
    return (
      <div class="card" role="status">
        <p>
          The key “{made.name}”. <strong>It is shown this once:</strong> copy it now.
        </p>
        <p class="secret">
          <code>{made.key}</code>
        </p>
        <p class="controls">
          <Copy text={made.key}>Copy</Copy>
          <button type="button" onClick={() => setMade(null)}>
            I have it
          </button>
        </p>
      </div>
    )
  }
  return (
    <form
      class="card start"
      aria-label="Make a key"
      onSubmit={(event) => {
        event.preventDefault()
        void make()
      }}
    >
      <label class="grow">
        Name
        <input required maxLength={100} value={name} onInput={(event) => setName(event.currentTarget.value)} placeholder="what it is for" />
      </label>
      <label class="grow">
        <span>
          Rooms <span class="quiet">if not all: names, * for anything</span>
        </span>
        <input value={rooms} onInput={(event) => setRooms(event.currentTarget.value)} placeholder="team-*, standup" />
      </label>
      <fieldset>
        <legend>May</legend>
        {SCOPES.map(({ scope, text }) => (
          <label class="check" key={scope}>
            <input
              type="checkbox"
              checked={scopes.includes(scope)}
              onChange={(event) => setScopes(event.currentTarget.checked ? [...scopes, scope] : scopes.filter((one) => one !== scope))}
            />
            {text}
          </label>
        ))}
      </fieldset>
      <button type="submit" class="primary" disabled={action.isBusy || name.trim() === '' || scopes.length === 0}>
        Make the key
      </button>
      <Problem error={action.error} />
    </form>
  )
}

function Audit({ items }: { readonly items: readonly AuditEntry[] }) {
  return (
    <WideTable label="What was changed" columns={['When', 'Key', 'What', 'Answer']}>
      {items.map(({ id, at, keyName, method, path, status, note }) => (
        <tr key={id}>
          <td>{dateTime(at)}</td>
          <td>{keyName ?? ''}</td>
          <td>
            <code>
              {method} {path}
            </code>
            {note && <span class="quiet"> {note}</span>}
          </td>
          <td class={status >= 400 ? 'bad-text' : ''}>{status}</td>
        </tr>
      ))}
    </WideTable>
  )
}
