import { afterEach, expect, it } from 'vitest'
import { openRig, type Rig } from './rig.js'

let rig: Rig
afterEach(() => rig.close())

it('a tab of the rig is live', async () => {
  rig = await openRig()
  const began = performance.now()
  rig.only.watch(['item', 0])
  await rig.pass(3_000)
  expect(rig.only.data(['item', 0])).toBe('v3')
  rig.changeItem()
  await rig.pass(1_000)
  expect(rig.only.line.status.name).toBe('connected')
  expect(rig.only.data(['item', 0])).toBe('v4')
  expect(rig.only.codes).toEqual([])
  await rig.pass(600_000)
  console.log(performance.now() - began)
})
