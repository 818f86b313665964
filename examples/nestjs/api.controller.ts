import {
  BadRequestException,
  Body,
  Controller,
  Delete,
  Get,
  Headers,
  Inject,
  Post,
  Put,
  Res,
  UnauthorizedException,
} from '@nestjs/common'
import { LineGateway } from './line.gateway.js'
import { beginSession, change, endSession, isUser, load, makeToken, userOf } from './store.js'

interface CookieResponse {
  cookie(name: string, value: string, options: object): void
}
type RequestHeaders = Readonly<Record<string, string | undefined>>

const sessionIn = ({ cookie = '' }: RequestHeaders) => /(?:^|; )session=([^;]*)/.exec(cookie)?.[1] ?? ''

function signedIn(headers: RequestHeaders): string {
  const user = userOf(sessionIn(headers))
  if (user === undefined) throw new UnauthorizedException()
  return user
}

function textIn(body: unknown): string {
  const { text } = Object(body)
  if (typeof text !== 'string') throw new BadRequestException()
  return text
}

@Controller('api')
export class ApiController {
  constructor(@Inject(LineGateway) private readonly line: LineGateway) {}

  @Get('session')
  whoAmI(@Headers() headers: RequestHeaders) {
    return { id: userOf(sessionIn(headers)) }
  }

  @Post('session')
  signIn(@Body() body: unknown, @Res({ passthrough: true }) response: CookieResponse) {
    const { name } = Object(body)
    // An example: there are no passwords.
    if (!isUser(name)) throw new UnauthorizedException()
    response.cookie('session', beginSession(name), { httpOnly: true, sameSite: 'lax' })
    return { id: name }
  }

  @Delete('session')
  async signOut(@Headers() headers: RequestHeaders) {
    const user = userOf(sessionIn(headers))
    endSession(sessionIn(headers))
    if (user !== undefined) await this.line.endUser(user)
    return {}
  }

  @Post('line-token')
  lineToken(@Headers() headers: RequestHeaders) {
    signedIn(headers)
    return makeToken(sessionIn(headers))
  }

  @Get('note')
  note(@Headers() headers: RequestHeaders) {
    return { text: load().notes[signedIn(headers)] ?? '' }
  }

  @Put('note')
  writeNote(@Headers() headers: RequestHeaders, @Body() body: unknown) {
    const [user, text] = [signedIn(headers), textIn(body)]
    change((data) => {
      data.notes[user] = text
    })
    this.line.notify.from(headers).user(user, 'note_changed')
    return { text }
  }

  @Get('board')
  board(@Headers() headers: RequestHeaders) {
    signedIn(headers)
    return { text: load().board }
  }

  @Put('board')
  writeBoard(@Headers() headers: RequestHeaders, @Body() body: unknown) {
    signedIn(headers)
    const text = textIn(body)
    change((data) => {
      data.board = text
    })
    this.line.notify.from(headers).topic('board', 'board_changed')
    return { text }
  }
}
