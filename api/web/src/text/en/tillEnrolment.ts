/** Words about joining the programme at the till. */
export const enrolment = {
  title: 'Not in the bonus programme: enrol now?',
  text: 'The customer gets a code from their union by SMS or mail. The till learns neither name nor number.',
  start: 'Send the customer a code',
  sentSms: 'The code went to the customer by SMS.',
  sentEmail: 'The code went to the customer by mail.',
  agree: 'By telling the code the customer accepts the offer (version {{version}}).',
  code: 'The customer’s code',
  codeHint: 'Six digits, good for 10 minutes',
  confirm: 'Enrol',
  again: 'Send again',
  done: 'The customer is in the bonus programme',
}
