import { renderToString } from 'vue/server-renderer'
import { testServerRendering } from '../../test/bindings/contract.js'
import { createVuePage } from '../../test/bindings/vue.js'

testServerRendering('partyline/vue', (inputs) => renderToString(createVuePage(inputs)))
