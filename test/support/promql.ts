/** What stands in a query of Prometheus, as far as these tests care. */
export interface PromQuery {
  readonly metrics: readonly string[]
  /** label names in selectors and groupings */
  readonly labels: readonly string[]
}

const KEYWORDS = new Set(['by', 'without', 'on', 'ignoring', 'and', 'or', 'unless', 'group_left', 'group_right', 'bool', 'offset'])
const FUNCTIONS = new Set([
  'sum',
  'max',
  'min',
  'avg',
  'count',
  'rate',
  'irate',
  'increase',
  'histogram_quantile',
  'absent',
  'label_values',
  'clamp_max',
])
const OPERATORS = /^(?:==|!=|>=|<=|[-+*/%^<>])/

/**
 * Reads a query: balanced, known functions, selectors of the right form, an operand on both sides of an operator. A subset of the
 * language, which is what ours are written in.
 * @throws Error what is wrong, and where
 */
export function readQuery(text: string): PromQuery {
  const metrics: string[] = []
  const labels: string[] = []
  let at = 0
  const rest = () => text.slice(at)
  const fail = (what: string): never => {
    throw new Error(`${what} at ${at} of ${text}`)
  }
  const skip = () => {
    at += /^\s*/.exec(rest())?.[0].length ?? 0
  }
  const take = (pattern: RegExp): string | null => {
    skip()
    const found = pattern.exec(rest())?.[0] ?? null
    if (found !== null) at += found.length
    return found
  }
  const must = (pattern: RegExp, what: string): string => take(pattern) ?? fail(`no ${what}`)

  function names(): void {
    must(/^\(/, 'list of labels')
    while (take(/^\)/) === null) {
      labels.push(must(/^[a-z_][a-z0-9_]*/i, 'label'))
      take(/^,/)
    }
  }
  function selector(): void {
    if (take(/^\{/) !== null) {
      while (take(/^\}/) === null) {
        labels.push(must(/^[a-z_][a-z0-9_]*/i, 'label'))
        must(/^(?:=~|!~|!=|=)/, 'comparison')
        must(/^"(?:[^"\\]|\\.)*"/, 'value')
        take(/^,/)
      }
    }
    take(/^\[\d+[smhdw]\]/)
  }
  function operand(): void {
    if (take(/^\(/) !== null) {
      expression()
      must(/^\)/, 'closing parenthesis')
      return
    }
    if (take(/^\d+(?:\.\d+)?(?:e\d+)?/) !== null) return
    const name = must(/^[a-z_:][a-z0-9_:]*/i, 'operand')
    if (!FUNCTIONS.has(name)) {
      if (KEYWORDS.has(name)) fail(`${name} is no operand`)
      metrics.push(name)
      selector()
      return
    }
    if (take(/^(?:by|without)\b/) !== null) names()
    must(/^\(/, `argument of ${name}`)
    do expression()
    while (take(/^,/) !== null)
    must(/^\)/, 'closing parenthesis')
    if (take(/^(?:by|without)\b/) !== null) names()
  }
  function expression(): void {
    operand()
    while (take(OPERATORS) !== null || take(/^(?:and|or|unless)\b/) !== null) operand()
  }
  expression()
  skip()
  if (at < text.length) fail('more than a query')
  return { metrics, labels }
}
