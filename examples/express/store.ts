/** One store for all examples on Node: in a project of your own, put that file here. */
export * from '../nestjs/store.js'
