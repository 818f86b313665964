import { inject } from 'vitest'
import { smoke } from './smoke.js'
import { launchWebKit } from './webkit.js'

smoke('WebKit', inject('browsers').webkit, launchWebKit)
