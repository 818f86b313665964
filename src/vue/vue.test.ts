// @vitest-environment happy-dom
import { testBinding } from '../../test/bindings/contract.js'
import { vueHarness } from '../../test/bindings/vue.js'

testBinding('partyline/vue', vueHarness)
