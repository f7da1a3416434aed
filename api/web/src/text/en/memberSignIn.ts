/** Words of a member’s sign-in. */
import { common } from './common'

export const signin = {
  ...common.signin,
  title: 'Union member’s card',
  hint: 'We’ll mail you a code to sign in: no password needed.',
  emailHint: 'The one your union knows',
  send: 'Get a code',
  sent: 'If {{email}} is known to the union, a code has been sent to it.',
  code: 'Code from the mail',
  codeHint: 'Six digits, good for 10 minutes',
  resend: 'Send the code again',
  sentAgain: 'The code has been sent again',
  resendIn_one: 'You can send it again in {{count}} second',
  resendIn_other: 'You can send it again in {{count}} seconds',
  otherEmail: 'Another address',
  wrong: 'The code didn’t fit. Check the digits or get a new one.',
}
