// Checked by `npm run types`: what takes a net.Socket takes an endpoint, without a cast.
import { connect as connectHttp2 } from 'node:http2'
import type { Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import mysql from 'mysql2'
import pg from 'pg'
import { WebSocket } from 'ws'
import { createConnection, type StreamEndpoint } from '../../../src/index.ts'

const open = (): StreamEndpoint => createConnection('unix:/run/app.sock')

const socket: Socket = open()
void socket
connectTls({ socket: open() })
connectHttp2('http://app', { createConnection: open })
void new pg.Client({ stream: open })
mysql.createConnection({ stream: open })
void new WebSocket('ws://app/', { createConnection: open })
