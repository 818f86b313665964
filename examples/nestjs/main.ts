/** Notes on NestJS: a REST API, and one Socket.IO connection for each browser. */
import 'reflect-metadata'
import { Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { ApiController } from './api.controller.js'
import { LineGateway } from './line.gateway.js'

@Module({ controllers: [ApiController], providers: [LineGateway] })
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] })
await app.listen(Number(process.env['PORT'] ?? 8000), '127.0.0.1')
