/** Ways tried before none is looked for any more. */
const MAX_STEPS = 20_000
/** Ways that are told apart; more make nothing clearer. */
const MAX_WAYS = 32

/**
 * Which messages a service has kept of several connections that ended unanswered: of each connection a number of its first ones, whole.
 * @param connections lengths of what was sent on each, in order
 * @param total what was kept of them all
 * @returns every way to come to the total (of very many, some), each as a count of messages a connection
 */
export function waysToKeep(connections: readonly (readonly number[])[], total: number): readonly (readonly number[])[] {
  const most: number[] = [0]
  for (const sizes of connections.toReversed()) most.unshift(most[0]! + sizes.reduce((sum, size) => sum + size, 0))
  const ways: number[][] = []
  const counts: number[] = []
  let steps = 0
  const look = (at: number, left: number): void => {
    if (ways.length >= MAX_WAYS || ++steps > MAX_STEPS || left > most[at]!) return
    const sizes = connections[at]
    if (!sizes) {
      if (left === 0) ways.push([...counts])
      return
    }
    let kept = 0
    for (let count = 0; kept <= left; count++) {
      counts.push(count)
      look(at + 1, left - kept)
      counts.pop()
      const size = sizes[count]
      if (size === undefined) return
      kept += size
    }
  }
  look(0, total)
  return ways
}
