/** Words shared by all pages. */
export const common = {
  loading: 'Loading…',
  retry: 'Try again',
  close: 'Close',
  cancel: 'Cancel',
  clear: 'Clear',
  language: 'Language',
  today: 'today',
  yesterday: 'yesterday',
  signOut: 'Sign out',
  more: 'Show more',
  theme: { name: 'Theme', auto: 'As in the system', light: 'Light', dark: 'Dark' },
  signin: {
    email: 'E-mail',
    password: 'Password',
    showPassword: 'Show or hide the password',
    enter: 'Sign in',
    ended: 'Your session has ended. Please sign in again.',
  },
  role: {
    administrator: 'administrator',
    registrar: 'registrar',
    issuer: 'card issuer',
    chair: 'chair',
    finance: 'finance',
    controller: 'controller',
    auditor: 'auditor',
    cashier: 'cashier',
    manager: 'partner’s manager',
  },
  camera: {
    title: 'Scan with the camera',
    hint: 'Point the camera at the code: it closes by itself.',
    denied: {
      title: 'The camera is not allowed',
      detail: 'Allow the camera for this page in the browser’s settings, or type the code.',
    },
    missing: { title: 'No camera was found', detail: 'Connect a camera, or type the code.' },
  },
  problem: {
    network: {
      title: 'The server can’t be reached',
      detail: 'Check the connection and try again: what you entered is still here.',
    },
    server: {
      title: 'The server failed',
      detail: 'Nothing has changed. Wait a minute and try again.',
    },
    rate: {
      title: 'Too often',
      detail: 'Wait a little and try again.',
      wait_one: 'Try again in {{count}} second.',
      wait_other: 'Try again in {{count}} seconds.',
    },
    other: { title: 'It didn’t work' },
    right: {
      title: 'Not allowed',
      detail: 'Your role can’t do this.',
      allowed: 'Who can: {{roles}}.',
    },
  },
}
