/** Whether the process in this container is alive: what HEALTHCHECK runs. Plain JavaScript without dependencies. */
const port = process.env.ROOMSCRIBE_PORT ?? '8080'
try {
  const response = await fetch(`http://127.0.0.1:${port}/healthz`, { signal: AbortSignal.timeout(2_500) })
  process.exitCode = response.ok ? 0 : 1
} catch {
  process.exitCode = 1
}
