import { expect, test } from 'vitest'
import { bucketQuantile } from '../../bench/quantiles.js'

const buckets = (...counts: number[]) => counts.map((count, at) => ({ upTo: [1, 2, 4, Number.POSITIVE_INFINITY][at]!, count }))

test('a quantile of what came between two looks lies in its bucket, by straight lines', () => {
  expect(bucketQuantile(buckets(50, 50, 50, 50), buckets(60, 70, 90, 90), 0.5)).toBe(2)
  expect(bucketQuantile(buckets(50, 50, 50, 50), buckets(60, 70, 90, 90), 0.75)).toBe(3)
  expect(bucketQuantile(buckets(0, 0, 0, 0), buckets(10, 10, 10, 10), 0.25)).toBe(0.25)
})

test('what is above every bound is known to be above, and of nothing there is no quantile', () => {
  expect(bucketQuantile(buckets(0, 0, 0, 0), buckets(1, 1, 1, 10), 0.99)).toBe(4)
  expect(bucketQuantile([], [], 0.99)).toBeNaN()
})
