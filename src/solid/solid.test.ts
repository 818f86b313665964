// @vitest-environment happy-dom
import { testBinding } from '../../test/bindings/contract.js'
import { solidHarness } from '../../test/bindings/solid.js'

testBinding('partyline/solid', solidHarness)
