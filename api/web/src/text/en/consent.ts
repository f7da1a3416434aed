/** Words of the page where another’s app is allowed to show the card. */
import { common } from './common'
import { scope } from './memberApps'
import { signin } from './memberSignIn'

export default {
  pageTitle: 'Connecting the card',
  ...common,
  signin,
  scope,
  consent: {
    title: 'Connecting the card',
    wrong: 'The app asked for something wrong. Go back to it and try again.',
    asks: '{{app}} asks to show your card',
    signIn: 'Sign in to see what is asked and decide. We’ll mail you a code: no password needed.',
    hint: 'It’s your choice. Once you allow it, you’ll be back in the app.',
    who: 'Card of {{name}}.',
    notMe: 'That’s not me',
    never:
      'The app won’t see your name, organisation, mail address, purchases or family cards. You can disconnect it at any time: “Settings”, “Connected apps”.',
    allow: 'Allow',
    refuse: 'Don’t allow',
    back: 'Go back without allowing',
  },
}
