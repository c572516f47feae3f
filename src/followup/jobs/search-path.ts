import type { PgPool, PgPoolClient, PgQueryResult } from 'bullmq'

/**
 * A view of a shared pool in which BullMQ finds its tables by their bare names: the schema is appended to the
 * client's own search path, once a client, so the owner's names keep coming first. Ending the view does
 * nothing, and pool events stay the owner's: BullMQ would add a listener a queue and never remove it.
 */
export function searchPathPool(pool: PgPool, schema: string): PgPool {
  const prepared = new WeakSet<PgPoolClient>()
  const append =
    `SELECT set_config('search_path', concat_ws(', ', nullif(current_setting('search_path'), ''), '${schema}'), false) ` +
    `WHERE current_setting('search_path') !~ '\\m${schema}\\M'`

  async function connect(): Promise<PgPoolClient> {
    const client = await pool.connect()
    if (prepared.has(client)) return client
    try {
      await client.query(append)
    } catch (thrown) {
      client.release(true)
      throw thrown
    }
    prepared.add(client)
    return client
  }

  const view: PgPool = {
    connect,
    query: async <R>(text: string, params?: readonly unknown[]): Promise<PgQueryResult<R>> => {
      const client = await connect()
      try {
        return await client.query<R>(text, params)
      } finally {
        client.release()
      }
    },
    end: () => Promise.resolve(),
    on: () => view,
    removeAllListeners: () => view,
  }
  return view
}
