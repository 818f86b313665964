import { readFileSync } from 'node:fs'
import { Query } from '@tanstack/react-query'
import { version } from 'react'
import { version as domVersion } from 'react-dom'
import { expect, inject, it } from 'vitest'

it('runs with the versions of its folder', () => {
  const folder = inject('peers')
  const { dependencies } = JSON.parse(readFileSync(new URL(`${folder}/package.json`, import.meta.url), 'utf8'))
  // React 18.0.0 adds its build to its version.
  expect([version, domVersion].map((text) => text.split('-')[0])).toEqual([
    dependencies.react,
    dependencies['react-dom'],
  ])
  // TanStack Query does not say its version: what each of them has that the one before it had not.
  const has = ['isStatic', 'resetState'].map((method) => method in Query.prototype)
  expect(has).toEqual({ oldest: [false, false], middle: [true, false] }[folder])
})
