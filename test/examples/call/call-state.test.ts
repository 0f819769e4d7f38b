import { describe, expect, test } from 'vitest'
import {
  type CallEvent,
  type CallState,
  type EndReason,
  transition,
} from '../../../examples/call/signalling/call-state.ts'

const media = { voice: 'udp://127.0.0.1:1', video: 'tcp://127.0.0.1:2' }
const invite = { type: 'invite', call: 'id', from: 'alice', offers: ['voice'] } as const
const before: EndReason = { kind: 'hung up', reason: 'before', byUs: true }

const states = {
  idle: { name: 'idle' },
  inviting: { name: 'inviting' },
  alerted: { name: 'alerted' },
  ringing: { name: 'ringing' },
  connected: { name: 'connected' },
  ended: { name: 'ended', end: before },
} as const satisfies Record<CallState['name'], CallState>

const events = {
  dial: { type: 'dial', invite },
  answer: { type: 'answer', media },
  decline: { type: 'decline', reason: 'why' },
  'hang up': { type: 'hang up', reason: 'why' },
  say: { type: 'say', text: 'hello' },
  show: { type: 'show', presence: 'away' },
  'got invite': { type: 'got', message: invite },
  'got ringing': { type: 'got', message: { type: 'ringing' } },
  'got accept': { type: 'got', message: { type: 'accept', media } },
  'got reject': { type: 'got', message: { type: 'reject', reason: 'why' } },
  'got busy': { type: 'got', message: { type: 'busy' } },
  'got hang-up': { type: 'got', message: { type: 'hang-up', reason: 'why' } },
  'got text': { type: 'got', message: { type: 'text', text: 'hello' } },
  'got presence': { type: 'got', message: { type: 'presence', presence: 'away' } },
  lost: { type: 'lost', why: 'why' },
  back: { type: 'back' },
  'no answer': { type: 'no answer' },
  unreachable: { type: 'unreachable', reason: 'why' },
  'patience over': { type: 'patience over' },
  'protocol error of ours': { type: 'protocol error', reason: 'why', byUs: true },
  'protocol error of theirs': { type: 'protocol error', reason: 'why', byUs: false },
} as const satisfies Record<string, CallEvent>

/** What the cells of the table below say, written out. Each: the next state, and the effects. */
const refused = 'refused'
const nonsense = 'nonsense'
const nothing = 'nothing'

type Cell = string

/**
 * State by event, whole. `nothing`: the state stays, and nothing is done. `refused`: the user gets an error. `nonsense`: the
 * far side has sent what cannot be here; the call ends with a protocol error, and it is told. Otherwise: next state, then
 * the effects in their order.
 */
const TABLE: Record<keyof typeof events, Record<CallState['name'], Cell>> = {
  dial: {
    idle: 'inviting: send invite',
    inviting: refused,
    alerted: refused,
    ringing: refused,
    connected: refused,
    ended: refused,
  },
  answer: {
    idle: refused,
    inviting: refused,
    alerted: refused,
    ringing: 'connected: send accept',
    connected: refused,
    ended: refused,
  },
  decline: {
    idle: refused,
    inviting: refused,
    alerted: refused,
    ringing: 'ended by us, declined: send reject, finish, tell ended',
    connected: refused,
    ended: nothing,
  },
  'hang up': {
    idle: 'ended by us, hung up: close, tell ended',
    inviting: 'ended by us, hung up: send hang-up, finish, tell ended',
    alerted: 'ended by us, hung up: send hang-up, finish, tell ended',
    ringing: 'ended by us, hung up: send hang-up, finish, tell ended',
    connected: 'ended by us, hung up: send hang-up, finish, tell ended',
    ended: nothing,
  },
  say: {
    idle: refused,
    inviting: 'inviting: send text',
    alerted: 'alerted: send text',
    ringing: 'ringing: send text',
    connected: 'connected: send text',
    ended: refused,
  },
  show: {
    idle: refused,
    inviting: 'inviting: send presence',
    alerted: 'alerted: send presence',
    ringing: 'ringing: send presence',
    connected: 'connected: send presence',
    ended: nothing,
  },
  'got invite': {
    idle: 'ringing: send ringing',
    inviting: nonsense,
    alerted: nonsense,
    ringing: nonsense,
    connected: nonsense,
    ended: nothing,
  },
  'got ringing': {
    idle: nonsense,
    inviting: 'alerted: tell ringing',
    alerted: nonsense,
    ringing: nonsense,
    connected: nonsense,
    ended: nothing,
  },
  'got accept': {
    idle: nonsense,
    inviting: 'connected: tell accepted',
    alerted: 'connected: tell accepted',
    ringing: nonsense,
    connected: nonsense,
    ended: nothing,
  },
  'got reject': {
    idle: nonsense,
    inviting: 'ended by them, declined: close, tell ended',
    alerted: 'ended by them, declined: close, tell ended',
    ringing: nonsense,
    connected: nonsense,
    ended: 'ended: close',
  },
  'got busy': {
    idle: nonsense,
    inviting: 'ended by them, busy: close, tell ended',
    alerted: 'ended by them, busy: close, tell ended',
    ringing: nonsense,
    connected: nonsense,
    ended: 'ended: close',
  },
  'got hang-up': {
    idle: nonsense,
    inviting: 'ended by them, hung up: close, tell ended',
    alerted: 'ended by them, hung up: close, tell ended',
    ringing: 'ended by them, hung up: close, tell ended',
    connected: 'ended by them, hung up: close, tell ended',
    ended: 'ended: close',
  },
  'got text': {
    idle: nonsense,
    inviting: 'inviting: tell text',
    alerted: 'alerted: tell text',
    ringing: 'ringing: tell text',
    connected: 'connected: tell text',
    ended: nothing,
  },
  'got presence': {
    idle: nonsense,
    inviting: 'inviting: tell presence',
    alerted: 'alerted: tell presence',
    ringing: 'ringing: tell presence',
    connected: 'connected: tell presence',
    ended: nothing,
  },
  lost: {
    idle: nothing,
    inviting: 'inviting: tell lost',
    alerted: 'alerted: tell lost',
    ringing: 'ringing: tell lost',
    connected: 'connected: tell lost',
    ended: nothing,
  },
  back: {
    idle: nothing,
    inviting: 'inviting: tell back',
    alerted: 'alerted: tell back',
    ringing: 'ringing: tell back',
    connected: 'connected: tell back',
    ended: nothing,
  },
  'no answer': {
    idle: nothing,
    inviting: 'ended by us, no answer: send hang-up, finish, tell ended',
    alerted: 'ended by us, no answer: send hang-up, finish, tell ended',
    ringing: nothing,
    connected: nothing,
    ended: nothing,
  },
  unreachable: {
    idle: 'ended by them, unreachable: tell ended',
    inviting: 'ended by them, unreachable: tell ended',
    alerted: 'ended by them, unreachable: tell ended',
    ringing: 'ended by them, unreachable: tell ended',
    connected: 'ended by them, unreachable: tell ended',
    ended: nothing,
  },
  'patience over': {
    idle: 'ended by them, signalling lost: tell ended',
    inviting: 'ended by them, signalling lost: tell ended',
    alerted: 'ended by them, signalling lost: tell ended',
    ringing: 'ended by them, signalling lost: tell ended',
    connected: 'ended by them, signalling lost: tell ended',
    ended: nothing,
  },
  'protocol error of ours': {
    idle: 'ended by us, protocol error: tell ended',
    inviting: 'ended by us, protocol error: tell ended',
    alerted: 'ended by us, protocol error: tell ended',
    ringing: 'ended by us, protocol error: tell ended',
    connected: 'ended by us, protocol error: tell ended',
    ended: nothing,
  },
  'protocol error of theirs': {
    idle: 'ended by them, protocol error: tell ended',
    inviting: 'ended by them, protocol error: tell ended',
    alerted: 'ended by them, protocol error: tell ended',
    ringing: 'ended by them, protocol error: tell ended',
    connected: 'ended by them, protocol error: tell ended',
    ended: nothing,
  },
}

/** What a transition does, in the words of the table. */
function inWords(state: CallState, event: CallEvent): Cell {
  const next = transition(state, event)
  const done = next.effects.map((effect) => {
    if (effect.do === 'send') return `send ${effect.message.type}`
    if (effect.do === 'tell') return `tell ${effect.event}`
    return effect.do
  })
  const isSame = next.state === state
  if (isSame && done.length === 0) return nothing
  if (isSame && done.join() === 'refuse') return refused
  if (isSame) return `${state.name}: ${done.join(', ')}`
  if (next.state.name !== 'ended') return `${next.state.name}: ${done.join(', ')}`
  const { kind, byUs } = next.state.end
  if (kind === 'protocol error' && done.join() === 'fail,tell ended' && byUs) return nonsense
  return `ended by ${byUs ? 'us' : 'them'}, ${kind}: ${done.join(', ')}`
}

describe.each(Object.keys(events) as (keyof typeof events)[])('%s', (event) => {
  test.each(Object.keys(states) as CallState['name'][])('%s', (state) => {
    expect(inWords(states[state], events[event])).toBe(TABLE[event][state])
  })
})

test('what is sent and told has what came with the event', () => {
  expect(transition(states.idle, events.dial).effects).toEqual([{ do: 'send', message: invite }])
  expect(transition(states.ringing, events.answer).effects).toEqual([
    { do: 'send', message: { type: 'accept', media } },
  ])
  expect(transition(states.connected, events.say).effects).toEqual([
    { do: 'send', message: { type: 'text', text: 'hello' } },
  ])
  expect(transition(states.connected, events.show).effects).toEqual([
    { do: 'send', message: { type: 'presence', presence: 'away' } },
  ])
  expect(transition(states.alerted, events['got accept']).effects).toEqual([{ do: 'tell', event: 'accepted', media }])
  expect(transition(states.connected, events['got text']).effects).toEqual([
    { do: 'tell', event: 'text', text: 'hello' },
  ])
  expect(transition(states.connected, events['got presence']).effects).toEqual([
    { do: 'tell', event: 'presence', presence: 'away' },
  ])
  expect(transition(states.connected, events.lost).effects).toEqual([{ do: 'tell', event: 'lost', why: 'why' }])
})

test('an end has the reason of whoever ended the call, and is told as it stands in the state', () => {
  for (const [state, event] of [
    [states.ringing, events.decline],
    [states.connected, events['hang up']],
    [states.alerted, events['got reject']],
    [states.connected, events['got hang-up']],
    [states.inviting, events.unreachable],
    [states.connected, events['protocol error of theirs']],
  ] as const) {
    const { state: next, effects } = transition(state, event)
    expect(next).toMatchObject({ name: 'ended', end: { reason: 'why' } })
    expect(effects.at(-1)).toEqual({ do: 'tell', event: 'ended', end: (next as { end: EndReason }).end })
  }
  expect(transition(states.ringing, events.decline).effects[0]).toEqual({
    do: 'send',
    message: { type: 'reject', reason: 'why' },
  })
  expect(transition(states.connected, events['hang up']).effects[0]).toEqual({
    do: 'send',
    message: { type: 'hang-up', reason: 'why' },
  })
})

test('a refusal, and what is out of place, say what it was and in which state', () => {
  expect(transition(states.connected, events.answer).effects).toEqual([
    { do: 'refuse', why: 'answer: the call is connected' },
  ])
  expect(transition(states.ringing, events['got accept']).effects[0]).toEqual({
    do: 'fail',
    reason: 'accept has come, and the call is ringing',
  })
})
