import { expect, test } from 'vitest'
import { broken } from '../../bench/gate.js'

const rules = { none: ['lost', 'doubled'], some: ['returned'] }

test('a bench fails over what must not be, over what must be and is not, and over what is no number; parts that did not run say nothing', () => {
  expect(broken({ lost: 0, doubled: 0, returned: 7, p99: 900 }, rules)).toEqual([])
  expect(broken({ p99: 900 }, rules)).toEqual([])
  expect(broken({ lost: 2, doubled: 0, returned: 7 }, rules)).toEqual(['lost is 2, and has to be 0'])
  expect(broken({ lost: 0, returned: 0 }, rules)).toEqual(['returned is 0: nothing was seen'])
  expect(broken({ lost: Number.NaN, returned: null }, rules)).toEqual([
    'lost is NaN, and has to be 0',
    'returned is null: nothing was seen',
  ])
})
