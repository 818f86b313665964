import { expect, it } from 'vitest'
import { scaleTables } from '../bench/scale.js'
import { readFigures } from '../bench/write-figures.js'

it('docs/scale.md shows what its model says now, with the constants that were measured', () => {
  expect(readFigures('docs/scale.md', 'bench/scale.ts')).toBe(scaleTables())
})
