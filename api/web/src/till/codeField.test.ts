import { describe, expect, it } from 'vitest'
import { cardShown, nextReceipt, readCode, shown } from './codeField'

const CODE = '964301482093117694287082'
const NUMBER = '9643014820931176'

describe('the code field', () => {
  it('tells a live code from a number', () => {
    expect(readCode(CODE)).toEqual({ kind: 'code', value: CODE })
    expect(readCode(NUMBER)).toEqual({ kind: 'card', value: NUMBER })
  })

  it('drops blanks and dashes of every kind', () => {
    expect(readCode('9643 0148\u00a02093-1176\u20119428\u202f7082')).toEqual({ kind: 'code', value: CODE })
  })

  it('takes the first line of a scanner', () => {
    expect(readCode(`${CODE}\r\nqwerty`)).toEqual({ kind: 'code', value: CODE })
    expect(readCode(`\r\n${NUMBER}\n`)).toEqual({ kind: 'card', value: NUMBER })
  })

  it('takes a second track, in either layout', () => {
    expect(readCode(`;${NUMBER}=99121010000?`)).toEqual({ kind: 'card', value: NUMBER })
    expect(readCode(`ж${NUMBER}=99121010000,`)).toEqual({ kind: 'card', value: NUMBER })
  })

  it('takes a first track, alone or with the second behind it', () => {
    const card = { kind: 'card', value: NUMBER }
    expect(readCode(`%B${NUMBER}^KONSTANTINOPOLSKAIA-ZABL/A^3111000?`)).toEqual(card)
    expect(readCode(`%B${NUMBER}^ELKIN/PETR^3111000?;${NUMBER}=3111000?\r\n`)).toEqual(card)
    expect(readCode(`%И${NUMBER}:УДЛШТ.ЗУЕК:3111000,ж${NUMBER}=3111000,`)).toEqual(card)
  })

  it('takes a proof and an EAN-13', () => {
    const proof = '1'.repeat(192)
    expect(readCode(`${proof}\n`)).toEqual({ kind: 'proof', value: proof })
    expect(readCode('2010000000006')).toEqual({ kind: 'card', value: '2010000000006' })
    expect(readCode('2 010000 000006')).toEqual({ kind: 'card', value: '2010000000006' })
  })

  it('takes a number of an older system as it stands', () => {
    const older = [
      'псб-00123',
      '12345678',
      '0012-345',
      '77/5',
      '№ 77/5',
      '99 01',
      '77-1234-5678-901',
      '1234567890'.repeat(3),
    ]
    for (const number of older) {
      expect(readCode(` ${number} \n`), number).toEqual({ kind: 'card', value: number })
    }
    expect(readCode(';1234567890123456789=99121010000?')).toEqual({
      kind: 'card',
      value: '1234567890123456789',
    })
  })

  it('leaves what is no code to the server, and nothing to nobody', () => {
    const long = 'https://example.org/cards/964301482093'
    expect(readCode(long)).toEqual({ kind: 'code', value: long })
    expect(readCode('1'.repeat(40))).toEqual({ kind: 'code', value: '1'.repeat(40) })
    expect(readCode('٩٦٤٣٠١٤٨٢٠٩٣١١٧٦')?.kind).toBe('card')
    expect(readCode(' \u00a0\n')).toBeUndefined()
    expect(readCode(' -- ')).toBeUndefined()
  })

  it('hides the live digits once they are read', () => {
    expect(shown({ kind: 'code', value: CODE })).toBe('9643 0148 2093 1176 ···· ····')
    expect(shown({ kind: 'card', value: NUMBER })).toBe('9643 0148 2093 1176')
    expect(shown({ kind: 'card', value: '12345678' })).toBe('12345678')
  })
})

describe('the next receipt', () => {
  it('is one higher, as wide as the last', () => {
    expect(nextReceipt('000418-26')).toBe('000418-27')
    expect(nextReceipt('A-0099/b')).toBe('A-0100/b')
    expect(nextReceipt('999')).toBe('1000')
    expect(nextReceipt('none')).toBe('')
    expect(nextReceipt(undefined)).toBe('')
  })
})

it('finds the card by whatever a scanner reads', () => {
  const track = `%B${NUMBER}^IVANOVA/ANNA^3112000?;${NUMBER}=3112000?`
  for (const scanned of [CODE, NUMBER, track, `;${NUMBER}=3112000?`, `ж${NUMBER}=3112000,`, ` ${NUMBER}\n`]) {
    expect(cardShown(scanned), scanned).toBe(NUMBER)
  }
  expect(cardShown('псб-777')).toBe('псб-777')
  expect(cardShown('  ')).toBe('')
})
