/** What a query gives back, in node-postgres' form. */
export interface PgResult<Row> {
  readonly command: string
  readonly rowCount: number | null
  readonly rows: Row[]
}

/** A NOTIFY as node-postgres delivers it. */
export interface PgNotification {
  readonly channel: string
  readonly payload?: string
}

/** A checked-out client: one session's worth of transactions. `release()` once, whatever happened. */
export interface PgClientLike {
  query<Row = Record<string, unknown>>(text: string, values?: readonly unknown[]): Promise<PgResult<Row>>
  release(destroy?: boolean): void
  on(event: 'notification', listener: (message: PgNotification) => void): this
  on(event: 'error', listener: (error: Error) => void): this
  on(event: 'end', listener: () => void): this
  removeListener(event: 'notification', listener: (message: PgNotification) => void): this
  removeAllListeners(event?: string): this
}

/**
 * The part of a `pg.Pool` that kysely and BullMQ's PostgreSQL backend use; a real pool and the embedded one both fit.
 * `search_path` of every client is `bullmq, public`; our own tables are always named with their schema.
 */
export interface PgPoolLike {
  query<Row = Record<string, unknown>>(text: string, values?: readonly unknown[]): Promise<PgResult<Row>>
  connect(): Promise<PgClientLike>
  end(): Promise<void>
  on(event: 'error', listener: (error: Error) => void): this
  on(event: 'connect', listener: (client: PgClientLike) => void): this
  removeAllListeners(event?: string): this
}

/** What unqualified names mean on every client of a pool: BullMQ's tables. */
export const SEARCH_PATH = 'bullmq,public'
